import {
  compileInspection,
  type Hit,
  inspect,
  type InspectionConfig,
  type InspectionPlan,
  type Severity,
} from "../../agent/policy/inspect/mod.ts";
import { loadConfig } from "../../agent/config/mod.ts";
import { SEVERITIES } from "../../agent/policy/inspect/config.ts";
import type { CorpusFamily, CorpusItem } from "./corpus_files.ts";

/** The settings of `block-severity` that are measured, strictest first. */
export const THRESHOLDS = SEVERITIES;

/** What the engine did with one item at each threshold: the hit that refuses it, or null if it passed. */
export interface ItemResult {
  readonly item: CorpusItem;
  readonly refusedBy: Readonly<Record<Severity, Hit | null>>;
}

/** What the engine did with one family. */
export interface FamilyResult {
  readonly family: CorpusFamily;
  readonly results: readonly ItemResult[];
  /** How many of its items were refused at each threshold. */
  readonly refused: Readonly<Record<Severity, number>>;
}

/** Every pattern; views, parts and limits are the defaults of the configuration. */
function everything(): InspectionConfig {
  const patterns = { "sqli": true, "command-injection": true, "script-injection": true, "path-traversal": true };
  const loaded = loadConfig({ push: { inspection: { enabled: true, patterns } }, env: () => undefined });
  if ("problems" in loaded) {
    throw new Error(`Cannot measure: ${loaded.problems.map(({ message }) => message).join("; ")}`);
  }
  return loaded.config.inspection;
}

/** Runs every item through the engine with everything on, once for each threshold. */
export function measure(families: readonly CorpusFamily[]): FamilyResult[] {
  const plans = Object.fromEntries(
    THRESHOLDS.map((threshold) => [threshold, planAt(threshold)]),
  ) as Record<Severity, InspectionPlan>;
  return families.map((family) => {
    const results = family.items.map((item) => ({ item, refusedBy: byThreshold((at) => hitOf(plans[at], item)) }));
    const refused = byThreshold((at) => results.filter(({ refusedBy }) => refusedBy[at] !== null).length);
    return { family, results, refused };
  });
}

/** What refuses each item at one threshold, or null if it passes. */
export function hitsAt(threshold: Severity, items: readonly CorpusItem[]): (Hit | null)[] {
  const plan = planAt(threshold);
  return items.map((item) => hitOf(plan, item));
}

function planAt(threshold: Severity): InspectionPlan {
  const compiled = compileInspection({ ...everything(), "block-severity": threshold });
  if ("problems" in compiled) throw new Error(`Cannot compile the inspection: ${JSON.stringify(compiled.problems)}`);
  return compiled.plan;
}

function hitOf(plan: InspectionPlan, { part, content, topic }: CorpusItem): Hit | null {
  return inspect(plan, part, content, topic)?.blocking ?? null;
}

function byThreshold<T>(of: (threshold: Severity) => T): Record<Severity, T> {
  return { low: of("low"), medium: of("medium"), high: of("high"), critical: of("critical") };
}
