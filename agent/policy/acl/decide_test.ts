import { strict as assert } from "node:assert";
import { bound, client, NOW_MS, type RuleSketch } from "./acl_fixture.ts";
import {
  type AclConfig,
  type AclDecision,
  decideConnect,
  decidePublish,
  decideReceive,
  decideSubscribe,
  decideUnsubscribe,
  type Subject,
  type SubjectAcl,
} from "./mod.ts";

function publish(s: SubjectAcl, topic: string, retain = false): string {
  return told(decidePublish(s, topic, 0, retain, NOW_MS));
}

function subscribe(s: SubjectAcl, filter: string): string {
  return told(decideSubscribe(s, filter, 0, NOW_MS));
}

function unsubscribe(s: SubjectAcl, filter: string): string {
  return told(decideUnsubscribe(s, filter, NOW_MS));
}

function receive(s: SubjectAcl, topic: string): string {
  return told(decideReceive(s, topic, NOW_MS));
}

/** `allow rule-0`, `deny no-rule`. */
function told({ allowed, reason, rule }: AclDecision): string {
  return `${allowed ? "allow" : "deny"} ${reason === "rule" ? rule?.name : reason}`;
}

function rules(sketches: RuleSketch[], changes: Partial<AclConfig> = {}, who: Subject = client()): SubjectAcl {
  return bound(sketches, who, changes);
}

Deno.test("a topic name is judged by the first rule with a filter that matches it", () => {
  const s = rules([
    { topics: ["a/secret/#"], decision: "deny" },
    { topics: ["a/+", "a/b/#"] },
    { topics: ["#"], decision: "deny" },
  ]);
  assert.equal(publish(s, "a/x"), "allow rule-1");
  assert.equal(publish(s, "a/secret"), "deny rule-0");
  assert.equal(publish(s, "a/secret/x"), "deny rule-0");
  assert.equal(publish(s, "a/b"), "allow rule-1");
  assert.equal(publish(s, "a/b/c/d"), "allow rule-1");
  assert.equal(publish(s, "a/c/d"), "deny rule-2");
  assert.equal(publish(s, "A/x"), "deny rule-2");
  assert.equal(publish(s, "/"), "deny rule-2");
});

Deno.test("priority goes before the order of the list", () => {
  const sketches: RuleSketch[] = [{ topics: ["#"], decision: "deny" }, { topics: ["a/#"], priority: 1 }];
  assert.equal(publish(rules(sketches), "a/x"), "allow rule-1");
  assert.equal(publish(rules([{ ...sketches[0]!, priority: 1 }, sketches[1]!]), "a/x"), "deny rule-0");
});

Deno.test("without a deciding rule the default decides, for connect and unsubscribe it is always allow", () => {
  const denying = rules([{ topics: ["a"] }]);
  assert.equal(publish(denying, "b"), "deny no-rule");
  assert.equal(subscribe(denying, "b"), "deny no-rule");
  assert.equal(receive(denying, "b"), "deny no-rule");
  assert.equal(unsubscribe(denying, "b"), "allow default");
  assert.equal(told(decideConnect(denying, NOW_MS)), "allow default");
  const allowing = rules([{ topics: ["a"], decision: "deny" }], { "default-action": "allow" });
  assert.equal(publish(allowing, "b"), "allow default");
  assert.equal(subscribe(allowing, "b/#"), "allow default");
});

Deno.test("an allow rule applies to a filter only if it covers it", () => {
  const s = rules([{ topics: ["sensors/+"] }, { topics: ["b/#"] }]);
  assert.equal(subscribe(s, "sensors/+"), "allow rule-0");
  assert.equal(subscribe(s, "sensors/a"), "allow rule-0");
  assert.equal(subscribe(s, "sensors/#"), "deny no-rule");
  assert.equal(subscribe(s, "sensors"), "deny no-rule");
  assert.equal(subscribe(s, "b/#"), "allow rule-1");
  assert.equal(subscribe(s, "b"), "allow rule-1");
  assert.equal(subscribe(s, "b/+/c/#"), "allow rule-1");
  assert.equal(subscribe(s, "+/b"), "deny no-rule");
  assert.equal(subscribe(s, "#"), "deny no-rule");
});

