/**
 * A users file, as JSON with comments and trailing commas, or as YAML (`users_yaml.ts`):
 *
 * ```json
 * { "users": {
 *     "sensor-001": {
 *       "password_hash": "$2b$12$…",       // or password-hash; `password_hash.ts` says which forms there are
 *       "groups": ["sensors", "zone-a"],
 *       "enabled": true,
 *       "client-ids": ["sensor-001"],      // absent: any that the configuration allows
 *       "attributes": { "zone": "a" },     // texts, ${attr.zone} in rules
 *       "expires": "2027-01-31"            // from then on (a date alone: from 0:00 UTC) the user is refused
 *     } } }
 * ```
 */
import { type DuplicateKey, ListedMembers, type SyntaxFault } from "../config/jsonc.ts";
import type { Spot } from "../config/document.ts";
import { finished, type Steps } from "../config/steps.ts";
import { hint } from "../config/hint.ts";
import { type Path, type Place, type Problem, problem, type ProblemKind } from "../config/problem.ts";
import { quote } from "../config/quote.ts";
import { hashFault, type HashLimits } from "./password_hash.ts";
import { isUsableName } from "./proved_name.ts";

/** A users file that was read but not understood yet: `ConfigDocument` for JSON, `YamlDocument` for YAML. */
export interface UsersDocument {
  readonly source: string;
  /** The users may be `ListedMembers`. */
  readonly value: unknown;
  readonly fault: SyntaxFault | null;
  readonly duplicates: readonly DuplicateKey[];
  placeAt(offset: number): Place;
  places(spots: readonly Spot[]): Place[];
  /** As `places`, in steps; absent where that can not be. */
  placesSteps?(spots: readonly Spot[]): Steps<Place[]>;
}

/** One user as the file says it. Plain data: it crosses threads. */
export interface UserRecord {
  readonly name: string;
  readonly hash: string;
  readonly groups: readonly string[];
  readonly enabled: boolean;
  /** Null: any. Never empty. */
  readonly clientIds: readonly string[] | null;
  readonly attributes: ReadonlyMap<string, string> | null;
  /** Milliseconds since the epoch, Infinity for never. */
  readonly expiresAtMs: number;
}

export type UsersReading = { readonly records: readonly UserRecord[] } | { readonly problems: readonly Problem[] };

/** Reads all users, or tells all that is wrong, by place. No message quotes a hash. O(characters). */
export function readUsers(document: UsersDocument, limits: HashLimits): UsersReading {
  return finished(readUsersSteps(document, limits));
}

/** Users read in one step: a third of a millisecond. */
const STEP_USERS = 64;

/** As {@link readUsers}, in steps. */
export function* readUsersSteps(document: UsersDocument, limits: HashLimits): Steps<UsersReading> {
  const { fault } = document;
  if (fault !== null) return { problems: [problem("syntax", document.placeAt(fault.offset), [], fault.text)] };
  const reader = new UsersReader(limits);
  for (const { path } of document.duplicates) reader.duplicate(path);
  const records = yield* reader.read(document.value);
  return reader.findings.length === 0 ? { records } : { problems: yield* problemsOf(document, reader) };
}

interface Finding extends Spot {
  readonly kind: ProblemKind;
  readonly path: Path;
  readonly text: string;
}

/** A file with more wrong than this is another file; the rest is counted. */
const MAX_FINDINGS = 1000;

function* problemsOf(document: UsersDocument, { findings, untold }: UsersReader): Steps<Problem[]> {
  const places = document.placesSteps === undefined ? document.places(findings) : yield* document.placesSteps(findings);
  const problems = findings
    .map(({ kind, path, text }, index) => problem(kind, places[index] ?? { source: document.source }, path, text))
    .sort(({ place: a }, { place: b }) => (a.line ?? 0) - (b.line ?? 0) || (a.column ?? 0) - (b.column ?? 0));
  if (untold > 0) problems.push(problem("value", { source: document.source }, [], `${untold} more problems`));
  return problems;
}

type Bag = Readonly<Record<string, unknown>>;

const TOP_KEYS = ["users"] as const;
const USER_KEYS = ["password-hash", "groups", "enabled", "client-ids", "attributes", "expires"] as const;
type UserKey = typeof USER_KEYS[number];

