import { continueUtf8, UTF8_COMPLETE } from "../../mqtt/utf8.ts";
import { GLUED_PLUS, isChanged, SHELL_QUOTING, SQL_COMMENT, SQL_JOIN } from "./collapse.ts";
import { type Collapse, collapsed, collapsedSource } from "./collapsed_views.ts";
import { type PartName, SEVERITIES, type Severity } from "./config.ts";
import { countNonText, insideData } from "./data_views.ts";
import type { Findings, Hit } from "./findings.ts";
import type { CustomPattern, InspectionPlan } from "./inspection_plan.ts";
import { jsonViolation } from "./json_limits.ts";
import {
  isMatchCut,
  matchPatterns,
  matchStretches,
  matchWorkDone,
  type PatternTable,
  resetMatchWork,
} from "./match.ts";
import type { Pattern } from "./pattern.ts";
import { overlongBytes } from "./overlong.ts";
import { arePatternsCut, beginPatterns, patternWork, takePatternWork } from "./pattern_work.ts";
import { decodedRuns } from "./piece_views.ts";
import { GUESSED } from "./pieces.ts";
import {
  compilePrefilter,
  DOUBLE_QUOTE,
  HAS_BACKSLASH,
  HAS_CONTROL,
  HAS_ENTITY,
  HAS_HIGH,
  HAS_MAIL,
  HAS_PERCENT,
  HAS_PLUS,
  HAS_TRICK,
  scan,
  TRIGGER,
} from "./prefilter.ts";
import { findStretches, markTricks, survey } from "./spans.ts";
import { folded, loneStrings, mailViews, narrowed, rowView, unescaped } from "./text_views.ts";
import { BOUNDARY, isEscaped, isJsonText } from "./tokens.ts";
import { inTopicSet } from "./topic_set.ts";
import { isForm } from "./unescape.ts";
import { chainOf, sourceOffset } from "./view_source.ts";
import { addViewWork, beginViews, exceeded, viewWork } from "./view_state.ts";
import { hasBounds, isFromStrings, rawView, type View } from "./views.ts";

export type { Findings, Hit } from "./findings.ts";
export {
  ALL_PATTERNS,
  compileInspection,
  compileInspectionSteps,
  type InspectionPlan,
  type InspectionProblem,
} from "./inspection_plan.ts";

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
/** What this inspection may cost before it is given up, and whether it was. */
let maxWork = Infinity;
export let isWorkCut = false;
/** The custom patterns that see messages of this topic. */
const customs: CustomPattern[] = [];

/**
 * Searches one part of a packet. `topic` is that of its message, empty where there is none: `exclude-topics` and the
 * topics of custom patterns go by it. A text comes as its bytes or as a string. Null if there is nothing to tell.
 *
 * Synchronous, time linear in the size and in `max-decoded-bytes`. It stops at the first hit that refuses. Not reentrant.
 * Beyond `most` units of work, those of custom patterns aside, it is given up (`isWorkCut`): for who can have it done elsewhere.
 */
export function inspect(
  by: InspectionPlan,
  what: PartName,
  content: Uint8Array | string,
  topic: string,
  most: number = Infinity,
): Findings | null {
  // Before anything returns: who asks what this has cost must not be told what the one before did.
  beginViews();
  resetMatchWork(most);
  maxWork = most;
  isWorkCut = false;
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
    if (plan.stopsAtBound && exceeded === "max-decoded-bytes") break;
    view = queue[next] as View;
    form = null;
    if (isTooMuch() || searchView(queue)) return;
  }
  view = raw;
  form = null;
  const bound = exceeded ?? (arePatternsCut ? "custom-patterns" : null);
  if (bound !== null) tell("inspection-budget", bound, "critical", -1, false);
}

/** Whether the search has to be given up; then it is. */
function isTooMuch(): boolean {
  if (isMatchCut || viewWork + matchWorkDone() > maxWork) isWorkCut = true;
  return isWorkCut;
}

