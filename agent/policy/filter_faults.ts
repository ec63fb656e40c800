import { filterProblem } from "../mqtt/topic_filter.ts";
import type { InspectionConfig } from "./inspect/config.ts";
import type { QosConfig } from "./qos_policy.ts";
import type { RetainedConfig } from "./retained_policy.ts";

interface Fault {
  readonly path: readonly (string | number)[];
  readonly message: string;
}

/**
 * What is no topic filter in `qos` and `retained`, whether they are on or not. Compiled, such a text would match nothing: a
 * blocked topic would not be blocked, and nobody would be told.
 */
export function filterFaults({ qos, retained }: {
  readonly qos: Pick<QosConfig, "per-topic">;
  readonly retained: Pick<RetainedConfig, "allowed-topics" | "blocked-topics">;
}): Fault[] {
  return [
    ...qos["per-topic"].flatMap(({ topic }, index) => faultOf(topic, ["qos", "per-topic", index, "topic"])),
    ...(["allowed-topics", "blocked-topics"] as const).flatMap((key) => faultsOf(retained[key], ["retained", key])),
  ];
}

/** The same for `inspection`, where a pattern or schema would never be looked for. */
export function inspectionFilterFaults(
  inspection: Pick<InspectionConfig, "patterns" | "json-schema" | "exclude-topics">,
): Fault[] {
  return [
    ...faultsOf(inspection["exclude-topics"], ["inspection", "exclude-topics"]),
    ...inspection.patterns["custom-patterns"].flatMap(({ topics = [] }, index) =>
      faultsOf(topics, ["inspection", "patterns", "custom-patterns", index, "topics"])
    ),
    ...inspection["json-schema"].flatMap(({ topics }, index) =>
      faultsOf(topics, ["inspection", "json-schema", index, "topics"])
    ),
  ];
}

function faultsOf(topics: readonly string[], path: Fault["path"]): Fault[] {
  return topics.flatMap((topic, index) => faultOf(topic, [...path, index]));
}

function faultOf(topic: string, path: Fault["path"]): Fault[] {
  const problem = filterProblem(topic);
  return problem === null ? [] : [{ path, message: `Cannot use "${topic}" as a topic filter: ${problem}` }];
}
