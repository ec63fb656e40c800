import { whenStarted } from "./auth/threads.ts";
import { compileAside } from "./config_compiler.ts";
import type { ConfigOrder, ConfigReport } from "./config_in_force.ts";

/** Reads and compiles configurations beside the frame path, and hands over what they came to. */
whenStarted((port) => {
  port.onmessage = async ({ data: order }: MessageEvent<ConfigOrder>) => {
    let report: ConfigReport;
    try {
      report = await compileAside(order, (name) => Deno.env.get(name));
    } catch (error) {
      report = { kind: "failed", why: error instanceof Error ? error.message : String(error) };
    }
    port.postMessage(report, report.kind === "compiled" ? memoryOf(report.packed.acl) : []);
  };
});

/** The memory of all arrays in it, which changes hands instead of being copied. */
function memoryOf(value: unknown): ArrayBuffer[] {
  if (ArrayBuffer.isView(value)) return value.buffer instanceof ArrayBuffer ? [value.buffer] : [];
  if (typeof value !== "object" || value === null || Array.isArray(value)) return [];
  return Object.values(value).flatMap(memoryOf);
}
