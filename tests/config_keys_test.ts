import assert from "node:assert/strict";
import { hint } from "../agent/config/hint.ts";
import { loadConfig } from "../agent/config/mod.ts";
import { NOT_YET } from "../agent/config/not_yet.ts";
import { CONFIG } from "../agent/config/schema/config.ts";
import { REQUIRED } from "../agent/config/shape.ts";
import { type KeyPath, keyPaths, objectPaths, withKey, withoutKey } from "./support/key_paths.ts";
import type { Vector } from "./support/vector.ts";
import { readVectorFile } from "./support/vector_files.ts";
import { configOf, runVectors, type VectorFile } from "./support/vector_runner.ts";

/** What shows that a key of the configuration does what it says. */
type Proof =
  /** A vector that no longer holds without the key, or with the other value `to`. */
  | { readonly vector: string; readonly to?: unknown }
  /** A test, where no vector can show it. */
  | { readonly test: string; readonly named: string }
  /** Why there is nothing to show. */
  | { readonly words: string };

const PROOFS: Readonly<Record<string, Proof>> = JSON.parse(
  Deno.readTextFileSync(new URL("./config_keys.json", import.meta.url)),
);

/** Keys that are refused today, or that belong to a section whose switch is. */
function isNotYet(text: string): boolean {
  return [...NOT_YET.keys()].some((key) => {
    const section = key.endsWith(".enabled") ? key.slice(0, -".enabled".length) : key;
    return text === section || text.startsWith(`${section}.`) || text.startsWith(`${section}[`);
  });
}

const BUILT: readonly KeyPath[] = keyPaths().filter(({ text }) => !isNotYet(text));

Deno.test("B174: every key is shown to do what it says, or is refused as not built yet", () => {
  const known = new Set(keyPaths().map(({ text }) => text));
  assert.deepEqual(BUILT.map(({ text }) => text).filter((text) => PROOFS[text] === undefined), []);
  assert.deepEqual(Object.keys(PROOFS).filter((text) => !known.has(text)), []);
});

Deno.test("B174: the tests that show a key are there", () => {
  for (const [text, proof] of Object.entries(PROOFS)) {
    if (!("test" in proof)) continue;
    const source = Deno.readTextFileSync(new URL(`../${proof.test}`, import.meta.url));
    assert.ok(source.includes(proof.named), `${text}: no test "${proof.named}" in ${proof.test}`);
  }
});

interface Changed {
  readonly text: string;
  readonly vector: Vector;
  /** Its absence alone keeps the configuration from loading. */
  readonly mayNotLoad: boolean;
}

Deno.test("B174: the vectors that show a key fail without it", async () => {
  const byFile = new Map<string, Changed[]>();
  for (const path of BUILT) {
    const proof = PROOFS[path.text];
    if (proof === undefined || !("vector" in proof)) continue;
    const [, file = "", name = ""] = /^([a-z0-9_]+): (.*)$/s.exec(proof.vector) ?? [];
    const from = vectorsOf(file);
    const vector = from.byName.get(name);
    assert.ok(vector !== undefined, `${path.text}: no vector ${proof.vector}`);
    const config = configOf(vector, from.file);
    const changed = "to" in proof ? withKey(config, path, proof.to) : withoutKey(config, path);
    assert.ok(changed !== null, `${path.text}: ${proof.vector} does not have it`);
    const list = byFile.get(file) ?? [];
    byFile.set(file, list);
    list.push({
      text: path.text,
      // Tests of the rules are there to keep a configuration out.
      mayNotLoad: path.property.fallback === REQUIRED || path.text.startsWith("acl.tests[]"),
      vector: {
        ...vector,
        config: changed as Record<string, unknown>,
        versions: vector.versions.slice(-1),
        skip: ["cut", "join", "glue", "early", "detect"],
      },
    });
  }
  let plays = 0;
  for (const [name, list] of byFile) {
    const vectors = list.map(({ vector }) => vector);
    const { failures } = await runVectors({ ...vectorsOf(name).file, vectors, configs: {}, base: {} }, {
      nextPlay: () => ++plays,
      everyPlay: false,
    });
    for (const { text, vector, mayNotLoad } of list) {
      const [failure] = failures.get(vector) ?? [];
      assert.ok(failure !== undefined, `${text} changes nothing in ${name}: ${vector.class}: ${vector.name}`);
      if (!mayNotLoad) assert.doesNotMatch(failure, /Cannot load/, text);
    }
  }
});

Deno.test("B171: every key that is misspelt is refused with what was meant, at every level", () => {
  const unhinted: string[] = [];
  for (const { shape, build, text } of objectPaths(CONFIG)) {
    const keys = [...shape.properties.keys()];
    for (const key of keys) {
      for (const misspelt of misspellings(key)) {
        if (shape.spellings.has(misspelt)) continue;
        const config = JSON.stringify(build({ [misspelt]: null }));
        const loaded = loadConfig({
          file: { path: "gate.json", text: config },
          env: () => undefined,
          notYet: new Map(),
        });
        const problems = "problems" in loaded ? loaded.problems.map((problem) => problem.message) : [];
        const message = problems.find((problem) => problem.includes(`unknown key ${JSON.stringify(misspelt)}`));
        assert.ok(message !== undefined, `${text}: accepts ${misspelt}`);
        // Of keys of two or three letters another may be as near.
        if (!message.includes(hint(misspelt, keys)) || !/did you mean/.test(message)) {
          unhinted.push(`${text}.${misspelt}`);
        }
      }
    }
  }
  assert.deepEqual(unhinted, []);
});

/** A letter too many, one too few, two the wrong way round, the other case, the other spelling with one letter more. */
function misspellings(key: string): string[] {
  const middle = key.length >> 1;
  return [
    `${key}s`,
    key.slice(0, middle) + key.slice(middle + 1),
    key.slice(0, middle - 1) + (key[middle] ?? "") + (key[middle - 1] ?? "") + key.slice(middle + 1),
    key.toUpperCase(),
    `${key.replaceAll("-", "_")}x`,
  ].filter((misspelt) => misspelt !== key);
}

const vectorFiles = new Map<string, { readonly file: VectorFile; readonly byName: ReadonlyMap<string, Vector> }>();

function vectorsOf(name: string): { readonly file: VectorFile; readonly byName: ReadonlyMap<string, Vector> } {
  let found = vectorFiles.get(name);
  if (found === undefined) {
    const file = readVectorFile(name);
    found = { file, byName: new Map(file.vectors.map((vector) => [`${vector.class}: ${vector.name}`, vector])) };
    vectorFiles.set(name, found);
  }
  return found;
}
