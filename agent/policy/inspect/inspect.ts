import { continueUtf8, UTF8_COMPLETE } from "../../mqtt/utf8.ts";
import { compileRegex, type LinearRegex } from "../regex.ts";
import { collapsible, GLUED_PLUS, isChanged, SHELL_QUOTING, SQL_COMMENT, SQL_JOIN } from "./collapse.ts";
import { type Collapse, collapsed, collapsedSource } from "./collapsed_views.ts";
import { COMMAND_PATTERNS } from "./command_patterns/mod.ts";
import { type InspectionConfig, type PartName, SEVERITIES, type Severity } from "./config.ts";
import { countNonText, insideData } from "./data_views.ts";
import { type JsonLimits, jsonViolation } from "./json_limits.ts";
import { compileTable, matchPatterns, matchWorkDone, type PatternTable, resetMatchWork } from "./match.ts";
import { COMMENTS_STAY, ESCAPES_STAY, FOLDS_STAY, PLUS_STAYS, QUOTING_STAYS } from "./narrow.ts";
import { PATH_PATTERNS } from "./path_patterns/mod.ts";
import type { Category, Pattern } from "./pattern.ts";
import { arePatternsCut, beginPatterns, byteWorkOf, patternWork, takePatternWork } from "./pattern_work.ts";
import { decodedRuns } from "./piece_views.ts";
import { GUESSED } from "./pieces.ts";
import {
  DOUBLE_QUOTE,
  HAS_BACKSLASH,
  HAS_CONTROL,
  HAS_ENTITY,
  HAS_HIGH,
  HAS_NUL,
  HAS_PERCENT,
  HAS_PLUS,
  HAS_TRICK,
  hasSeparator,
  scan,
  TRIGGER,
} from "./prefilter.ts";
import { SCRIPT_PATTERNS } from "./script_patterns/mod.ts";
import { SQL_PATTERNS } from "./sql_patterns/mod.ts";
import { folded, narrowed, unescaped } from "./text_views.ts";
import { BOUNDARY, isEscaped, isJsonText } from "./tokens.ts";
import { compileTopicSet, inTopicSet, type TopicSet } from "./topic_set.ts";
import { isForm } from "./unescape.ts";
import { chainOf, sourceOffset } from "./view_source.ts";
import { beginViews, exceeded, viewWork } from "./view_state.ts";
import { compileViewLimits, hasBounds, isFromStrings, rawView, type View, type ViewLimits } from "./views.ts";

/** What patterns of the operator may cost at worst in a thread: 2 s. Nearly all texts cost them a hundredth. */
const MAX_PATTERN_WORK = 1 << 27;

/** One thing that was found. It holds nothing of the text itself. */
export interface Hit {
  /** `sqli`, `command-injection`, `script-injection`, `path-traversal`, `custom`, `inspection-budget`, `json-limits`, `binary`, `payload-size`. */
  readonly category: string;
  /** Name of the pattern, of the custom pattern or of the limit. */
  readonly pattern: string;
  readonly severity: Severity;
  /** Decodings that it was found within, outermost first: `["json", "base64"]`; empty for the text as it came. */
  readonly views: readonly string[];
  /** Form of a language that it was found in: comments of SQL or quotes of a shell left out, `+` read as a space. */
  readonly form: Collapse | null;
  /** Byte of the text as it came: exact for escapes, about for encoded runs; -1 where it has no place. */
  readonly offset: number;
  readonly part: PartName;
  /** The custom pattern is one that is tried out. */
  readonly shadow: boolean;
}

/** What one inspection found; there is none where nothing was. */
export interface Findings {
  /** What refuses the packet, or null. */
  readonly blocking: Hit | null;
  /** What is told and refuses nothing: below `block-severity`, shadow patterns, a payload too large to be searched. */
  readonly audited: readonly Hit[];
}

interface CustomPattern {
  readonly name: string;
  readonly regex: LinearRegex;
  readonly severity: Severity;
  readonly topics: TopicSet | null;
  readonly shadow: boolean;
  /** What a byte costs at worst, in the units of `inspectionWork`. */
  readonly byteWork: number;
}

