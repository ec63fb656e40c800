import assert from "node:assert/strict";
import { createLogger } from "../agent/log.ts";
import { ConfigurationError, PolicyStore } from "../agent/policy_store.ts";
import { compiledAside } from "./support/config_aside.ts";
import { startLogins } from "./support/test_logins.ts";

/** A configuration that is refused, or with no problems one that is not. */
interface ConfigVector {
  readonly name: string;
  readonly class: string;
  readonly config?: Readonly<Record<string, unknown>>;
  /** The whole file in place of `config`; null: it is not there. */
  readonly text?: string | null;
  /** Each must be in what is told. */
  readonly problems: readonly string[];
  /** A proxy can not push it. */
  readonly only?: "file";
  /** Refused until that part is built; then nothing is expected any more. */
  readonly until?: "built";
}

const VECTORS: readonly ConfigVector[] = JSON.parse(
  Deno.readTextFileSync(new URL("./vectors/configs/loading.json", import.meta.url)),
);
const GOOD = JSON.stringify({ acl: { rules: [{ name: "good", topics: "good/#", decision: "allow" }] } });
const KEYS = new Set(["name", "class", "config", "text", "problems", "only", "until"]);

const quiet = createLogger({ level: "error", json: true, write: (bytes) => Promise.resolve(bytes.length) });

interface Started {
  readonly store: PolicyStore;
  readonly stop: () => Promise<void>;
}

async function start(file: string, isAside: boolean): Promise<Started> {
  const logins = startLogins();
  try {
    const store = await PolicyStore.open({
      file,
      env: () => undefined,
      ...(isAside ? compiledAside(() => undefined) : {}),
      log: quiet,
      wallMs: Date.now,
      logins: logins.maker,
    });
    return {
      store,
      stop: async () => {
        store.close();
        await logins.close();
      },
    };
  } catch (error) {
    await logins.close();
    throw error;
  }
}

/** All problems of a start as one text, or null where it started. */
async function startWith(file: string): Promise<string | null> {
  try {
    const { stop } = await start(file, false);
    await stop();
    return null;
  } catch (error) {
    if (!(error instanceof ConfigurationError)) throw error;
    return error.problems.join("\n");
  }
}

/** Every second one is changed as if another thread compiled it. */
for (const [number, vector] of VECTORS.entries()) {
  const { name, config, problems, only, until } = vector;
  const text = config === undefined ? vector.text ?? null : JSON.stringify(config);
  Deno.test(`${vector.class}: ${name}: ${problems.length === 0 ? "loads" : "is refused, and what was in force stays"}`, async () => {
    assert.deepEqual(Object.keys(vector).filter((key) => !KEYS.has(key)), []);
    const folder = await Deno.makeTempDir({ prefix: "mqtt-config-" });
    const file = `${folder}/gate.json`;
    const write = async (content: string | null) => {
      if (content === null) await Deno.remove(file).catch(() => {});
      else await Deno.writeTextFile(file, content);
    };
    const check = (told: string | null, how: string) => {
      if (problems.length === 0) return assert.equal(told, null, how);
      // Once a part is built it says for itself what it takes.
      if (until === "built" && (told === null || !told.includes("not built yet"))) return;
      assert.ok(told !== null, `${how}: accepted`);
      for (const problem of problems) assert.ok(told.includes(problem), `${how}: ${problem} is not in ${told}`);
    };
    try {
      await write(text);
      check(await startWith(file), "start");
      await write(GOOD);
      const { store, stop } = await start(file, number % 2 === 1);
      try {
        const before = store.current;
        await write(text);
        check(await store.reload("a test"), "reload");
        if (problems.length > 0 && until === undefined) assert.equal(store.current, before, "reload");
        await write(GOOD);
        assert.equal(await store.reload("a test"), null);
        const again = store.current;
        assert.equal(again.label.split(" ")[1], before.label.split(" ")[1]);
        if (config !== undefined && only !== "file") {
          check(await store.push(structuredClone(config), "a proxy"), "push");
          if (problems.length > 0 && until === undefined) assert.equal(store.current, again, "push");
        }
      } finally {
        await stop();
      }
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  });
}
