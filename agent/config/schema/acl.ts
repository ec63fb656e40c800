import {
  also,
  boolean,
  choice,
  type Complaint,
  implied,
  type Infer,
  integer,
  keyedList,
  list,
  map,
  object,
  OPTIONAL,
  ours,
  page,
  REQUIRED,
  text,
} from "../shape.ts";
import { date, filter, mqttText } from "./text.ts";

const MATCH = object({
  username: page("User name, compared as a whole", mqttText(), OPTIONAL),
  "username-regex": page("Regular expression searched in the user name, in linear time", text(), OPTIONAL),
  "client-id": page("Client id, compared as a whole", mqttText(), OPTIONAL),
  "client-id-regex": page("Regular expression searched in the client id, in linear time", text(), OPTIONAL),
  "client-ip": page("Addresses or CIDR ranges, one of which must hold", list(text(), { minItems: 1 }), OPTIONAL),
  groups: page("Groups, one of which the user must belong to", list(text(), { minItems: 1 }), OPTIONAL),
  "protocol-version": page(
    "MQTT protocol level: 3 (3.1), 4 (3.1.1) or 5 (5.0), one of which must hold",
    list(choice(3, 4, 5), { minItems: 1 }),
    OPTIONAL,
  ),
  attributes: ours("Attributes of the user, all of which must be equal", map(text({ minLength: 0 })), OPTIONAL),
  "route-id": ours(
    "Routes of the proxy, one of which must carry the connection",
    list(text(), { minItems: 1 }),
    OPTIONAL,
  ),
});

/** One rule of `acl.rules`, as the ACL compiler takes it. */
export const RULE = object({
  name: page("Unique name, shown wherever the rule decided", text({ maxLength: 256 }), REQUIRED),
  match: page("Whom the rule is about; all given conditions must hold", MATCH, OPTIONAL),
  topics: page(
    "MQTT topic filters; ${clientid}, ${username}, ${ip} and ${attr.NAME} stand for one literal level each",
    list(filter({ placeholders: "topic" })),
    OPTIONAL,
  ),
  actions: page(
    "What the rule is about; empty or absent: publish, subscribe and receive",
    list(choice("connect", "publish", "subscribe", "unsubscribe", "receive"), { unique: true }),
    OPTIONAL,
  ),
  decision: page("What becomes of what the rule applies to", choice("allow", "deny"), REQUIRED),
  "max-qos": page("Highest QoS that the rule allows", choice(0, 1, 2), OPTIONAL),
  priority: page("Higher first, then list order", integer({ min: -1_000_000_000, max: 1_000_000_000 }), implied(0)),
  retain: ours("Applies only to packets with (true) or without (false) the retain flag", boolean(), OPTIONAL),
  literal: ours("Topics are compared as text: `+`, `#` and `${` mean themselves", boolean(), implied(false)),
  shadow: ours("Counted and audited, does not decide", boolean(), implied(false)),
  "deny-action": ours("What a PUBLISH or SUBSCRIBE that the rule denies gets", choice("drop", "close"), OPTIONAL),
  expires: ours("Date, or date and time, from which on the rule is as good as absent", date(), OPTIONAL),
  description: ours("For people", text({ minLength: 0 }), OPTIONAL),
  wildcards: ours("Of an allow rule: lets wildcards pass `wildcard-subscriptions: deny`", boolean(), implied(false)),
});

const TEST_AS = object({
  username: ours("User name, taken as proved", mqttText(), OPTIONAL),
  "client-id": ours("Client id", mqttText(), OPTIONAL),
  groups: ours("Groups of the user", list(text()), OPTIONAL),
  ip: ours("Address of the client", text(), OPTIONAL),
  "protocol-version": ours("MQTT protocol level", choice(3, 4, 5), OPTIONAL),
});

const TEST_DEEDS = ["publish", "subscribe", "receive"] as const;

/** One entry of `acl.tests`. */
export const ACL_TEST = object({
  name: ours("Name of the test", text({ maxLength: 256 }), REQUIRED),
  as: ours("Who acts", TEST_AS, OPTIONAL),
  publish: ours("Topic that is published to", mqttText(), OPTIONAL),
  subscribe: ours("Filter that is subscribed to", mqttText(), OPTIONAL),
  receive: ours("Topic of a delivery", mqttText(), OPTIONAL),
  qos: ours("QoS of the packet", choice(0, 1, 2), OPTIONAL),
  retain: ours("Retain flag of the packet", boolean(), OPTIONAL),
  expect: ours("What the rules must decide", choice("allow", "deny"), REQUIRED),
  rule: ours("Name of the rule that must have decided", text(), OPTIONAL),
}, { check: oneDeed, among: { keys: TEST_DEEDS, many: false } });

function oneDeed(test: Readonly<Record<string, unknown>>): Complaint | null {
  const deeds = TEST_DEEDS.filter((deed) => test[deed] !== undefined);
  if (deeds.length === 1) return null;
  if (deeds.length === 0) return { key: null, text: `one of "publish", "subscribe", "receive" is missing` };
  return { key: deeds[1] ?? null, text: `only one of "publish", "subscribe", "receive" can be tested at once` };
}

export const GROUPS = map(list(text()));
export const RULES = keyedList(RULE);
export const ACL_TESTS = keyedList(ACL_TEST);

export const ACL = object({
  enabled: also("Whether topics are judged at all", boolean(), true),
  "default-action": page("What becomes of what no rule applies to", choice("allow", "deny"), "deny"),
  rules: page("Judged by priority, highest first, then in order; the first that applies decides", RULES, []),
  "rules-file": also("File with more rules, after `rules`; relative to the file that names it", text(), OPTIONAL),
  "cache-decisions": also("Accepted; there is nothing to cache", boolean(), true),
  groups: ours("Names of groups to the names of users that belong to them", GROUPS, {}),
  "deny-action": ours("What a denied PUBLISH or SUBSCRIBE gets", choice("drop", "close"), "drop"),
  "wildcard-subscriptions": ours(
    "`deny`: only filters without wildcards, unless a rule that allows says `wildcards`",
    choice("allow", "deny"),
    "allow",
  ),
  "dollar-topics": ours(
    "`rules`: what begins with `$` needs an allow rule that names its first level, whatever the default action",
    choice("rules", "default-action"),
    "rules",
  ),
  unwrap: ours("Further prefixes of the broker that hide a topic: `$queue/`, `$delayed/+/`", list(text()), []),
  "check-deliveries": ours("A PUBLISH from the broker to the client is judged too", boolean(), true),
  "check-response-topic": ours("The response topic is judged as if it were published to", boolean(), true),
  "forbid-characters": ours(
    "Characters refused in topics and filters: separators of what stands behind",
    text(),
    OPTIONAL,
  ),
  "on-revoked-subscription": ours(
    "What becomes of a subscription that new rules would refuse",
    choice("tag", "close"),
    "tag",
  ),
  tests: ours("Decisions that the rules must take; a configuration that fails one is refused", ACL_TESTS, []),
});

/** A `rules-file` that holds more than a list of rules. */
export const RULES_FILE = object({
  rules: page("Further rules", RULES, REQUIRED),
  groups: ours("Further groups", GROUPS, OPTIONAL),
  tests: ours("Further tests", ACL_TESTS, OPTIONAL),
});

export type MatchConfig = Infer<typeof MATCH>;
export type RuleConfig = Infer<typeof RULE>;
export type AclTestConfig = Infer<typeof ACL_TEST>;
export type AclConfig = Infer<typeof ACL>;