/** A compiled configuration: immutable. */
export interface InspectionPlan {
  readonly parts: ReadonlySet<PartName>;
  readonly maxPayloadBytes: number;
  readonly skipsOversize: boolean;
  readonly blocksBinary: boolean;
  readonly excluded: TopicSet;
  readonly blockRank: number;
  /** Null if no built-in pattern is on. */
  readonly table: PatternTable | null;
  /** Of the categories alone that a form of a language is about: most texts then need not be cut again. */
  readonly formTables: FormTables;
  readonly customs: readonly CustomPattern[];
  /** What patterns of the operator may cost in one inspection, in the units of `inspectionWork`: more is refused. */
  readonly maxPatternWork: number;
  readonly limits: ViewLimits;
  readonly jsonLimits: JsonLimits;
}

/** Null where no pattern of those categories is on. */
interface FormTables {
  readonly sql: PatternTable | null;
  /** Scripts and style sheets have the comments of SQL. */
  readonly commented: PatternTable | null;
  readonly shell: PatternTable | null;
}

/** A fault of the configuration that only compiling finds; the path is within `inspection`. */
export interface InspectionProblem {
  readonly path: readonly (string | number)[];
  readonly message: string;
}

const BUILT_IN: Readonly<Record<Category, readonly Pattern[]>> = {
  "sqli": SQL_PATTERNS,
  "command-injection": COMMAND_PATTERNS,
  "script-injection": SCRIPT_PATTERNS,
  "path-traversal": PATH_PATTERNS,
};

/** Every built-in pattern. */
export const ALL_PATTERNS: readonly Pattern[] = Object.values(BUILT_IN).flat();

/** Compiles the section; all problems are told at once. Plain data in, so that a worker can do it for itself. */
export function compileInspection(
  config: InspectionConfig,
): { readonly plan: InspectionPlan } | { readonly problems: readonly InspectionProblem[] } {
  const problems: InspectionProblem[] = [];
  const customs: CustomPattern[] = [];
  config.patterns["custom-patterns"].forEach(({ name, pattern, severity, topics, shadow }, n) => {
    const compiled = compileRegex(pattern);
    if ("error" in compiled) {
      problems.push({ path: ["patterns", "custom-patterns", n, "pattern"], message: compiled.error });
      return;
    }
    const set = topics === undefined ? null : compileTopicSet(topics);
    const { regex } = compiled;
    const byteWork = byteWorkOf(regex.programSize);
    customs.push({ name, regex, severity, topics: set, shadow, byteWork });
  });
  if (problems.length > 0) return { problems };
  const categories = (Object.keys(BUILT_IN) as Category[]).filter((category) => config.patterns[category]);
  const patterns = categories.flatMap((category) => BUILT_IN[category]);
  const limits = config["json-limits"];
  const plan: InspectionPlan = Object.freeze({
    parts: new Set(config.inspect),
    maxPayloadBytes: config["max-payload-size"] === 0 ? Infinity : config["max-payload-size"],
    skipsOversize: config.oversize === "skip",
    blocksBinary: config["block-binary"],
    excluded: compileTopicSet(config["exclude-topics"]),
    blockRank: SEVERITIES.indexOf(config["block-severity"]),
    table: tableOf(patterns),
    formTables: {
      sql: tableOf(patterns.filter(({ category }) => category === "sqli")),
      commented: tableOf(patterns.filter(({ category }) => category === "sqli" || category === "script-injection")),
      shell: tableOf(patterns.filter(({ category }) => category === "command-injection")),
    },
    customs,
    maxPatternWork: MAX_PATTERN_WORK,
    limits: compileViewLimits(config.views, config["max-depth"], config["max-decoded-bytes"]),
    jsonLimits: {
      maxDepth: limits["max-depth"],
      maxKeys: limits["max-keys"],
      maxStringBytes: limits["max-string"],
      allowsDuplicates: limits["duplicate-keys"] === "allow",
      allowsProto: limits["__proto__"] === "allow",
    },
  });
  return { plan };
}

function tableOf(patterns: readonly Pattern[]): PatternTable | null {
  return patterns.length === 0 ? null : compileTable(patterns);
}