/** Searches one view and puts what it can be decoded to behind `queue`; true if it holds what refuses, or is too much. */
function searchView(queue: View[]): boolean {
  const { bytes, start, end } = view;
  const { table, limits } = plan;
  const isJson = isJsonText(bytes, start, end);
  const flags = survey(table === null ? NOTHING : table.prefilter, bytes, start, end, isJson, hasBounds(view));
  let isBinary = false;
  let hasData = false;
  if ((flags & (HAS_CONTROL | HAS_HIGH)) !== 0 && !isFromStrings(view)) {
    const count = countNonText(view);
    hasData = count > 0;
    // What was escaped was a text, whatever it is now.
    isBinary = view.kind !== "escapes" && isMostlyData(count, end - start);
    // A text whose signs are overlong is one all the same.
    if (isBinary) isBinary = isMostlyData(count - overlongBytes(bytes, start, end), end - start);
    if (hasData || isPackedText(bytes, start, end)) queue.push(...insideData(view, limits, isBinary));
  }
  if ((hasData || (bytes[start] === 0x2f && bytes[start + 1] === 0x2f)) && searchBytes()) return true;
  // Data has its texts in the views just made; patterns of the operator may be about anything.
  if (isBinary) return searchCustoms(false);
  if (table !== null && searchForms(table, flags, isJson)) return true;
  if (searchCustoms(isJson) || isTooMuch()) return true;
  if (!isJson && table !== null) {
    const rows = rowView(view);
    if (rows !== null) queue.push(rows);
  }
  // What Unicode stands for ASCII in is decoded further as that ASCII.
  if ((flags & (HAS_HIGH | HAS_CONTROL)) !== 0) {
    const source = narrowed(view, HAS_HIGH | HAS_CONTROL, 0);
    const fold = folded(source, limits);
    if (fold !== null) {
      queue.push(fold);
      if (source === view) return false;
    }
  }
  queue.push(...decodedRuns(view, limits));
  if (isTooMuch()) return true;
  if ((flags & HAS_MAIL) !== 0) {
    const source = narrowed(view, HAS_MAIL, 0);
    queue.push(...mailViews(source, isJson && source === view, limits));
  }
  if ((flags & (HAS_PERCENT | HAS_ENTITY | HAS_BACKSLASH)) !== 0) {
    const inner = unescaped(narrowed(view, HAS_PERCENT | HAS_ENTITY | HAS_BACKSLASH, 0), limits, false);
    if (inner !== null) queue.push(inner);
  }
  if ((flags & (HAS_PERCENT | HAS_PLUS)) !== 0 && isForm(bytes, start, end)) {
    const inner = unescaped(view, limits, true);
    if (inner !== null) queue.push(inner);
  } else if ((flags & DOUBLE_QUOTE) !== 0) {
    // Of all other texts this is what was just made.
    const lone = loneStrings(view, isJson);
    const inner = lone === null ? null : unescaped(lone, limits, true);
    if (inner !== null) queue.push(inner);
  }
  return false;
}

function isMostlyData(count: number, length: number): boolean {
  return count > MAX_BROKEN && count * DATA_SHARE > length;
}

/** Without built-in patterns the prefilter says no more than what there is to decode. */
const NOTHING = compilePrefilter([]);

/** What shows in the bytes of the view and not in its words. */
function searchBytes(): boolean {
  for (const { name, category, severity, test } of plan.bytePatterns) {
    const at = test(view.bytes, view.start, view.end);
    addViewWork(view.end - view.start);
    if (at >= 0 && tell(category, name, severity, at, false)) return true;
  }
  return false;
}

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
  if ((flags & TRIGGER) !== 0) {
    findStretches(isJson && hasBounds(view) && bytes.indexOf(BOUNDARY, start) < end - 1);
    if (matchStretches(table, bytes, hasBounds(view), isJson, onPattern)) return true;
  }
  if ((flags & (HAS_TRICK | HAS_PLUS | DOUBLE_QUOTE)) === 0) return false;
  const tricks = markTricks(bytes);
  if (tricks === 0) return false;
  if ((tricks & GLUED_PLUS) !== 0 && searchForm(table, "plus", GLUED_PLUS)) return true;
  if ((tricks & SQL_COMMENT) !== 0 && searchForm(plan.formTables.sql, "sql", SQL_COMMENT)) return true;
  if ((tricks & SQL_JOIN) !== 0 && searchForm(plan.formTables.commented, "sql-joined", SQL_JOIN)) return true;
  return (tricks & SHELL_QUOTING) !== 0 && searchForm(plan.formTables.shell, "shell", SHELL_QUOTING);
}

function searchForm(table: PatternTable | null, how: Collapse, tricks: number): boolean {
  if (table === null) return false;
  formSource = narrowed(view, 0, tricks);
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
  // The fields of rows were searched in their rows.
  if (customs.length === 0 || view.kind === "row") return false;
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