/** Every spelling of a key, kebab-case and snake_case, with the one that is ours. */
const SPELLINGS: ReadonlyMap<string, UserKey> = new Map(
  USER_KEYS.flatMap((key) => [[key, key], [key.replaceAll("-", "_"), key]] as const),
);

const MAX_SHARED = 10_000;
const NO_GROUPS: readonly string[] = Object.freeze([]);

class UsersReader {
  readonly findings: Finding[] = [];
  untold = 0;
  readonly #limits: HashLimits;
  /** Lists of groups by what is in them: fleets have few, and equal ones cross threads as one. Bounded by MAX_SHARED. */
  readonly #shared = new Map<string, readonly string[]>();
  /** As the source spells it; only its last part may be spelled otherwise than ours. */
  #raw: (string | number)[] = [];

  constructor(limits: HashLimits) {
    this.#limits = limits;
  }

  duplicate(raw: Path): void {
    const key = quote(String(raw.at(-1)));
    const isUser = raw.length === 2 && raw[0] === "users";
    const text = isUser ? `the user ${key} is there twice` : `the key ${key} is there twice`;
    this.#add({ kind: "key", path: ours(raw.slice(0, -1)), raw, of: "key", text });
  }

  *read(value: unknown): Steps<UserRecord[]> {
    const records: UserRecord[] = [];
    if (!isBag(value)) {
      this.#fail(`expected an object with the key "users", found ${kindOf(value)}`);
      return records;
    }
    for (const key of Object.keys(value)) {
      if (key !== "users") this.#failKey(key, `unknown key ${quote(key)}${hint(key, TOP_KEYS)}`);
    }
    const users = Object.hasOwn(value, "users") ? value["users"] : undefined;
    this.#raw = ["users"];
    if (users === undefined) this.#add({ kind: "value", path: [], raw: [], of: "value", text: '"users" is missing' });
    else if (users instanceof ListedMembers) {
      for (let index = 0; index < users.names.length; index++) {
        if (index % STEP_USERS === 0) yield;
        this.#user(users.names[index] ?? "", users.values[index], records);
      }
    } else if (!isBag(users)) this.#fail(`expected an object keyed by user name, found ${kindOf(users)}`);
    else {
      for (const name of Object.keys(users)) {
        if (records.length % STEP_USERS === 0) yield;
        this.#user(name, users[name], records);
      }
    }
    return records;
  }

