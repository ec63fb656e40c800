import { compileRegex, type LinearRegex } from "../regex.ts";
import { BYTE_PATTERNS, type BytePattern } from "./byte_patterns.ts";
import { COMMAND_PATTERNS } from "./command_patterns/mod.ts";
import { type InspectionConfig, type PartName, SEVERITIES, type Severity } from "./config.ts";
import type { JsonLimits } from "./json_limits.ts";
import { compileTable, type PatternTable } from "./match.ts";
import { PATH_PATTERNS } from "./path_patterns/mod.ts";
import type { Category, Pattern } from "./pattern.ts";
import { byteWorkOf } from "./pattern_work.ts";
import { SCRIPT_PATTERNS } from "./script_patterns/mod.ts";
import { SQL_PATTERNS } from "./sql_patterns/mod.ts";
import { compileTopicSet, type TopicSet } from "./topic_set.ts";
import { compileViewLimits, type ViewLimits } from "./views.ts";

/** What patterns of the operator may cost at worst in a thread: 2 s. Nearly all texts cost them a hundredth. */
const MAX_PATTERN_WORK = 1 << 27;

/** A pattern of the operator, compiled. */
export interface CustomPattern {
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
  /** What is asked of bytes instead of words. */
  readonly bytePatterns: readonly BytePattern[];
  /** Of the categories alone that a form of a language is about: most texts then need not be cut again. */
  readonly formTables: FormTables;
  readonly customs: readonly CustomPattern[];
  /** What patterns of the operator may cost in one inspection, in the units of `inspectionWork`: more is refused. */
  readonly maxPatternWork: number;
  /** Nothing more is searched once it is known that more had to be decoded than may be: it is refused, or searched elsewhere. */
  readonly stopsAtBound: boolean;
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
export function compileInspection(config: InspectionConfig): PlanResult {
  const steps = compileInspectionSteps(config);
  for (;;) {
    const step = steps.next();
    if (step.done === true) return step.value;
  }
}

export type PlanResult = { readonly plan: InspectionPlan } | { readonly problems: readonly InspectionProblem[] };

/** Custom patterns compiled in a step, 0.1 ms each. */
const STEP_PATTERNS = 8;

/** As {@link compileInspection}, in steps, between which others may work. */
export function* compileInspectionSteps(config: InspectionConfig): Generator<void, PlanResult> {
  const problems: InspectionProblem[] = [];
  const customs: CustomPattern[] = [];
  for (const [n, { name, pattern, severity, topics, shadow }] of config.patterns["custom-patterns"].entries()) {
    if (n % STEP_PATTERNS === STEP_PATTERNS - 1) yield;
    const compiled = compileRegex(pattern);
    if ("error" in compiled) {
      problems.push({ path: ["patterns", "custom-patterns", n, "pattern"], message: compiled.error });
      continue;
    }
    const set = topics === undefined ? null : compileTopicSet(topics);
    const { regex } = compiled;
    const byteWork = byteWorkOf(regex.programSize);
    customs.push({ name, regex, severity, topics: set, shadow, byteWork });
  }
  if (problems.length > 0) return { problems };
  const categories = (Object.keys(BUILT_IN) as Category[]).filter((category) => config.patterns[category]);
  const patterns = categories.flatMap((category) => BUILT_IN[category]);
  const limits = config["json-limits"];
  yield;
  const table = tableOf(patterns);
  yield;
  const sql = tableOf(patterns.filter(({ category }) => category === "sqli"));
  yield;
  const commented = tableOf(patterns.filter(({ category }) => category === "sqli" || category === "script-injection"));
  yield;
  const shell = tableOf(patterns.filter(({ category }) => category === "command-injection"));
  const plan: InspectionPlan = Object.freeze({
    parts: new Set(config.inspect),
    maxPayloadBytes: config["max-payload-size"] === 0 ? Infinity : config["max-payload-size"],
    skipsOversize: config.oversize === "skip",
    blocksBinary: config["block-binary"],
    excluded: compileTopicSet(config["exclude-topics"]),
    blockRank: SEVERITIES.indexOf(config["block-severity"]),
    table,
    bytePatterns: BYTE_PATTERNS.filter(({ category }) => config.patterns[category]),
    formTables: { sql, commented, shell },
    customs,
    maxPatternWork: MAX_PATTERN_WORK,
    stopsAtBound: false,
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

/** Tables by the numbers of their patterns: a handful, since only whole categories are chosen. Each takes 10 ms to make. */
const tables = new Map<string, PatternTable>();

function tableOf(patterns: readonly Pattern[]): PatternTable | null {
  if (patterns.length === 0) return null;
  const key = patterns.map((pattern) => ALL_PATTERNS.indexOf(pattern)).join();
  let table = tables.get(key);
  if (table === undefined) {
    table = compileTable(patterns);
    tables.set(key, table);
  }
  return table;
}
