import assert from "node:assert/strict";
import { gzipSync } from "node:zlib";
import { type Findings, inspect } from "./inspect.ts";
import { EVERYTHING, planOf, telemetry } from "./inspect_fixture.ts";
import { ATTACKS } from "./testdata/attacks.ts";

Deno.test("a thread that has nothing but the configuration finds the same", async () => {
  const encoder = new TextEncoder();
  const payloads = [
    ...Object.values(ATTACKS).flat().map((text) => encoder.encode(text)),
    Uint8Array.from(gzipSync(encoder.encode("<script>alert(1)</script>"))),
    telemetry(2000),
  ];
  const config = {
    ...EVERYTHING,
    patterns: {
      ...EVERYTHING.patterns,
      "custom-patterns": [{ name: "key", pattern: "api_key", severity: "high" as const, shadow: true }],
    },
  };
  const worker = new Worker(new URL("./testdata/worker.ts", import.meta.url), { type: "module" });
  try {
    const found = await new Promise<(Findings | null)[]>((resolve, reject) => {
      worker.onmessage = ({ data }) => resolve(data);
      worker.onerror = (event) => {
        event.preventDefault();
        reject(new Error(event.message));
      };
      worker.postMessage({ config, payloads });
    });
    const plan = planOf(config);
    assert.deepEqual(found, payloads.map((payload) => inspect(plan, "payload", payload, "a/b")));
  } finally {
    worker.terminate();
  }
});