Deno.test("one rule with two filters that only together cover the request does not apply", () => {
  assert.equal(subscribe(rules([{ topics: ["a", "a/+/#"] }]), "a/#"), "deny no-rule");
});

Deno.test("a deny rule applies to a filter if it overlaps it at all", () => {
  const s = rules([{ topics: ["admin/#"], decision: "deny" }, { topics: ["a/+/z"], decision: "deny" }, {
    topics: ["#"],
  }]);
  for (const filter of ["#", "+/x", "+/#", "+", "admin", "admin/+/x/#"]) {
    assert.equal(subscribe(s, filter), "deny rule-0", filter);
  }
  for (const filter of ["a/#", "a/b/+", "a/+/+/#"]) assert.equal(subscribe(s, filter), "deny rule-1", filter);
  for (const filter of ["b/#", "a/+", "a/+/y", "a/b/y", "a/b/z/+"]) {
    assert.equal(subscribe(s, filter), "allow rule-2", filter);
  }
  assert.equal(subscribe(rules([{ topics: ["/#"], decision: "deny" }, { topics: ["#"] }]), "+"), "allow rule-1");
});

Deno.test("wildcards at the beginning do not meet $ topics", () => {
  const s = rules([{ topics: ["#", "+/+"] }, { topics: ["$SYS/#"], decision: "deny" }]);
  assert.equal(subscribe(s, "#"), "allow rule-0");
  assert.equal(subscribe(s, "$SYS/+"), "deny rule-1");
  assert.equal(publish(s, "$SYS/a"), "deny rule-1");
  assert.equal(publish(s, "$other/a"), "deny dollar-topic");
});

Deno.test("$ topics need an allow rule that begins with the same level, whatever the default", () => {
  const allow = { "default-action": "allow" } as const;
  const s = rules([{ topics: ["$SYS/+/#"] }], allow);
  assert.equal(publish(s, "$SYS/a"), "allow rule-0");
  assert.equal(publish(s, "$CONTROL/dynamic-security/v1"), "deny dollar-topic");
  assert.equal(publish(s, "$share/g/admin/x"), "deny dollar-topic");
  assert.equal(subscribe(s, "$SYS/#"), "deny dollar-topic");
  assert.equal(subscribe(s, "$share/g/$SYS/#"), "deny dollar-topic");
  assert.equal(subscribe(s, "$SHARE/g/a"), "deny dollar-topic");
  assert.equal(receive(s, "$other"), "deny dollar-topic");
  assert.equal(unsubscribe(s, "$other"), "allow default");
  assert.equal(publish(rules([], { ...allow, "dollar-topics": "default-action" }), "$other"), "allow default");
});

Deno.test("a shared subscription is judged by its inner filter", () => {
  const s = rules([
    { topics: ["admin/#"], decision: "deny" },
    { topics: ["#"] },
    { topics: ["x"], decision: "deny", actions: ["unsubscribe"] },
  ]);
  assert.equal(subscribe(s, "$share/g/admin/#"), "deny rule-0");
  assert.equal(subscribe(s, "$share/g/a/#"), "allow rule-1");
  assert.equal(subscribe(s, "$share/g/+/x"), "deny rule-0");
  assert.equal(unsubscribe(s, "$share/g/x"), "deny rule-2");
  for (const malformed of ["$share/g", "$share//a", "$share/+/a", "$share/g/", "$share/g/$share/h/a"]) {
    assert.equal(subscribe(s, malformed), "deny invalid-topic", malformed);
  }
});

Deno.test("unwrapped prefixes are taken off, again and again and inside a share", () => {
  const s = rules([{ topics: ["admin/#"], decision: "deny" }, { topics: ["#"] }], {
    unwrap: ["$queue/", "$delayed/+/"],
  });
  for (const topic of ["$queue/admin/x", "$delayed/5/admin/x", "$delayed//admin", "$queue/$delayed/5/$queue/admin"]) {
    assert.equal(publish(s, topic), "deny rule-0", topic);
    assert.equal(subscribe(s, topic), "deny rule-0", topic);
    assert.equal(receive(s, topic), "deny rule-0", topic);
    assert.equal(subscribe(s, `$share/g/${topic}`), "deny rule-0", topic);
  }
  assert.equal(subscribe(s, "$queue/$share/g/admin/#"), "deny rule-0");
  assert.equal(subscribe(s, "$queue/#"), "deny rule-0");
  assert.equal(publish(s, "$queue/a"), "allow rule-1");
  assert.equal(publish(s, "$queue/"), "deny dollar-topic");
  assert.equal(publish(s, "$delayed/5"), "deny dollar-topic");
  assert.equal(subscribe(s, "$delayed/#"), "deny dollar-topic");
  const unsubscribing = rules([{ topics: ["a"], actions: ["unsubscribe"], decision: "deny" }], { unwrap: ["$queue/"] });
  assert.equal(unsubscribe(unsubscribing, "$queue/a"), "deny rule-0");
});

