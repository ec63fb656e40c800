/** For tests: random rules, clients and requests that meet each other often. */
import { parseAddress } from "../address.ts";
import type { AclConfig, Action, MatchConfig, RuleConfig, Subject } from "./mod.ts";

/** What a client does. */
export interface Request {
  readonly action: Action;
  readonly topic: string;
  readonly qos: 0 | 1 | 2;
  readonly retain: boolean;
}

/** Numbers that look random and are the same in every run. */
export class Random {
  #state: number;

  constructor(seed: number) {
    this.#state = seed;
  }

  below(bound: number): number {
    this.#state = (Math.imul(this.#state, 1664525) + 1013904223) >>> 0;
    return Math.floor(this.#state / 4294967296 * bound);
  }

  chance(percent: number): boolean {
    return this.below(100) < percent;
  }

  pick<T>(list: readonly T[]): T {
    return list[this.below(list.length)]!;
  }
}

const LEVELS = ["a", "a", "b", "c", "", "+", "+", "#", "$x"];
const TEMPLATES = ["${clientid}", "p-${username}", "${attr.site}", "${ip}", "${clientid}${username}", "$x${clientid}"];
const USERS = ["ann", "bob", "a", "anonymous", "dev-1", "dev-2-x"];
const CLIENT_IDS = ["a", "b", "c", "$x", "", "a/b", "+", "#", "dev-1", "p-"];
const ADDRESSES = ["10.0.0.1", "10.1.0.1", "192.168.0.1", "2001:db8::1", null];
const SITES = ["a", "b", "$x", ""];

function randomTopic(random: Random, levels: readonly string[]): string {
  for (;;) {
    const picked: string[] = [];
    for (let count = 1 + random.below(4); count > 0; count--) {
      const level = random.pick(levels);
      picked.push(level);
      if (level === "#") break;
    }
    const topic = picked.join("/");
    if (topic !== "") return topic;
  }
}

function randomMatch(random: Random): MatchConfig {
  const match: MatchConfig = {};
  if (random.chance(30)) match.username = random.pick(USERS);
  if (random.chance(15)) match["username-regex"] = random.pick(["^dev-", "^dev-1$", "n", "^dev-[0-9]", "^(ann|bob)$"]);
  if (random.chance(15)) match["client-id"] = random.pick(CLIENT_IDS);
  if (random.chance(10)) match["client-id-regex"] = random.pick(["^a", "b$", "^dev-", "^$"]);
  if (random.chance(20)) {
    match["client-ip"] = [random.pick(["10.0.0.0/8", "10.0.0.0/16", "10.0.0.1", "192.168.0.1/32"])];
    if (random.chance(30)) match["client-ip"].push("192.168.0.0/16");
  }
  if (random.chance(30)) match.groups = random.pick([["anonymous"], ["ops"], ["dev", "ops"], ["token"]]);
  if (random.chance(10)) match["protocol-version"] = random.pick<(3 | 4 | 5)[]>([[3], [4], [5], [4, 5]]);
  if (random.chance(10)) match.attributes = { site: random.pick(SITES) };
  if (random.chance(10)) match["route-id"] = random.pick([["r1"], ["r1", "r2"]]);
  return match;
}

function randomRule(random: Random, name: string): RuleConfig {
  const rule: RuleConfig = { name, decision: random.chance(55) ? "allow" : "deny" };
  if (random.chance(60)) rule.match = randomMatch(random);
  if (random.chance(60)) {
    rule.actions = (["connect", "publish", "subscribe", "unsubscribe", "receive"] as const).filter(() =>
      random.chance(40)
    );
  }
  if (random.chance(15)) rule.literal = true;
  const levels = rule.literal || random.chance(70) ? LEVELS : [...LEVELS, ...TEMPLATES];
  rule.topics = Array.from({ length: 1 + random.below(3) }, () => randomTopic(random, levels));
  if (random.chance(20)) rule.priority = random.below(4) - 1;
  if (random.chance(20)) rule.retain = random.chance(50);
  if (random.chance(25)) rule.shadow = true;
  if (random.chance(25)) rule.expires = random.pick(["2026-05-31", "2026-06-01", "2026-06-01T00:00:01Z", "2027-01-01"]);
  if (random.chance(20)) rule["deny-action"] = random.pick(["drop", "close"]);
  if (random.chance(30)) rule.wildcards = random.chance(70);
  if (rule.decision === "allow" && random.chance(40)) rule["max-qos"] = random.pick([0, 1, 2]);
  return rule;
}

/** With other users before them, so that those who ask stand anywhere in a table of users. */
function randomGroups(random: Random): Record<string, string[]> {
  const others = Array.from({ length: random.below(20) }, (_, n) => `other-${n}`);
  return { others, ops: ["ann", "anonymous"], dev: ["bob", "dev-1"] };
}

/** Rules of every kind, few enough that they meet. */
export function randomConfig(random: Random): AclConfig {
  const config: AclConfig = {
    enabled: !random.chance(2),
    "default-action": random.pick(["allow", "deny"]),
    rules: Array.from(
      { length: random.below(random.chance(5) ? 80 : 12) },
      (_, index) => randomRule(random, `rule-${index}`),
    ),
    groups: random.chance(70) ? randomGroups(random) : {},
    "deny-action": random.pick(["drop", "close"]),
    "wildcard-subscriptions": random.chance(25) ? "deny" : "allow",
    "dollar-topics": random.pick(["rules", "default-action"]),
    unwrap: random.chance(40) ? ["$queue/", "$delayed/+/"] : [],
    "check-deliveries": true,
    "check-response-topic": true,
  };
  if (random.chance(10)) config["forbid-characters"] = random.pick(["c", ".-", "b😀"]);
  return config;
}

/** A client that some of the rules are about. */
export function randomSubject(random: Random): Subject {
  const username = random.chance(75) ? random.pick(USERS) : null;
  const address = random.pick(ADDRESSES);
  return {
    clientId: random.pick(CLIENT_IDS),
    username,
    proved: username !== null && random.chance(65),
    groups: random.chance(30) ? [random.pick(["token", "ops", "anonymous"])] : [],
    anonymous: username === null && random.chance(60),
    address: address === null ? null : parseAddress(address),
    level: random.pick([3, 4, 5]),
    routeId: random.pick([null, "r1", "r2", "r3"]),
    attributes: random.chance(60) ? new Map([["site", random.pick(SITES)]]) : null,
  };
}

/** Something that some of the rules are about. */
export function randomRequest(random: Random, config: AclConfig): Request {
  const action = random.pick<Action>([
    "publish",
    "publish",
    "subscribe",
    "subscribe",
    "subscribe",
    "unsubscribe",
    "receive",
    "connect",
  ]);
  const values = ["p-ann", "p-bob", "10.0.0.1", "aann", "$xa", "zzz", "dev-1", "p-"];
  const filter = action === "subscribe" || action === "unsubscribe";
  const levels = (filter ? LEVELS : LEVELS.filter((level) => level !== "+" && level !== "#"))
    .concat(random.chance(40) ? values : []);
  let topic = randomTopic(random, levels);
  const literal = config.rules.find((rule) => rule.literal)?.topics?.[0];
  if (filter && literal !== undefined && random.chance(10)) topic = literal;
  if (random.chance(10)) topic = `${random.pick(["$queue/", "$delayed/7/", "$delayed//", "$queue/$queue/"])}${topic}`;
  if (random.chance(15)) {
    topic = `${
      random.pick(["$share/g/", "$share/g/", "$share/g/$queue/", "$queue/$share/g/", "$share//", "$share/g/$share/h/"])
    }${topic}`;
  }
  return { action, topic, qos: random.pick([0, 1, 2]), retain: random.chance(40) };
}
