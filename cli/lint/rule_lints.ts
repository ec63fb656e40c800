import type { Path, RuleConfig } from "../../agent/config/mod.ts";
import { quote } from "../../agent/config/quote.ts";
import { ANONYMOUS_GROUP, type CompiledRule } from "../../agent/policy/acl/mod.ts";
import { parseExpiry, ruleActions } from "../../agent/policy/acl/rule_problems.ts";
import { isAnchored } from "./anchored_regex.ts";
import type { Doubt, Lint, LintGround } from "./lint.ts";

/** Rules that do not do what they seem to do. */
export const RULE_LINTS: readonly Lint[] = [
  {
    code: "rule-shadowed",
    summary: "a rule that can never decide, since earlier ones leave nothing to it",
    advice: "Give the rule a higher priority, put it before the others, or remove it",
    find: shadowedRules,
  },
  {
    code: "rule-without-effect",
    summary: "a rule that asks for the retain flag of what has none",
    advice: 'Add "publish" to its actions, or leave "retain" out: only a PUBLISH of a client has the flag',
    find: (on) =>
      compiledRules(on).filter((_, order) => on.cover?.isWithoutEffect(order))
        .map((rule) => about(rule.index, ["retain"], `rule ${quote(rule.name)} applies to nothing`)),
  },
  {
    code: "wildcard-meets-deny",
    summary: "a subscription that an allow rule allows is refused, since it meets a deny rule",
    advice:
      'Subscribe to narrower filters, or let the deny rule list "actions": ["publish", "receive"]: the subscription then passes, and each delivery is judged',
    find: metDenies,
  },
  {
    code: "allow-everything",
    summary: 'a rule that allows everything to everybody: "#" without a match',
    advice: 'Add a "match" that says who may, or name the topics',
    find: (on) => allowRules(on).filter(isForEverybody).flatMap(({ rule, index }) => everything(rule, index)),
  },
  {
    code: "allow-unanchored-regex",
    summary: "a wide allow rule whose regular expression also fits longer names",
    advice: 'Write the expression from "^" to "$": it is searched in the name, and a name only has to contain it',
    find: (on) => allowRules(on).flatMap(({ rule, index }) => looseRegexes(rule, index)),
  },
  {
    code: "rule-needs-proof",
    summary: "an allow rule by user name or group while nobody proves user names",
    advice: "Turn auth.enabled on, or auth.trust-broker if the broker checks passwords itself",
    find: (on) => {
      const { enabled, "trust-broker": trustsBroker } = on.config.auth;
      return enabled || trustsBroker ? [] : allowRules(on).flatMap(({ rule, index }) => needsProof(rule, index));
    },
  },
  {
    code: "expired",
    summary: "a rule or ban whose time is over",
    advice: "Remove it, or give it a later date",
    find: ({ config, nowMs }) => [
      ...config.acl.rules.flatMap(({ name, expires }, index) =>
        expires !== undefined && parseExpiry(expires) <= nowMs
          ? [about(index, ["expires"], `rule ${quote(name)} has expired and is as good as absent`)]
          : []
      ),
      ...config.bans.flatMap(({ until }, index) =>
        until !== undefined && parseExpiry(until) <= nowMs
          ? [{ path: ["bans", index, "until"], text: "the ban is over" }]
          : []
      ),
    ],
  },
];

interface Placed {
  readonly rule: RuleConfig;
  readonly index: number;
}

/** The allow rules in force, in the order of the configuration. */
function allowRules({ config: { acl }, nowMs }: LintGround): Placed[] {
  if (!acl.enabled) return [];
  return acl.rules.map((rule, index) => ({ rule, index })).filter(({ rule }) =>
    rule.decision === "allow" && rule.shadow !== true &&
    (rule.expires === undefined || parseExpiry(rule.expires) > nowMs)
  );
}

function about(index: number, rest: Path, text: string): Doubt {
  return { path: ["acl", "rules", index, ...rest], text };
}

/** The rules in the order of deciding; none where they do not compile or are off. */
function compiledRules({ cover, config }: LintGround): readonly CompiledRule[] {
  return cover === null || !config.acl.enabled ? [] : cover.rules;
}

/** Said where not everything was looked at. */
function incomplete(text: string): Doubt {
  const advice = "Nothing is wrong by that: too many rules have alike conditions, and checking goes on without this";
  return { path: ["acl", "rules"], text, advice };
}

