/**
 * The text of `bans.json`:
 *
 * ```json
 * {
 * "format": "sentinel-mqtt-agent bans",
 * "version": 1,
 * "bans": [
 * {"id":"0b9e…","source":"operator","by":"client-ip","value":"10.0.0.0/8","reason":"probes","set-by":"ann","set-at":"2027-01-31T12:00:00.000Z","until":null},
 * {"id":"71c4…","source":"automatic","by":"client-id","value":"dev-1","from":"2001:db8::/64",…,"until":"2027-01-31T13:00:00.000Z"}
 * ]
 * }
 * ```
 */
import { ConfigDocument } from "../config/document.ts";
import { hint } from "../config/hint.ts";
import { quote } from "../config/quote.ts";
import { limiterKey, parseAddress } from "../policy/address.ts";
import { type Ban, BAN_KINDS, type BanEntry, type BanKind, isUnseemly, readTarget, UNREADABLE } from "./ban.ts";

const FORMAT = "sentinel-mqtt-agent bans";
const VERSION = 1;
/** Bans written at a time: 0.1 ms. */
const PIECE_BANS = 64;

/** The latest moment that a date can say. */
export const MAX_DATE_MS = 8.64e15;

/** Run-time bans as text, piece by piece. */
export function* writeBans(bans: readonly Ban[]): Generator<string> {
  yield `{\n"format": ${JSON.stringify(FORMAT)},\n"version": ${VERSION},\n"bans": [`;
  for (let at = 0; at < bans.length; at += PIECE_BANS) {
    const lines = bans.slice(at, at + PIECE_BANS).map((ban) => JSON.stringify(recordOf(ban)));
    yield `${at === 0 ? "\n" : ",\n"}${lines.join(",\n")}`;
  }
  yield "\n]\n}\n";
}

function recordOf({ id, source, by, value, from, reason, setBy, setAtMs, untilMs }: Ban): Record<string, unknown> {
  return {
    id,
    source,
    by,
    value,
    ...(from === null ? {} : { from }),
    reason,
    "set-by": setBy,
    "set-at": new Date(setAtMs ?? 0).toISOString(),
    until: untilMs === Infinity ? null : new Date(untilMs).toISOString(),
  };
}

export type BansReading = { readonly entries: readonly BanEntry[] } | { readonly fault: string };

/** Reads what `writeBans` wrote, and refuses everything else as a whole: half a list of bans lets the others in. */
export function readBans(text: string): BansReading {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return { fault: syntaxFault(text) };
  }
  if (!isRecord(value) || value["format"] !== FORMAT) return { fault: `it has no "format": ${quote(FORMAT)}` };
  const version = value["version"];
  if (version !== VERSION) {
    return typeof version === "number" && version > VERSION
      ? { fault: `a newer agent wrote it (version ${version}, known here is ${VERSION})` }
      : { fault: `its "version" is not ${VERSION}` };
  }
  const bans = value["bans"];
  if (!Array.isArray(bans)) return { fault: `"bans" is no list` };
  const entries: BanEntry[] = [];
  for (const [index, record] of bans.entries()) {
    const read = readBan(record);
    if ("fault" in read) return { fault: `bans[${index}]: ${read.fault}` };
    entries.push(read.entry);
  }
  return { entries };
}

/** The platform's parser does not always say where. */
function syntaxFault(text: string): string {
  const document = ConfigDocument.ofText("", text);
  const { fault } = document;
  if (fault === null) return "it is not valid JSON";
  const { line = 1, column = 1 } = document.placeAt(fault.offset);
  return `line ${line}, column ${column}: ${fault.text}`;
}

type JsonRecord = Readonly<Record<string, unknown>>;

const KEYS = ["id", "source", "by", "value", "from", "reason", "set-by", "set-at", "until"] as const;
const TEXTS = ["id", "value", "reason", "set-by"] as const;

function readBan(record: unknown): { readonly entry: BanEntry } | { readonly fault: string } {
  if (!isRecord(record)) return { fault: "it is no object" };
  const unknown = Object.keys(record).find((key) => !(KEYS as readonly string[]).includes(key));
  if (unknown !== undefined) return { fault: `unknown key ${quote(unknown)}${hint(unknown, KEYS)}` };
  for (const key of TEXTS) {
    const text = record[key];
    if (typeof text !== "string" || isUnseemly(text)) return { fault: `"${key}" is no text` };
  }
  const { id, value, reason } = record as Record<"id" | "value" | "reason", string>;
  const source = record["source"];
  if (source !== "operator" && source !== "automatic") return { fault: `"source" is not "operator" or "automatic"` };
  const by = record["by"];
  if (typeof by !== "string" || !Object.hasOwn(BAN_KINDS, by)) {
    return { fault: `"by" is none of ${Object.keys(BAN_KINDS).map(quote).join(", ")}` };
  }
  const from = record["from"] ?? null;
  if (from !== null && (source !== "automatic" || !isSource(from))) {
    return { fault: `"from" is not where clients come from` };
  }
  const setAtMs = momentOf(record["set-at"]);
  if (setAtMs === null) return { fault: `"set-at" is no date` };
  const until = record["until"];
  const untilMs = until === null ? Infinity : momentOf(until);
  if (untilMs === null) return { fault: `"until" is neither a date nor null` };
  const read = readTarget(by as BanKind, value);
  if ("fault" in read) return { fault: `${BAN_KINDS[by as BanKind]} ${quote(value)}: ${read.fault}` };
  const ban: Ban = {
    id,
    source,
    name: null,
    by: by as BanKind,
    value: read.value,
    from,
    reason,
    setBy: record["set-by"] as string,
    setAtMs,
    untilMs,
  };
  return { entry: { ban: Object.freeze(ban), target: read.target } };
}

/** As `sourceOf` says it, and no other spelling of it: it is compared as text. */
function isSource(from: unknown): from is string {
  if (typeof from !== "string") return false;
  if (from === UNREADABLE) return true;
  const address = parseAddress(from.endsWith("/64") ? from.slice(0, -3) : from);
  return address !== null && limiterKey(address) === from;
}

const MOMENT = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(?:\.\d{1,9})?(?:Z|[+-]\d{2}:\d{2})$/;
/** Beyond the years of four digits, as `Date` writes it. */
const FAR_MOMENT = /^\+\d{6}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}\.\d{3}Z$/;

function momentOf(value: unknown): number | null {
  if (typeof value !== "string" || !(MOMENT.test(value) || FAR_MOMENT.test(value))) return null;
  const moment = Date.parse(value);
  return Number.isNaN(moment) ? null : moment;
}

function isRecord(value: unknown): value is JsonRecord {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
