/** Configurations of the agent under test. */

/** No rule needs a proved user name, since authentication is off. */
const TEN_RULES = [
  {
    name: "telemetry",
    match: { "client-id-regex": "^device-" },
    topics: ["sensors/+/data", "sensors/+/status"],
    actions: ["publish"],
    decision: "allow",
    "max-qos": 1,
  },
  {
    name: "commands",
    match: { "client-id-regex": "^device-" },
    topics: ["commands/+/#"],
    actions: ["subscribe"],
    decision: "allow",
  },
  { name: "config", topics: ["config/#"], actions: ["subscribe"], decision: "allow" },
  { name: "system", topics: ["$SYS/#", "internal/#"], decision: "deny", priority: 100 },
  { name: "gateway", match: { "client-id": "gateway-1" }, topics: ["#"], decision: "allow" },
  { name: "site-a", match: { "client-ip": "192.0.2.0/24" }, topics: ["site/a/#"], decision: "allow" },
  { name: "site-b", match: { "client-ip": "198.51.100.0/24" }, topics: ["site/b/#"], decision: "allow" },
  { name: "alarms", topics: ["alarms/+/high"], actions: ["publish"], decision: "allow", "max-qos": 2 },
  { name: "firmware", match: { "client-id-regex": "^updater-" }, topics: ["firmware/+/+/chunk"], decision: "allow" },
  { name: "no-secrets", topics: ["sensors/+/secret"], decision: "deny", priority: 10 },
];

export interface ConfigOptions {
  /** At least 10; the others are for devices of their own, each with a topic filter. */
  readonly rules: number;
  /** Limits so high that the worst frames are judged to their end. */
  readonly wide?: boolean;
  /** What becomes of publishing to `flip/…`, for who wants to see which of two configurations is in force. */
  readonly flip?: "allow" | "deny";
  /** Sections that are on besides. */
  readonly more?: Readonly<Record<string, unknown>>;
}

/** The text of a configuration file. */
export function configText({ rules, wide = false, flip, more: sections = {} }: ConfigOptions): string {
  const more = Array.from({ length: rules - TEN_RULES.length }, (_, i) => ({
    name: `site-${i}`,
    match: { "client-id": `station-${i}` },
    topics: [`sites/${i % 1000}/${i}/+/data`],
    actions: ["publish"],
    decision: i % 10 === 0 ? "deny" : "allow",
    // Half of them come before the rule that decides.
    priority: i % 2 === 0 ? 50 : 0,
  }));
  return JSON.stringify({
    auth: { enabled: false },
    acl: { enabled: true, "default-action": "deny", rules: [...TEN_RULES, ...more, ...flipRules(flip)] },
    ...sections,
    ...(wide
      ? {
        general: {
          "max-topic-levels": 65_535,
          "max-topic-bytes": 65_535,
          "max-subscriptions": 100_000,
          "max-filters-per-subscribe": 100_000,
          "max-packet-size": 4_194_304,
        },
      }
      : {}),
  });
}

function flipRules(decision: ConfigOptions["flip"]): readonly unknown[] {
  return decision === undefined ? [] : [{ name: "flip", topics: ["flip/#"], actions: ["publish"], decision }];
}
