import { whenStarted } from "./auth/threads.ts";
import { type InspectionOrder, type InspectionReport, MAX_INSPECTORS } from "./inspection_pool.ts";
import { type Inspected, Inspector } from "./policy/inspect/inspector.ts";

/** As devices send it, in both ways of writing it. */
const WARM_UP_TEXT = new TextEncoder().encode(
  'weather,location=us temperature=82.1,state="ok" 1465839830100400200\n'.repeat(500) +
    '{"t":21.5,"name":"pump \\u0037 & valve","path":"/a/b?c=%20d"}\n'.repeat(500),
);
const WARM_UP_TIMES = 6;

/**
 * Code that is not compiled yet takes ten times as long, and the first large payload would be refused for it. Bytes come as
 * the channel makes them: others are other objects for the compiler.
 */
function warmUp(inspector: Inspector): void {
  for (let n = 0; n < WARM_UP_TIMES; n++) inspector.inspectPayload(structuredClone(WARM_UP_TEXT), "");
}

whenStarted((port) => {
  /** By the ids of the thread that asks; the oldest leave first. */
  const inspectors = new Map<number, Inspector>();
  const answer = (order: InspectionOrder): InspectionReport => {
    if (order.kind === "use") {
      const compiled = Inspector.compile(order.config);
      if ("problems" in compiled) return { kind: "failed", why: compiled.problems.map((p) => p.message).join("; ") };
      if (inspectors.size === 0) warmUp(compiled.inspector);
      inspectors.set(order.inspector, compiled.inspector);
      for (const id of inspectors.keys()) if (inspectors.size > MAX_INSPECTORS) inspectors.delete(id);
      return { kind: "ready" };
    }
    const inspector = inspectors.get(order.inspector);
    if (inspector === undefined) return { kind: "failed", why: "the worker does not know that configuration" };
    const startedMs = performance.now();
    const inspected: (Inspected | null)[] = [];
    let work = 0;
    for (const { payload, topic } of order.items) {
      // Whoever waited has closed by now: what is behind must not be late as well.
      if (Date.now() > order.untilMs) return { kind: "done", inspected: null, tookMs: 0, work };
      inspected.push(inspector.inspectPayload(payload, topic));
      work += inspector.work;
    }
    return { kind: "done", inspected, tookMs: performance.now() - startedMs, work };
  };
  port.onmessage = ({ data }: MessageEvent<InspectionOrder>) => {
    let report: InspectionReport;
    try {
      report = answer(data);
    } catch (error) {
      report = { kind: "failed", why: error instanceof Error ? error.message : String(error) };
    }
    port.postMessage(report);
  };
});
