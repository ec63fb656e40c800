/**
 * The compiled rules against a slow, obvious reading of the same rules: a loop over all of them with `filterMatches`,
 * `filterCovers` and `filtersOverlap`, sharing no code with what it tests.
 */
import { strict as assert } from "node:assert";
import { filterCovers, filterMatches, filtersOverlap } from "../../mqtt/topic_filter.ts";
import { NOW_MS } from "./acl_fixture.ts";
import {
  type AclConfig,
  type AclDecision,
  type Action,
  bindSubject,
  compileAcl,
  decideConnect,
  decidePublish,
  decideReceive,
  decideSubscribe,
  decideUnsubscribe,
  packAcl,
  type RuleConfig,
  type Subject,
  unpackAcl,
} from "./mod.ts";
import { Random, randomConfig, randomRequest, randomSubject, type Request } from "./random_fixture.ts";

interface Outcome {
  allowed: boolean;
  reason: string;
  rule: string | null;
  shadow: string | null;
  maxQosExceeded: boolean;
  action: string;
}

// ---- The oracle ----

function oracle(config: AclConfig, who: Subject, asked: Request): Outcome {
  const outcome = (allowed: boolean, reason: string, rule: RuleConfig | null = null): Outcome => ({
    allowed,
    reason,
    rule: rule?.name ?? null,
    shadow: null,
    maxQosExceeded: allowed && rule !== null && asked.qos > (rule["max-qos"] ?? 2),
    action: rule?.["deny-action"] ?? config["deny-action"],
  });
  if (!config.enabled) return outcome(true, "disabled");
  const { action } = asked;
  const client = action === "publish" || action === "subscribe" || action === "unsubscribe";
  if (client && [...config["forbid-characters"] ?? ""].some((character) => asked.topic.includes(character))) {
    return outcome(false, "forbidden-character");
  }
  const filterAsked = action === "subscribe" || action === "unsubscribe";
  const topic = action === "connect" ? "" : effectiveTopic(config, asked.topic, filterAsked);
  if (topic === null) return outcome(false, "invalid-topic");

  const inForce = [...config.rules]
    .map((rule, index) => ({ rule, index }))
    .sort((a, b) => (b.rule.priority ?? 0) - (a.rule.priority ?? 0) || a.index - b.index)
    .map(({ rule }) => rule)
    .filter((rule) => rule.expires === undefined || NOW_MS < Date.parse(rule.expires))
    .filter((rule) => holds(config, rule, who));
  const listing = inForce.some((rule) => !rule.shadow && rule.actions?.includes("receive"));
  const applies = (rule: RuleConfig) =>
    isAbout(rule, action, listing) &&
    (rule.retain === undefined || rule.retain === (action === "publish" && asked.retain)) &&
    (action === "connect" ||
      (rule.topics ?? []).some((written) => topicApplies(rule, written, topic, filterAsked, who)));
  const first = inForce.find(applies);
  const decider = inForce.find((rule) => !rule.shadow && applies(rule)) ?? null;

  let result: Outcome;
  if (decider !== null) result = outcome(decider.decision === "allow", "rule", decider);
  else if (action === "connect" || action === "unsubscribe") result = outcome(true, "default");
  else if (topic.startsWith("$") && config["dollar-topics"] === "rules") result = outcome(false, "dollar-topic");
  else if (config["default-action"] === "allow") result = outcome(true, "default");
  else result = outcome(false, "no-rule");
  if (
    action === "subscribe" && result.allowed && config["wildcard-subscriptions"] === "deny" && !decider?.wildcards &&
    /[+#]/.test(asked.topic)
  ) {
    result = { ...result, allowed: false, reason: "wildcards", maxQosExceeded: false, action: config["deny-action"] };
  }
  if (first?.shadow) result.shadow = first.name;
  return result;
}

function effectiveTopic(config: AclConfig, topic: string, isFilter: boolean): string | null {
  let rest = strip(config, topic);
  if (isFilter && rest.startsWith("$share/")) {
    const parts = /^\$share\/([^/+#]+)\/(.+)$/s.exec(rest);
    if (parts === null) return null;
    rest = strip(config, parts[2] ?? "");
    if (rest.startsWith("$share/")) return null;
  }
  return rest;
}

function strip(config: AclConfig, topic: string): string {
  for (const prefix of config.unwrap) {
    const pattern = prefix.split("/").map((level) => level === "+" ? "[^/]*" : level.replace("$", "\\$")).join("/");
    const found = new RegExp(`^${pattern}(?=.)`, "s").exec(topic);
    if (found !== null) return strip(config, topic.slice(found[0].length));
  }
  return topic;
}

function isAbout(rule: RuleConfig, action: Action, listing: boolean): boolean {
  const unlisted = rule.actions === undefined || rule.actions.length === 0;
  if (action === "receive") {
    if (listing) return unlisted || rule.actions!.includes("receive");
    return unlisted || rule.actions!.includes("subscribe") ||
      (rule.shadow === true && rule.actions!.includes("receive"));
  }
  return unlisted ? action === "publish" || action === "subscribe" : rule.actions!.includes(action);
}

function holds(config: AclConfig, rule: RuleConfig, who: Subject): boolean {
  const { match = {}, decision } = rule;
  const allow = decision === "allow";
  const nameCounts = who.username !== null && (who.proved || !allow);
  const groups = who.groups.filter((group) => group !== "anonymous");
  if (who.anonymous) groups.push("anonymous");
  if (nameCounts) {
    for (const [group, users] of Object.entries(config.groups)) if (users.includes(who.username!)) groups.push(group);
  }
  const { username, groups: wanted, attributes } = match;
  if (username !== undefined && !(nameCounts && who.username === username)) return false;
  if (match["username-regex"] !== undefined) {
    if (!nameCounts || !new RegExp(match["username-regex"]).test(who.username!)) return false;
  }
  if (match["client-id"] !== undefined && match["client-id"] !== who.clientId) return false;
  if (match["client-id-regex"] !== undefined && !new RegExp(match["client-id-regex"]).test(who.clientId)) return false;
  if (match["client-ip"] !== undefined) {
    if (who.address === null) {
      if (allow) return false;
    } else if (!match["client-ip"].some((range) => inRange(range, who.address!.text))) return false;
  }
  if (wanted !== undefined && !wanted.some((group) => groups.includes(group))) return false;
  if (match["protocol-version"] !== undefined && !match["protocol-version"].includes(who.level)) return false;
  if (match["route-id"] !== undefined && !match["route-id"].some((route) => route === who.routeId)) return false;
  if (attributes !== undefined) {
    if (allow && !who.proved) return false;
    if (!Object.entries(attributes).every(([name, value]) => who.attributes?.get(name) === value)) return false;
  }
  return true;
}

/** The generator writes /8, /16 and /32 only. */
function inRange(range: string, address: string): boolean {
  const [network = "", bits = "32"] = range.split("/");
  const octets = Number(bits) / 8;
  return !address.includes(":") &&
    network.split(".").slice(0, octets).join(".") === address.split(".").slice(0, octets).join(".");
}

function topicApplies(rule: RuleConfig, written: string, topic: string, isFilter: boolean, who: Subject): boolean {
  if (rule.literal) return written === topic;
  const allow = rule.decision === "allow";
  let usable = true;
  const put = (value: string | null | undefined): string => {
    if (!value || /[/+#]/.test(value)) usable = false;
    return value ?? "";
  };
  const filter = written.replaceAll(/\$\{([^}]*)\}/g, (_, name: string) => {
    if (name === "clientid") return put(who.clientId);
    if (name === "ip") return put(who.address?.text);
    if (allow && !who.proved) usable = false;
    return put(name === "username" ? who.username : who.attributes?.get(name.slice(5)));
  });
  if (!usable || (filter.startsWith("$") && written.startsWith("${"))) return false;
  if (!isFilter) return filterMatches(filter, topic);
  return allow ? filterCovers(filter, topic) : filtersOverlap(filter, topic);
}

function decide(config: AclConfig, who: Subject, asked: Request): Outcome {
  const compiled = compileAcl(config);
  if ("problems" in compiled) assert.fail(JSON.stringify(compiled.problems));
  const s = bindSubject(compiled.acl, who);
  return told(ask(s, asked));
}

function ask(s: ReturnType<typeof bindSubject>, { action, topic, qos, retain }: Request): AclDecision {
  switch (action) {
    case "publish":
      return decidePublish(s, topic, qos, retain, NOW_MS);
    case "subscribe":
      return decideSubscribe(s, topic, qos, NOW_MS);
    case "unsubscribe":
      return decideUnsubscribe(s, topic, NOW_MS);
    case "receive":
      return decideReceive(s, topic, NOW_MS);
    case "connect":
      return decideConnect(s, NOW_MS);
  }
}

function told(decision: AclDecision): Outcome {
  const { allowed, reason, rule, shadow, maxQosExceeded, action } = decision;
  // What a packet that passes would get if it did not is of no interest.
  return {
    allowed,
    reason,
    rule: rule?.name ?? null,
    shadow: shadow?.name ?? null,
    maxQosExceeded,
    action: allowed ? "" : action,
  };
}

/** Takes away rules as long as the two still disagree, so that a failure can be read. */
function shrink(config: AclConfig, who: Subject, asked: Request): AclConfig {
  for (let index = 0; index < config.rules.length; index++) {
    const less = { ...config, rules: config.rules.filter((_, place) => place !== index) };
    if (differs(less, who, asked)) return shrink(less, who, asked);
  }
  return config;
}

function expected(config: AclConfig, who: Subject, asked: Request): Outcome {
  const outcome = oracle(config, who, asked);
  const qosBinds = asked.action === "publish" || asked.action === "subscribe";
  return {
    ...outcome,
    maxQosExceeded: qosBinds && outcome.maxQosExceeded,
    action: outcome.allowed ? "" : outcome.action,
  };
}

function differs(config: AclConfig, who: Subject, asked: Request): boolean {
  return JSON.stringify(decide(config, who, asked)) !== JSON.stringify(expected(config, who, asked));
}

Deno.test("compiled rules decide as a loop over all rules does, for random rules, clients and requests", () => {
  const random = new Random(20260601);
  const seen = new Map<string, number>();
  for (let round = 0; round < 3000; round++) {
    const config = randomConfig(random);
    // Never meet anything, and are refused for that.
    for (const rule of config.rules) {
      rule.topics = rule.topics!.map((topic) => topic.replace(/^\$(?:share|queue|delayed)\b/, "$x"));
    }
    const compiled = compileAcl(config);
    if ("problems" in compiled) assert.fail(JSON.stringify(compiled.problems));
    // Every second time as another thread would have compiled them.
    const acl = round % 2 === 0 ? compiled.acl : unpackAcl(structuredClone(packAcl(compiled.acl)));
    for (let subjects = 0; subjects < 3; subjects++) {
      const who = randomSubject(random);
      const s = bindSubject(acl, who);
      for (let requests = 0; requests < 8; requests++) {
        const asked = randomRequest(random, config);
        const got = told(ask(s, asked));
        const wanted = expected(config, who, asked);
        if (JSON.stringify(got) !== JSON.stringify(wanted)) {
          const small = shrink(config, who, asked);
          assert.deepEqual(
            decide(small, who, asked),
            expected(small, who, asked),
            Deno.inspect({ small, who, asked }, { depth: 8 }),
          );
        }
        for (
          const what of [
            `${asked.action} ${wanted.reason} ${wanted.allowed}`,
            wanted.shadow === null ? "" : `shadow ${asked.action}`,
          ]
        ) {
          seen.set(what, (seen.get(what) ?? 0) + 1);
        }
      }
    }
  }
  // Whatever can happen did happen, more than once or twice.
  for (const action of ["publish", "subscribe", "receive"]) {
    for (const what of ["rule true", "rule false", "no-rule false", "default true", "dollar-topic false"]) {
      assert.ok((seen.get(`${action} ${what}`) ?? 0) > 50, `${action} ${what}: ${seen.get(`${action} ${what}`)}`);
    }
    assert.ok((seen.get(`shadow ${action}`) ?? 0) > 50, `shadow ${action}`);
  }
  for (
    const what of [
      "subscribe wildcards false",
      "subscribe invalid-topic false",
      "unsubscribe rule false",
      "connect rule false",
      "publish forbidden-character false",
    ]
  ) {
    assert.ok((seen.get(what) ?? 0) > 50, `${what}: ${seen.get(what)}`);
  }
});
