import { whenStarted } from "./auth/threads.ts";
import type { InspectionOrder, InspectionReport } from "./inspection_pool.ts";
import { Inspector } from "./policy/inspect/inspector.ts";

/** Payloads that are being inspected when a configuration comes into force belong to the one before it. */
const MAX_INSPECTORS = 4;

whenStarted((port) => {
  /** By the ids of the thread that asks; the oldest leave first. */
  const inspectors = new Map<number, Inspector>();
  const answer = (order: InspectionOrder): InspectionReport => {
    if (order.kind === "use") {
      const compiled = Inspector.compile(order.config);
      if ("problems" in compiled) return { kind: "failed", why: compiled.problems.map((p) => p.message).join("; ") };
      inspectors.set(order.inspector, compiled.inspector);
      for (const id of inspectors.keys()) if (inspectors.size > MAX_INSPECTORS) inspectors.delete(id);
      return { kind: "ready" };
    }
    const inspector = inspectors.get(order.inspector);
    if (inspector === undefined) return { kind: "failed", why: "the worker does not know that configuration" };
    const startedMs = performance.now();
    const inspected = order.items.map(({ payload, topic }) => inspector.inspectPayload(payload, topic));
    return { kind: "done", inspected, tookMs: performance.now() - startedMs };
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