  #user(name: string, value: unknown, records: UserRecord[]): void {
    this.#raw = ["users", name];
    if (!isUsableName(name)) this.#fail("the name can not come from an MQTT client", "key");
    if (!isBag(value)) return this.#fail(`expected an object, found ${kindOf(value)}`);
    let hash = "";
    let groups = NO_GROUPS;
    let enabled = true;
    let clientIds: readonly string[] | null = null;
    let attributes: ReadonlyMap<string, string> | null = null;
    let expiresAtMs = Infinity;
    let hasHash = false;
    for (const spelling of Object.keys(value)) {
      const key = SPELLINGS.get(spelling);
      if (key === undefined) {
        this.#failKey(spelling, `unknown key ${quote(spelling)}${hint(spelling, USER_KEYS)}`);
        continue;
      }
      if (spelling !== key && Object.hasOwn(value, key)) {
        this.#failKey(spelling, `${quote(spelling)} and ${quote(key)} are the same key`);
      }
      this.#raw.push(spelling);
      const found = value[spelling];
      switch (key) {
        case "password-hash":
          hasHash = true;
          hash = this.#hash(found);
          break;
        case "groups":
          groups = this.#share(this.#texts(found));
          break;
        case "enabled":
          if (typeof found === "boolean") enabled = found;
          else this.#fail(`expected true or false, found ${shown(found)}`);
          break;
        case "client-ids":
          clientIds = this.#texts(found);
          // It might be meant as "none" or as "any", and the one is a lockout where the other is a hole.
          if (clientIds.length === 0) this.#fail("the list is empty: leave the key out to allow any client id");
          break;
        case "attributes":
          attributes = this.#attributes(found);
          break;
        case "expires":
          expiresAtMs = this.#expires(found);
          break;
        default:
          key satisfies never;
      }
      this.#raw.pop();
    }
    if (!hasHash) this.#fail('"password-hash" is missing', "key");
    records.push({ name, hash, groups, enabled, clientIds, attributes, expiresAtMs });
  }

  #hash(value: unknown): string {
    if (typeof value !== "string") {
      this.#fail(`expected a text, found ${kindOf(value)}`);
      return "";
    }
    const fault = hashFault(value, this.#limits);
    if (fault !== null) this.#fail(fault);
    return value;
  }

  /** A list of one may be written as a text. */
  #texts(value: unknown): readonly string[] {
    if (typeof value === "string") {
      this.#isText(value);
      return [value];
    }
    if (!Array.isArray(value)) {
      this.#fail(`expected a list of texts, found ${kindOf(value)}`);
      return [""];
    }
    for (let index = 0; index < value.length; index++) {
      this.#raw.push(index);
      this.#isText(value[index]);
      this.#raw.pop();
    }
    return value as string[];
  }

  #share(texts: readonly string[]): readonly string[] {
    const key = texts.length === 1 ? String(texts[0]) : texts.join("\0");
    const shared = this.#shared.get(key);
    // Texts with that character in them are not told apart by the key.
    if (shared !== undefined && shared.length === texts.length && shared.every((text, i) => text === texts[i])) {
      return shared;
    }
    if (shared === undefined && this.#shared.size < MAX_SHARED) this.#shared.set(key, texts);
    return texts;
  }

  #attributes(value: unknown): ReadonlyMap<string, string> | null {
    if (!isBag(value)) {
      this.#fail(`expected an object of texts, found ${kindOf(value)}`);
      return null;
    }
    const attributes = new Map<string, string>();
    for (const name of Object.keys(value)) {
      this.#raw.push(name);
      const text = value[name];
      if (this.#isText(text)) attributes.set(name, text);
      this.#raw.pop();
    }
    return attributes;
  }

  #isText(value: unknown): value is string {
    if (typeof value !== "string") {
      const advice = typeof value === "number" || typeof value === "boolean" ? ": put it in quotes" : "";
      this.#fail(`expected a text, found ${shown(value)}${advice}`);
      return false;
    }
    if (value === "") this.#fail("the text is empty");
    else if (!value.isWellFormed()) this.#fail("the text holds half of a surrogate pair");
    return true;
  }

  #expires(value: unknown): number {
    const ms = typeof value === "string" ? dateMs(value) : NaN;
    if (!Number.isNaN(ms)) return ms;
    this.#fail(`expected a date like 2027-01-31 or 2027-01-31T12:00:00Z, found ${shown(value)}`);
    return Infinity;
  }

  #fail(text: string, of: "key" | "value" = "value"): void {
    this.#add({ kind: "value", path: ours(this.#raw), raw: [...this.#raw], of, text });
  }

  #failKey(spelling: string, text: string): void {
    this.#add({ kind: "key", path: ours(this.#raw), raw: [...this.#raw, spelling], of: "key", text });
  }

  #add(finding: Finding): void {
    if (this.findings.length < MAX_FINDINGS) this.findings.push(finding);
    else this.untold++;
  }
}

/** A path in our spelling. */
function ours(raw: Path): Path {
  return raw.map((part, index) => index === 2 && typeof part === "string" ? SPELLINGS.get(part) ?? part : part);
}

const DATE = /^\d{4}-\d{2}-\d{2}(?:T\d{2}:\d{2}(?::\d{2}(?:\.\d{1,9})?)?(?:Z|[+-]\d{2}:\d{2}))?$/;

/** ISO 8601, a time with its zone only, since it would mean another moment on each machine; NaN for anything else. */
function dateMs(text: string): number {
  const ms = DATE.test(text) ? Date.parse(text) : NaN;
  if (Number.isNaN(ms)) return NaN;
  // Date takes the 31st of February for the 3rd of March.
  const day = text.slice(0, 10);
  return new Date(`${day}T00:00:00Z`).toISOString().startsWith(day) ? ms : NaN;
}

function isBag(value: unknown): value is Bag {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** What stands where something else was expected: of texts only those that can be no secret. */
function shown(value: unknown): string {
  return typeof value === "number" || typeof value === "boolean" ? String(value) : kindOf(value);
}

function kindOf(value: unknown): string {
  if (value === null || value === undefined) return "nothing";
  if (Array.isArray(value)) return "a list";
  return typeof value === "string" ? "a text" : typeof value === "object" ? "an object" : `a ${typeof value}`;
}
