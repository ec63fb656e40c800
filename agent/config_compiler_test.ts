import { strict as assert } from "node:assert";
import { compileAside, compileHere, unpackConfig } from "./config_compiler.ts";
import { bindSubject, type CompiledAcl, decidePublish, decideSubscribe, packAcl, unpackAcl } from "./policy/acl/mod.ts";
import { Random, randomConfig, randomRequest, randomSubject } from "./policy/acl/random_fixture.ts";

const NOW_MS = Date.UTC(2026, 5, 1);
const env = (name: string) => name === "LEVELS" ? "9" : undefined;

/** Names that objects of JavaScript have, that have one hash, and that are hard to write. */
const HOSTILE = ["__proto__", "constructor", "toString", "Aa", "BB", "AaBB", "BBAa", "é😀", "1", "x".repeat(200)];

async function compiledBoth(pushJson: string) {
  const request = { file: null, pushJson, testsAtMs: NOW_MS, number: 2, inspector: null };
  const here = await compileHere(request, env, null);
  const report = structuredClone(await compileAside({ kind: "compile", ...request }, env));
  if (report.kind !== "compiled") return { here, aside: report };
  return { here, aside: await unpackConfig(report.packed, request, () => Promise.resolve()) };
}

/** As JSON, since objects that another thread hands over have no prototype. */
function told(value: unknown): string {
  return JSON.stringify(value, (_, part) => part instanceof Map || part instanceof Set ? [...part] : part);
}

function decisions(acl: CompiledAcl, seed: number, topics: readonly string[]): string[] {
  const random = new Random(seed);
  return Array.from({ length: 150 }, () => {
    const subject = randomSubject(random);
    if (random.chance(50)) subject.clientId = random.pick(HOSTILE);
    if (random.chance(50)) subject.username = random.pick(HOSTILE);
    if (random.chance(30)) subject.attributes = new Map([[random.pick(HOSTILE), "a"]]);
    const bound = bindSubject(acl, subject);
    const topic = random.pick(topics);
    return told([decidePublish(bound, topic, 1, false, NOW_MS), subject]) +
      told(decideSubscribe(bound, topic, 1, NOW_MS));
  });
}

Deno.test("a configuration compiled by another thread is the one compiled here: hostile names, random rules, decisions, version, doubts", async () => {
  let compiled = 0;
  for (let seed = 1; seed <= 60; seed++) {
    const random = new Random(seed);
    const { rules, groups: _, ...settings } = randomConfig(random);
    const kept = rules.filter(({ literal, match }) =>
      literal !== true && match?.groups?.includes("anonymous") !== true
    );
    const hostile = HOSTILE.map((name, n) => ({
      name,
      decision: random.chance(50) ? "allow" as const : "deny" as const,
      match: random.pick([
        { "client-id": name },
        { username: name },
        { groups: [name] },
        { "username-regex": `^${name}` },
        { "client-id-regex": `^${name}$` },
        {
          attributes: JSON.parse(`{${JSON.stringify(name)}:"a"}`),
        },
      ]),
      topics: [`${name}/+`, `h/${n}`],
    }));
    const groups = JSON.parse(
      `{${HOSTILE.map((name) => `${JSON.stringify(name)}:${JSON.stringify(HOSTILE)}`).join()}}`,
    );
    const { here, aside } = await compiledBoth(JSON.stringify({
      auth: { enabled: false, "client-id-pattern": "${LEVELS}" },
      acl: {
        ...settings,
        rules: [...kept.filter(({ topics }) => topics?.every((topic) => !topic.includes("//"))), ...hostile],
        groups,
      },
      bans: HOSTILE.map((name) => ({ "client-id": name })),
      "rate-limit": { enabled: true },
    }));
    if ("problems" in here || !("policy" in aside)) {
      assert.deepEqual("problems" in aside ? aside.problems : null, "problems" in here ? here.problems : []);
      continue;
    }
    compiled++;
    for (const part of ["version", "files", "doubts", "config", "bans", "autoBan"] as const) {
      assert.equal(told(aside[part]), told(here[part]), `${part} of ${seed}`);
    }
    const topics = [
      ...HOSTILE.map((name) => `${name}/x`),
      ...HOSTILE.map((_, n) => `h/${n}`),
      ...Array.from({ length: 40 }, () => randomRequest(random, { ...settings, rules, groups }).topic),
    ];
    const wanted = decisions(here.policy.acl, seed, topics);
    assert.deepEqual(decisions(aside.policy.acl, seed, topics), wanted, `seed ${seed}`);
    const twice = unpackAcl(structuredClone(packAcl(aside.policy.acl)));
    assert.deepEqual(decisions(twice, seed, topics), wanted, `seed ${seed}, handed over once more`);
  }
  assert.ok(compiled > 20 && compiled < 60, `${compiled} of 60`);
});
