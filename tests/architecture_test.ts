import assert from "node:assert/strict";

/** What a room may import of ours, by the longest prefix of its path; anything else of ours is an arrow upward. */
const ARROWS: Readonly<Record<string, readonly string[]>> = {
  "agent/mqtt/": ["agent/mqtt/"],
  "agent/config/": ["agent/config/"],
  "agent/reasons.ts": ["agent/reasons/"],
  "agent/reasons/": ["agent/reasons/", "agent/mqtt/"],
  "agent/policy/": ["agent/policy/", "agent/mqtt/", "agent/reasons.ts"],
  "agent/audit/": ["agent/audit/"],
  "agent/state_file.ts": [],
  "agent/bans/": ["agent/bans/", "agent/policy/", "agent/config/", "agent/reasons.ts", "agent/state_file.ts"],
  "agent/file_watch.ts": [],
  "agent/clock.ts": [],
  "agent/auth/": ["agent/auth/", "agent/policy/", "agent/mqtt/", "agent/config/", "agent/file_watch.ts"],
  "agent/log.ts": ["agent/line_queue.ts", "agent/log_text.ts"],
  "agent/line_queue.ts": [],
  "agent/log_text.ts": [],
  "agent/version.ts": [],
  "agent/transport/": ["agent/"],
  "agent/": ["agent/"],
  "main.ts": ["agent/", "cli/"],
  "cli/": ["cli/", "agent/"],
  "demo/": ["demo/"],
  "bench/": ["bench/"],
  "scripts/": ["agent/", "scripts/"],
};

const root = new URL("../", import.meta.url);

async function* sources(folder: string): AsyncGenerator<string> {
  for await (const entry of Deno.readDir(new URL(folder, root))) {
    const path = `${folder}${entry.name}`;
    if (entry.isDirectory) yield* sources(`${path}/`);
    else if (/\.tsx?$/.test(entry.name) && !/_(test|bench|fixture)\.tsx?$/.test(entry.name)) yield path;
  }
}

async function importsOf(path: string): Promise<string[]> {
  const text = await Deno.readTextFile(new URL(path, root));
  const base = new URL(path, root);
  // At the start of a line: examples in doc comments import too, and do not count.
  return [...text.matchAll(/^(?:(?:import|export|\}) .*?from |import )"(\.[^"]+)"/gm)]
    .map(([, target]) => new URL(target as string, base).href.slice(root.href.length));
}

async function graph(): Promise<Map<string, string[]>> {
  const found = new Map<string, string[]>();
  for (const folder of ["agent/", "cli/", "demo/", "bench/", "scripts/"]) {
    for await (const path of sources(folder)) found.set(path, await importsOf(path));
  }
  found.set("main.ts", await importsOf("main.ts"));
  return found;
}

Deno.test("no import runs upward", async () => {
  const upward: string[] = [];
  for (const [path, targets] of await graph()) {
    const room = Object.keys(ARROWS).filter((prefix) => path.startsWith(prefix)).sort((a, b) => b.length - a.length)[0];
    assert.ok(room !== undefined, `${path} is in no room`);
    for (const target of targets) {
      if (!(ARROWS[room] as readonly string[]).some((allowed) => target.startsWith(allowed))) {
        upward.push(`${path} → ${target}`);
      }
    }
    if (path.startsWith("agent/") && !path.startsWith("agent/transport/")) {
      upward.push(...targets.filter((target) => target.startsWith("agent/transport/")).map((to) => `${path} → ${to}`));
    }
  }
  assert.deepEqual(upward, []);
});

Deno.test("no file imports itself in a circle", async () => {
  const edges = await graph();
  // Types alone make no circle at run time, but a reader goes in one all the same: those between files of one room,
  // that describe one thing from two sides, are the only ones let through.
  const circles: string[] = [];
  const done = new Set<string>();
  const visit = (path: string, trail: readonly string[]): void => {
    const at = trail.indexOf(path);
    if (at !== -1) {
      circles.push([...trail.slice(at), path].join(" → "));
      return;
    }
    if (done.has(path)) return;
    for (const next of edges.get(path) ?? []) visit(next, [...trail, path]);
    done.add(path);
  };
  for (const path of edges.keys()) visit(path, []);
  assert.deepEqual(circles, []);
});

Deno.test("the test command reaches every test, once", async () => {
  const { tasks } = JSON.parse(await Deno.readTextFile(new URL("deno.json", root)));
  const words = (tasks.test.command as string).split(/\s+/).filter((word) => /\/$|_test\.ts$/.test(word));
  const tests: string[] = [];
  const walk = async (folder: string): Promise<void> => {
    for await (const { name, isDirectory } of Deno.readDir(new URL(folder, root))) {
      if (isDirectory) await walk(`${folder}${name}/`);
      else if (/_test\.tsx?$/.test(name)) tests.push(folder + name);
    }
  };
  for (const folder of ["agent/", "bench/", "cli/", "demo/", "tests/"]) await walk(folder);
  for (const test of tests) {
    assert.equal(
      words.filter((word) => test === word || (word.endsWith("/") && test.startsWith(word))).length,
      1,
      test,
    );
  }
});