const encoder = new TextEncoder();
const lossyDecoder = new TextDecoder("utf-8", { ignoreBOM: true });
const latin1Decoder = new TextDecoder("latin1");
/** At most so many audited hits of one text are told. */
const MAX_AUDITED = 8;
/** A text with more than one byte in four that belongs to none, and more than two of them, is data. */
const DATA_SHARE = 4;
const MAX_BROKEN = 2;

/** State of the inspection that is going on. */
let plan: InspectionPlan;
let part: PartName = "payload";
let topicName = "";
let view: View = rawView(new Uint8Array(0));
let form: Collapse | null = null;
/** What the form was made of: the view, or those strings of it that may be written in it. */
let formSource: View = view;
let formBytes: Uint8Array = view.bytes;
let formStart = 0;
let formEnd = 0;
let blocking: Hit | null = null;
let audited: Hit[] = [];
/** The custom patterns that see messages of this topic. */
const customs: CustomPattern[] = [];

/**
 * Searches one part of a packet. `topic` is that of its message, empty where there is none: `exclude-topics` and the
 * topics of custom patterns go by it. A text comes as its bytes or as a string. Null if there is nothing to tell.
 *
 * Synchronous, time linear in the size and in `max-decoded-bytes`. It stops at the first hit that refuses. Not reentrant.
 */
export function inspect(
  by: InspectionPlan,
  what: PartName,
  content: Uint8Array | string,
  topic: string,
): Findings | null {
  // Before anything returns: who asks what this has cost must not be told what the one before did.
  beginViews();
  resetMatchWork();
  beginPatterns(by.maxPatternWork);
  if (!by.parts.has(what)) return null;
  plan = by;
  part = what;
  topicName = topic;
  form = null;
  blocking = null;
  audited = [];
  const bytes = typeof content === "string" ? bytesOf(content) : content;
  if (bytes.length > 0) {
    if (what === "payload" || what === "will") inspectMessage(bytes);
    else if (what === "user-properties" && isExcluded()) return null;
    else searchFrom(rawView(bytes));
  }
  return blocking === null && audited.length === 0 ? null : { blocking, audited };
}

/** Topics and names: up to 4 KiB of UTF-8 are written where the last ones were. */
const textBuffer = new Uint8Array(4096);

function bytesOf(text: string): Uint8Array {
  if (text.length * 3 > textBuffer.length) return encoder.encode(text);
  return textBuffer.subarray(0, encoder.encodeInto(text, textBuffer).written);
}

/** Work that the last inspection did, in bytes and tokens looked at: tests of linearity count it instead of time. */
export function inspectionWork(): number {
  return viewWork + matchWorkDone() + patternWork;
}

function isExcluded(): boolean {
  return topicName !== "" && inTopicSet(plan.excluded, topicName);
}

/** Sizes and limits bind every payload; what `exclude-topics` frees from are the patterns. */
function inspectMessage(bytes: Uint8Array): void {
  if (bytes.length > plan.maxPayloadBytes) {
    tell(
      "payload-size",
      plan.skipsOversize ? "payload-not-searched" : "payload-too-large",
      "critical",
      -1,
      plan.skipsOversize,
    );
    return;
  }
  const raw = view = rawView(bytes);
  if (plan.blocksBinary && !isUtf8(bytes)) {
    tell("binary", "binary-payload", "critical", -1, false);
    return;
  }
  const violation = jsonViolation(bytes, plan.jsonLimits, false);
  if (violation !== null && tell("json-limits", violation.name, violation.severity, violation.offset, false)) return;
  if (!isExcluded()) searchFrom(raw);
}

function isUtf8(bytes: Uint8Array): boolean {
  return continueUtf8(UTF8_COMPLETE, bytes, 0, bytes.length) === UTF8_COMPLETE;
}

/** Searches a text and everything that is in it, nearest first. */
function searchFrom(raw: View): void {
  customs.length = 0;
  for (const custom of plan.customs) {
    if (custom.topics === null || inTopicSet(custom.topics, topicName)) customs.push(custom);
  }
  if (plan.table === null && customs.length === 0) return;
  const queue: View[] = [raw];
  for (let next = 0; next < queue.length; next++) {
    view = queue[next] as View;
    form = null;
    if (searchView(queue)) return;
  }
  view = raw;
  form = null;
  const bound = exceeded ?? (arePatternsCut ? "custom-patterns" : null);
  if (bound !== null) tell("inspection-budget", bound, "critical", -1, false);
}