function* shadowedRules(on: LintGround): Generator<Doubt> {
  const { cover } = on;
  if (cover === null) return;
  for (const [order, rule] of compiledRules(on).entries()) {
    const hiding = cover.hiding(order);
    if (hiding === null) continue;
    const doubt = about(rule.index, [], `rule ${quote(rule.name)} can never decide: ${hidingWords(hiding)}`);
    // A rule that lists `receive` does something by being there: deliveries are judged by such rules where there are some.
    const lists = cover.writtenOf(rule).actions?.includes("receive") ?? false;
    yield lists ? { ...doubt, advice: "Give the rule a higher priority, or put it before the others" } : doubt;
  }
  if (cover.isHidingIncomplete) yield incomplete("not all rules were compared: it would have taken too long");
}

function hidingWords(hiding: readonly CompiledRule[]): string {
  const names = hiding.slice(0, 3).map(({ name }) => quote(name));
  if (hiding.length === 1) return `rule ${names[0]} comes before it and decides all that it would`;
  const more = hiding.length > names.length ? ` and ${hiding.length - names.length} more` : "";
  return `rules ${names.join(", ")}${more} come before it and decide all that it would`;
}

function* metDenies(on: LintGround): Generator<Doubt> {
  const { cover, config } = on;
  if (cover === null) return;
  for (const [order, rule] of compiledRules(on).entries()) {
    const { wildcards, expires } = cover.writtenOf(rule);
    if (config.acl["wildcard-subscriptions"] === "deny" && wildcards !== true) continue;
    if (expires !== undefined && parseExpiry(expires) <= on.nowMs) continue;
    const met = cover.metDeny(order);
    if (met === null) continue;
    const { deny, topic } = met;
    const filter = cover.writtenOf(rule).topics?.[topic] ?? "";
    const text = `a SUBSCRIBE to ${quote(filter)}, which rule ${
      quote(rule.name)
    } allows, is refused: it meets the deny rule ${quote(deny.name)}`;
    yield about(rule.index, ["topics", topic], text);
  }
  if (cover.isMeetingIncomplete) yield incomplete("not all subscriptions were tried: it would have taken too long");
}

function isForEverybody({ rule: { match } }: Placed): boolean {
  return match === undefined || Object.values(match).every((condition) => condition === undefined);
}

/** `+/#` is the same set of names as `#`. */
function everything(rule: RuleConfig, index: number): Doubt[] {
  const topic = rule.literal === true ? -1 : rule.topics?.findIndex((one) => one === "#" || one === "+/#") ?? -1;
  if (topic < 0 || ruleActions(rule).every((action) => action === "connect")) return [];
  const text = `rule ${quote(rule.name)} allows ${quote(rule.topics?.[topic] ?? "")} to every client`;
  return [about(index, ["topics", topic], text)];
}

function looseRegexes(rule: RuleConfig, index: number): Doubt[] {
  const topic = rule.literal === true ? undefined : rule.topics?.find((one) => /^[+#](?:\/|$)/.test(one));
  if (topic === undefined) return [];
  return (["username", "client-id"] as const).flatMap((name) => {
    const pattern = rule.match?.[`${name}-regex`];
    if (pattern === undefined || rule.match?.[name] !== undefined || isAnchored(pattern)) return [];
    const text = `rule ${quote(rule.name)} allows ${quote(topic)} to every ${
      name === "username" ? "user name" : "client id"
    } in which ${quote(pattern)} is found`;
    return [about(index, ["match", `${name}-regex`], text)];
  });
}

function needsProof(rule: RuleConfig, index: number): Doubt[] {
  const { match = {}, topics = [] } = rule;
  const never = (rest: Path, asks: string): Doubt[] => [
    about(index, rest, `rule ${quote(rule.name)} never applies: it asks for ${asks}`),
  ];
  for (const key of ["username", "username-regex"] as const) {
    if (match[key] !== undefined) return never(["match", key], "a user name that nobody proves");
  }
  if (match.attributes !== undefined) return never(["match", "attributes"], "attributes that nobody proves");
  if (match.groups !== undefined && !match.groups.includes(ANONYMOUS_GROUP)) {
    return never(["match", "groups"], "groups that nobody proves");
  }
  const needing = topics.every((topic) => topic.includes("${username}") || topic.includes("${attr."));
  return topics.length > 0 && needing && rule.literal !== true
    ? never(["topics"], "placeholders that nobody proves")
    : [];
}
