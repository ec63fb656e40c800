import { filterProblem } from "../mqtt/topic_filter.ts";
import type { QosConfig } from "./qos_policy.ts";
import type { RetainedConfig } from "./retained_policy.ts";
import type { InspectionConfig } from "./inspect/config.ts";

interface Fault {
  readonly path: readonly (string | number)[];
  readonly message: string;
}

/**
 * What is no topic filter in `qos` and `retained`, whether they are on or not. Compiled, such a text would match nothing:
 * a blocked topic would not be blocked, and nobody would be told.
 */
export function filterFaults(
  { qos, retained }: { readonly qos: QosConfig; readonly retained: RetainedConfig },
): Fault[] {
  return [
    ...qos["per-topic"].flatMap(({ topic }, index) => faultOf(topic, ["qos", "per-topic", index, "topic"])),
    ...(["allowed-topics", "blocked-topics"] as const).flatMap((key) =>
      retained[key].flatMap((topic, index) => faultOf(topic, ["retained", key, index]))
    ),
  ];
}

/** As `filterFaults`, in `inspection`: an excluded topic would be searched, a schema would bind nobody. */
export function inspectionFilterFaults(inspection: InspectionConfig): Fault[] {
  const within = (topics: readonly string[], ...path: Fault["path"]) =>
    topics.flatMap((topic, index) => faultOf(topic, ["inspection", ...path, index]));
  return [
    ...within(inspection["exclude-topics"], "exclude-topics"),
    ...inspection["json-schema"].flatMap(({ topics }, index) => within(topics, "json-schema", index, "topics")),
    ...inspection.patterns["custom-patterns"].flatMap(({ topics = [] }, index) =>
      within(topics, "patterns", "custom-patterns", index, "topics")
    ),
  ];
}

function faultOf(topic: string, path: Fault["path"]): Fault[] {
  const problem = filterProblem(topic);
  return problem === null ? [] : [{ path, message: `Cannot use "${topic}" as a topic filter: ${problem}` }];
}