Deno.test("actions: absent or empty are publish, subscribe and receive", () => {
  for (const actions of [undefined, []]) {
    const s = rules([{ topics: ["a"], decision: "deny", ...(actions && { actions }) }], { "default-action": "allow" });
    assert.equal(publish(s, "a"), "deny rule-0");
    assert.equal(subscribe(s, "a"), "deny rule-0");
    assert.equal(receive(s, "a"), "deny rule-0");
    assert.equal(unsubscribe(s, "a"), "allow default");
    assert.equal(told(decideConnect(s, NOW_MS)), "allow default");
  }
});

Deno.test("a delivery is judged by rules that list receive if one of them holds for the client, else as subscribe", () => {
  const subscribeOnly: RuleSketch = { topics: ["s/#"], actions: ["subscribe"] };
  const both: RuleSketch = { topics: ["both/#"] };
  const unlisted = rules([subscribeOnly, both]);
  assert.equal(receive(unlisted, "s/x"), "allow rule-0");
  assert.equal(receive(unlisted, "both/x"), "allow rule-1");
  assert.equal(receive(unlisted, "other"), "deny no-rule");

  const listing: RuleSketch = { topics: ["r/#"], actions: ["receive"] };
  const listed = rules([subscribeOnly, both, listing]);
  assert.equal(receive(listed, "s/x"), "deny no-rule");
  assert.equal(receive(listed, "both/x"), "allow rule-1");
  assert.equal(receive(listed, "r/x"), "allow rule-2");

  for (
    const rule of [{ ...listing, match: { username: "bob" } }, { ...listing, expires: "2026-05-31" }, {
      ...listing,
      shadow: true,
    }]
  ) {
    assert.equal(receive(rules([subscribeOnly, both, rule]), "s/x"), "allow rule-0");
  }
});

Deno.test("rules that list receive count as long as one of them is in force", () => {
  const listing = (expires: string): RuleSketch => ({ topics: ["r"], actions: ["receive"], expires });
  const subscribeOnly: RuleSketch = { topics: ["s"], actions: ["subscribe"] };
  for (const order of [["2026-05-01", "2027-01-01"], ["2027-01-01", "2026-05-01"]]) {
    assert.equal(receive(rules([...order.map(listing), subscribeOnly]), "s"), "deny no-rule");
  }
  assert.equal(receive(rules([listing("2026-05-01"), subscribeOnly]), "s"), "allow rule-1");
});

Deno.test("a delivery is judged by its name, also by deny rules, and an odd name is text", () => {
  const s = rules([{ topics: ["a/b"], decision: "deny" }, { topics: ["a/+"] }], { "forbid-characters": "." });
  assert.equal(receive(s, "a/b"), "deny rule-0");
  assert.equal(receive(s, "a/#"), "allow rule-1");
  assert.equal(receive(s, "a/x.y"), "allow rule-1");
  assert.equal(receive(s, ""), "deny invalid-topic");
  assert.equal(receive(rules([], { "check-deliveries": false }), "x"), "allow disabled");
});

Deno.test("connect is judged by rules that list it, by their match alone", () => {
  const s = rules([{ match: { username: "ann" }, actions: ["connect"], decision: "deny", "deny-action": "close" }]);
  assert.equal(told(decideConnect(s, NOW_MS)), "deny rule-0");
  assert.equal(decideConnect(s, NOW_MS).action, "close");
  const other = rules([{ match: { username: "bob" }, actions: ["connect"], decision: "deny" }]);
  assert.equal(told(decideConnect(other, NOW_MS)), "allow default");
  const first = rules([
    { match: { "client-id": "id-1" }, actions: ["connect"], priority: 1 },
    { match: { username: "ann" }, actions: ["connect", "publish"], topics: ["a"], decision: "deny" },
  ]);
  assert.equal(told(decideConnect(first, NOW_MS)), "allow rule-0");
});