/** Searches one view and puts what it can be decoded to behind `queue`; true if it holds what refuses. */
function searchView(queue: View[]): boolean {
  const { bytes, start, end } = view;
  const { table, limits } = plan;
  const isJson = isJsonText(bytes, start, end);
  const flags = table === null ? ALL_FLAGS : scan(table.prefilter, bytes, start, end, isJson);
  let isBinary = false;
  let hasData = false;
  if ((flags & (HAS_CONTROL | HAS_NUL | HAS_HIGH)) !== 0 && !isFromStrings(view)) {
    const count = countNonText(view);
    hasData = count > 0;
    // What was escaped was a text, whatever it is now.
    isBinary = view.kind !== "escapes" && count > MAX_BROKEN && count * DATA_SHARE > end - start;
    if (hasData || isPackedText(bytes, start, end)) queue.push(...insideData(view, limits, isBinary));
  }
  // Data has its texts in the views just made; patterns of the operator may be about anything.
  if (isBinary) return searchCustoms(false);
  if (table !== null && searchForms(table, flags, isJson)) return true;
  if (searchCustoms(isJson)) return true;
  // What Unicode stands for ASCII in is decoded further as that ASCII.
  if ((flags & (HAS_HIGH | HAS_CONTROL)) !== 0) {
    const source = narrowed(view, isJson, FOLDS_STAY);
    const fold = folded(source, limits);
    if (fold !== null) {
      queue.push(fold);
      if (source === view) return false;
    }
  }
  queue.push(...decodedRuns(view, limits));
  if ((flags & (HAS_PERCENT | HAS_ENTITY | HAS_BACKSLASH)) !== 0) {
    const inner = unescaped(narrowed(view, isJson, ESCAPES_STAY), limits, false);
    if (inner !== null) queue.push(inner);
  }
  const isLone = (flags & DOUBLE_QUOTE) !== 0 &&
    (hasBounds(view) || (bytes[start] === 0x22 && !isJson && isJsonText(bytes, start, end, true)));
  if (isLone || ((flags & HAS_PERCENT) !== 0 && isForm(bytes, start, end))) {
    const inner = unescaped(view, limits, true);
    if (inner !== null) queue.push(inner);
  }
  return false;
}

/** Without built-in patterns nothing is known of a text before it is decoded. */
const ALL_FLAGS = HAS_PERCENT | HAS_ENTITY | HAS_BACKSLASH | HAS_HIGH | HAS_CONTROL | HAS_NUL;

/** A CBOR string, or a text with a byte order mark of UTF-16, has no byte that is none of a text. */
function isPackedText(bytes: Uint8Array, start: number, end: number): boolean {
  const length = end - start;
  const first = bytes[start] as number;
  if (first >= 0x60 && first < 0x78) return length === first - 0x5f;
  return first === 0x78 && bytes[start + 1] === length - 2;
}

/** The view as it is, and as SQL and shells read it. */
function searchForms(table: PatternTable, flags: number, isJson: boolean): boolean {
  const { bytes, start, end } = view;
  if ((flags & TRIGGER) !== 0 && matchPatterns(table, bytes, start, end, hasBounds(view), onPattern)) return true;
  if ((flags & (TRIGGER | HAS_TRICK | HAS_PLUS)) === 0 && !hasSeparator(flags)) return false;
  const tricks = collapsible(bytes, start, end);
  if (tricks === 0) return false;
  if ((tricks & GLUED_PLUS) !== 0 && searchForm(table, "plus", isJson, PLUS_STAYS)) return true;
  if ((tricks & SQL_COMMENT) !== 0 && searchForm(plan.formTables.sql, "sql", isJson, COMMENTS_STAY)) return true;
  if ((tricks & SQL_JOIN) !== 0 && searchForm(plan.formTables.commented, "sql-joined", isJson, COMMENTS_STAY)) {
    return true;
  }
  return (tricks & SHELL_QUOTING) !== 0 && searchForm(plan.formTables.shell, "shell", isJson, QUOTING_STAYS);
}

