/**
 * An agent in a thread of its own, which can be stalled on purpose, with its audit to look at: a stall has to stop the
 * agent and not the clock of the proxy that waits for it.
 */
import { Agent } from "../../agent/agent.ts";
import { AuditRing } from "../../agent/audit/ring.ts";
import { createLogger } from "../../agent/log.ts";
import { UnixSocketServer } from "../../agent/transport/unix_socket.ts";
import { testPolicy } from "../support/test_agent.ts";

/** To the thread. */
export type Order =
  | { readonly do: "serve"; readonly path: string }
  /** Holds the thread in a circle for so long. */
  | { readonly do: "stall"; readonly ms: number }
  | { readonly do: "audit" }
  | { readonly do: "stop" };

/** An audit event, as much as the test needs. */
export interface Told {
  readonly correlationId: string;
  readonly late: boolean;
}

const self = globalThis as unknown as {
  onmessage: (event: MessageEvent<Order>) => void;
  postMessage(message: unknown): void;
};

let server: UnixSocketServer;
let agent: Agent;

self.onmessage = async ({ data: order }) => {
  switch (order.do) {
    case "serve": {
      const log = createLogger({ level: "error", write: (bytes) => Promise.resolve(bytes.length) });
      agent = new Agent({
        policies: { current: testPolicy({}), desk: null, push: () => Promise.resolve(null) },
        log,
        audit: new AuditRing(100_000),
      });
      server = await UnixSocketServer.serve({ path: order.path, agent, log });
      break;
    }
    case "stall": {
      const end = performance.now() + order.ms;
      while (performance.now() < end);
      break;
    }
    case "audit": {
      const told: Told[] = [...agent.audit.newest()].map(({ correlationId, tags }) => ({
        correlationId,
        late: tags.includes("late"),
      }));
      self.postMessage(told);
      return;
    }
    case "stop":
      await server.stop();
      break;
  }
  self.postMessage(order.do);
};