Deno.test("unsubscribe is judged by rules that list it", () => {
  const s = rules([
    { topics: ["a/+"], actions: ["unsubscribe"] },
    { topics: ["#"], actions: ["unsubscribe"], decision: "deny" },
  ]);
  assert.equal(unsubscribe(s, "a/b"), "allow rule-0");
  assert.equal(unsubscribe(s, "a/#"), "deny rule-1");
});

Deno.test("retain binds a rule to packets with or without the flag, and only a PUBLISH has it", () => {
  const s = rules([{ topics: ["a"], retain: true, decision: "deny" }, { topics: ["a"], retain: false }]);
  assert.equal(publish(s, "a", true), "deny rule-0");
  assert.equal(publish(s, "a", false), "allow rule-1");
  assert.equal(subscribe(s, "a"), "allow rule-1");
  assert.equal(receive(s, "a"), "allow rule-1");
  const connect = rules([{ actions: ["connect"], retain: true, decision: "deny" }]);
  assert.equal(told(decideConnect(connect, NOW_MS)), "allow default");
});

Deno.test("an expired rule is absent", () => {
  const s = rules([
    { topics: ["a"], decision: "deny", expires: "2026-06-01T00:00:00Z" },
    { topics: ["a"], decision: "deny", expires: "2026-06-02" },
    { topics: ["a"], expires: "2026-06-03" },
  ]);
  const at = (time: string) => told(decidePublish(s, "a", 0, false, Date.parse(time)));
  assert.equal(at("2026-05-31T23:59:59.999Z"), "deny rule-0");
  assert.equal(at("2026-06-01T00:00:00Z"), "deny rule-1");
  assert.equal(at("2026-06-02T00:00:00Z"), "allow rule-2");
  assert.equal(at("2026-06-03T00:00:00Z"), "deny no-rule");
});

Deno.test("a shadow rule never decides and is reported where it would have", () => {
  const s = rules([
    { topics: ["a/#"], shadow: true, decision: "deny" },
    { topics: ["a/b"] },
    { topics: ["a/b/#"], shadow: true },
    { topics: ["c"], shadow: true },
  ]);
  const decision = decidePublish(s, "a/b", 0, false, NOW_MS);
  assert.deepEqual([told(decision), decision.shadow?.name], ["allow rule-1", "rule-0"]);
  const alone = decidePublish(s, "c", 0, false, NOW_MS);
  assert.deepEqual([told(alone), alone.shadow?.name], ["deny no-rule", "rule-3"]);
  assert.equal(decidePublish(s, "d", 0, false, NOW_MS).shadow, null);
  const behind = rules([{ topics: ["a"] }, { topics: ["a"], shadow: true, decision: "deny" }]);
  assert.equal(decidePublish(behind, "a", 0, false, NOW_MS).shadow, null);
  const listing = rules([{ topics: ["a"] }, { topics: ["b"], actions: ["receive"], shadow: true }]);
  assert.equal(decideReceive(listing, "b", NOW_MS).shadow?.name, "rule-1");
  const connecting = rules([{ actions: ["connect"], decision: "deny", shadow: true }]);
  assert.equal(decideConnect(connecting, NOW_MS).shadow?.name, "rule-0");
});

Deno.test("max-qos of the deciding rule is compared with the QoS of PUBLISH and SUBSCRIBE", () => {
  const s = rules([{ topics: ["a"], "max-qos": 1 }, { topics: ["b"] }]);
  assert.equal(decidePublish(s, "a", 1, false, NOW_MS).maxQosExceeded, false);
  assert.equal(decidePublish(s, "a", 2, false, NOW_MS).maxQosExceeded, true);
  assert.equal(decidePublish(s, "a", 2, false, NOW_MS).allowed, true);
  assert.equal(decideSubscribe(s, "a", 2, NOW_MS).maxQosExceeded, true);
  assert.equal(decidePublish(s, "b", 2, false, NOW_MS).maxQosExceeded, false);
  assert.equal(decidePublish(s, "c", 2, false, NOW_MS).maxQosExceeded, false);
});