function searchForm(table: PatternTable | null, how: Collapse, isJson: boolean, stays: number): boolean {
  if (table === null) return false;
  formSource = narrowed(view, isJson, stays);
  const { bytes, start, end } = collapsed(formSource, how);
  if (!isChanged) return false;
  form = how;
  formBytes = bytes;
  formStart = start;
  formEnd = end;
  const flags = scan(table.prefilter, bytes, start, end, false);
  const isFound = (flags & TRIGGER) !== 0 &&
    matchPatterns(table, bytes, start, end, how === "shell" || hasBounds(formSource), onPattern);
  form = null;
  return isFound;
}

function onPattern(pattern: Pattern, at: number): boolean {
  if (pattern.weak === true && view.doubtBelow > 0) {
    if (view.doubtBelow === GUESSED || textLengthAt(at) < view.doubtBelow) return false;
  }
  return tell(pattern.category, pattern.name, pattern.severity, at, false);
}

/** Length of the text between bounds that holds the byte `at` of the view, or of its collapsed form; up to what is asked for. */
function textLengthAt(at: number): number {
  const bytes = form === null ? view.bytes : formBytes;
  const low = Math.max(form === null ? view.start : formStart, at - view.doubtBelow);
  const high = Math.min(form === null ? view.end : formEnd, at + view.doubtBelow);
  let from = at;
  while (from > low && bytes[from - 1] !== BOUNDARY) from--;
  let to = at;
  while (to < high && bytes[to] !== BOUNDARY) to++;
  return to - from;
}

/** Custom patterns see the text, and each text in it: the strings of a JSON document, the pieces of a decoded form. */
function searchCustoms(isJson: boolean): boolean {
  if (customs.length === 0) return false;
  const { bytes, start, end } = view;
  const hasParts = view.pieces.length > 0 || view.kind === "escapes";
  if (!hasParts && searchCustomText(start, end)) return true;
  if (!hasParts && !isJson) return false;
  let from = start;
  for (let at = start; at <= end; at++) {
    const byte = at === end ? BOUNDARY : bytes[at];
    if (byte !== BOUNDARY && !(isJson && byte === 0x22 && !isEscaped(bytes, at))) continue;
    // One space stands for a string that was searched in the view before.
    const isLeftOut = at === from + 1 && bytes[from] === 0x20 && view.kind === "escapes";
    if (at > from && !isLeftOut && searchCustomText(from, at)) return true;
    from = at + 1;
  }
  return false;
}

function searchCustomText(from: number, to: number): boolean {
  // To make it a string costs as much as a small pattern.
  if (!takePatternWork(to - from, 1)) return false;
  const text = textOf(view.bytes.subarray(from, to));
  for (const { name, regex, severity, shadow, byteWork } of customs) {
    if (!takePatternWork(to - from, byteWork)) return false;
    if (regex.test(text) && tell("custom", name, severity, from, shadow)) return true;
  }
  return false;
}

/** One broken byte switches nothing off: what is not UTF-8 is read byte by byte. */
function textOf(bytes: Uint8Array): string {
  const text = lossyDecoder.decode(bytes);
  return text.includes("\ufffd") ? text + "\n" + latin1Decoder.decode(bytes) : text;
}

/** Notes a hit at byte `at` of the view; true if it refuses. */
function tell(category: string, pattern: string, severity: Severity, at: number, shadow: boolean): boolean {
  const blocks = !shadow && SEVERITIES.indexOf(severity) >= plan.blockRank;
  if (!blocks) {
    if (audited.length >= MAX_AUDITED) return false;
    for (const hit of audited) if (hit.pattern === pattern && hit.category === category) return false;
  }
  const found = form === null ? view : formSource;
  const inView = form === null || at < 0 ? at : collapsedSource(formSource, form, at - formStart);
  const hit: Hit = {
    category,
    pattern,
    severity,
    views: chainOf(view),
    form,
    offset: at < 0 ? -1 : sourceOffset(found, inView),
    part,
    shadow,
  };
  if (blocks) blocking = hit;
  else audited.push(hit);
  return blocks;
}
