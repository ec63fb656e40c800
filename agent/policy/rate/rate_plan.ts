import type { KeyBy } from "./client_key.ts";
import { compileMeters, type Limit, type LimitConfig, type LimitFault, type LimitKind, uniqueName } from "./limit.ts";
import { topicFilterProblem, TopicIndex } from "./topic_index.ts";

/** `rate-limit` as `agent/config` validates it. */
export interface RateConfig {
  readonly enabled: boolean;
  readonly global?: LimitConfig | undefined;
  readonly "per-client"?: LimitConfig | undefined;
  readonly "per-topic": readonly TopicLimitConfig[];
  readonly "key-by": KeyBy;
  readonly connect?: LimitConfig | undefined;
  readonly subscribe?: LimitConfig | undefined;
  readonly control?: LimitConfig | undefined;
  readonly "auth-failures"?: LimitConfig | undefined;
  readonly "max-keys": number;
  readonly store: "memory";
}

export interface TopicLimitConfig {
  readonly name?: string | undefined;
  readonly topic: string;
  readonly limit: LimitConfig;
  readonly scope: "client" | "shared";
}

/** All limits of one snapshot; null where there is none of the kind. Immutable. */
export interface RatePlan {
  readonly keyBy: KeyBy;
  readonly maxKeys: number;
  /** All of them; a limit's place is its `number`. */
  readonly limits: readonly Limit[];
  readonly global: Limit | null;
  readonly client: Limit | null;
  readonly subscribe: Limit | null;
  readonly control: Limit | null;
  readonly connect: Limit | null;
  readonly authFailures: Limit | null;
  /** Limits of topics by their filters, in the configured order; all that match a topic apply. */
  readonly topics: { readonly index: TopicIndex; readonly limits: readonly Limit[] } | null;
  /** Measures of the limit that has most. */
  readonly mostMeters: number;
}

/** A fault that only compiling finds; the path begins at the section. */
export interface RateProblem {
  /** E.g. `["rate-limit", "per-topic", 0, "topic"]`. */
  readonly path: readonly (string | number)[];
  readonly message: string;
}

/**
 * Compiles the section, or reports all that is wrong with it. Null where it is not enabled: then nothing is counted.
 */
export function compileRatePlan(config: RateConfig): { plan: RatePlan | null } | { problems: RateProblem[] } {
  const compiler = new Compiler();
  // What is no PUBLISH, SUBSCRIBE or UNSUBSCRIBE can not be dropped: whoever breaks these limits is closed.
  const closes = { action: "close" } as const;
  const single = {
    global: compiler.limit("global", config.global, ["global"], { shared: true }),
    client: compiler.limit("client", config["per-client"], ["per-client"]),
    subscribe: compiler.limit("subscribe", config.subscribe, ["subscribe"]),
    control: compiler.limit("control", config.control, ["control"], closes),
    connect: compiler.limit("connect", config.connect, ["connect"], closes),
    authFailures: compiler.limit("auth-failures", config["auth-failures"], ["auth-failures"], closes),
  };
  if (config.control?.action === "drop") {
    compiler.report(["control", "action"], 'Cannot drop what exceeds "control": only a close can follow it');
  }
  if (config["auth-failures"] !== undefined && single.authFailures?.meters.some(({ measure }) => measure === "bytes")) {
    compiler.report(["auth-failures"], 'Cannot count bytes of failed authentications: "auth-failures" takes messages');
  }
  const topics = compileTopics(config["per-topic"], compiler);
  const { problems, limits } = compiler;
  if (problems.length > 0) return { problems };
  if (!config.enabled) return { plan: null };
  return {
    plan: Object.freeze({
      ...single,
      keyBy: config["key-by"],
      maxKeys: config["max-keys"],
      limits: Object.freeze(limits),
      topics,
      mostMeters: Math.max(0, ...limits.map(({ meters }) => meters.length)),
    }),
  };
}

function compileTopics(config: readonly TopicLimitConfig[], compiler: Compiler): RatePlan["topics"] {
  const filters: string[] = [];
  const limits: Limit[] = [];
  const given = new Set<string>();
  const names = new Set<string>();
  for (const [place, { name, topic, limit, scope }] of config.entries()) {
    const path = ["per-topic", place];
    const problem = topicFilterProblem(topic);
    if (problem !== null) {
      compiler.report([...path, "topic"], `Cannot limit topic "${topic}": ${problem}`);
      continue;
    }
    if (name !== undefined && given.size === given.add(name).size) {
      compiler.report([...path, "name"], `Cannot use the name "${name}" twice: another limit has it`);
    }
    const shared = scope === "shared";
    const made = compiler.limit("topic", limit, [...path, "limit"], { shared, name: uniqueName(name ?? topic, names) });
    if (made === null) continue;
    filters.push(topic);
    limits.push(made);
  }
  if (limits.length === 0 || compiler.problems.length > 0) return null;
  return Object.freeze({ index: new TopicIndex(filters), limits: Object.freeze(limits) });
}

/** Collects limits and problems of one section. */
class Compiler {
  readonly limits: Limit[] = [];
  readonly problems: RateProblem[] = [];

  report(path: readonly (string | number)[], message: string): void {
    this.problems.push({ path: ["rate-limit", ...path], message });
  }

  /** The compiled limit; null where there is none, or one that limits nothing. */
  limit(
    kind: LimitKind,
    config: LimitConfig | undefined,
    path: readonly (string | number)[],
    { shared = false, name = kind, action }: { shared?: boolean; name?: string; action?: "close" } = {},
  ): Limit | null {
    if (config === undefined) return null;
    const faults: LimitFault[] = [];
    const meters = compileMeters(config, faults);
    for (const fault of faults) this.report([...path, ...fault.path], fault.message);
    if (meters.length === 0) return null;
    const made: Limit = Object.freeze({
      kind,
      name,
      identity: `${kind} ${shared ? "shared" : "client"} ${name}`,
      number: this.limits.length,
      shared,
      action: action ?? config.action,
      shadow: config.shadow,
      meters: Object.freeze(meters),
    });
    this.limits.push(made);
    return made;
  }
}