Deno.test("a denied packet gets the action of the rule, else of the section", () => {
  const s = rules([{ topics: ["a"], decision: "deny", "deny-action": "drop" }, { topics: ["b"], decision: "deny" }], {
    "deny-action": "close",
  });
  assert.equal(decidePublish(s, "a", 0, false, NOW_MS).action, "drop");
  assert.equal(decidePublish(s, "b", 0, false, NOW_MS).action, "close");
  assert.equal(decidePublish(s, "c", 0, false, NOW_MS).action, "close");
});

Deno.test("literal rules compare the text", () => {
  const s = rules([{ topics: ["#", "a/+", "$x/#"], literal: true, decision: "deny" }, { topics: ["#", "$x/#"] }]);
  assert.equal(subscribe(s, "#"), "deny rule-0");
  assert.equal(subscribe(s, "a/+"), "deny rule-0");
  assert.equal(subscribe(s, "$x/#"), "deny rule-0");
  assert.equal(subscribe(s, "$share/g/#"), "deny rule-0");
  assert.equal(subscribe(s, "a/b"), "allow rule-1");
  assert.equal(subscribe(s, "+/#"), "allow rule-1");
  assert.equal(publish(s, "a/b"), "allow rule-1");
  const allowing = rules([{ topics: ["a/+", "b"], literal: true }]);
  assert.equal(subscribe(allowing, "a/+"), "allow rule-0");
  assert.equal(subscribe(allowing, "a/b"), "deny no-rule");
  assert.equal(publish(allowing, "b"), "allow rule-0");
});

Deno.test("wildcard-subscriptions: deny refuses what is allowed, unless the rule says wildcards", () => {
  const deny = { "wildcard-subscriptions": "deny", "default-action": "allow" } as const;
  const s = rules(
    [{ topics: ["a/#"] }, { topics: ["b/#"], wildcards: true }, { topics: ["c/#"], decision: "deny" }],
    deny,
  );
  assert.equal(subscribe(s, "a/+"), "deny wildcards");
  assert.equal(decideSubscribe(s, "a/+", 0, NOW_MS).rule?.name, "rule-0");
  assert.equal(subscribe(s, "$share/g/a/#"), "deny wildcards");
  assert.equal(subscribe(s, "a/b"), "allow rule-0");
  assert.equal(subscribe(s, "b/+"), "allow rule-1");
  assert.equal(subscribe(s, "c/+"), "deny rule-2");
  assert.equal(subscribe(s, "d/+"), "deny wildcards");
  assert.equal(subscribe(s, "d"), "allow default");
  assert.equal(unsubscribe(s, "d/+"), "allow default");
});

Deno.test("forbid-characters refuses names and filters of the client", () => {
  const s = rules([{ topics: ["#"] }], { "forbid-characters": ".😀" });
  assert.equal(publish(s, "admin.x"), "deny forbidden-character");
  assert.equal(publish(s, "a/😀"), "deny forbidden-character");
  assert.equal(publish(s, "a/\u{1f601}"), "allow rule-0");
  assert.equal(subscribe(s, "$share/g.h/x"), "deny forbidden-character");
  assert.equal(unsubscribe(s, "admin.x"), "deny forbidden-character");
});

Deno.test("what is no name or filter is refused even where everything is allowed", () => {
  const s = rules([{ topics: ["#"] }], { "default-action": "allow" });
  for (const name of ["", "a/#", "a/+", "a+"]) assert.equal(publish(s, name), "deny invalid-topic", name);
  for (const filter of ["", "a#", "#/a", "a/+b", "$share/g/a#"]) {
    assert.equal(subscribe(s, filter), "deny invalid-topic", filter);
  }
  assert.equal(unsubscribe(s, "a#"), "deny invalid-topic");
});

Deno.test("a disabled ACL allows everything", () => {
  const s = rules([{
    topics: ["#"],
    decision: "deny",
    actions: ["connect", "publish", "subscribe", "unsubscribe", "receive"],
  }], { enabled: false });
  assert.equal(publish(s, "$SYS/x"), "allow disabled");
  assert.equal(subscribe(s, "#"), "allow disabled");
  assert.equal(unsubscribe(s, "#"), "allow disabled");
  assert.equal(receive(s, "a"), "allow disabled");
  assert.equal(told(decideConnect(s, NOW_MS)), "allow disabled");
});
