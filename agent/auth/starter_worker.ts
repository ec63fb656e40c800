import { type Hello, type StarterOrder, type StarterReport, whenStarted } from "./threads.ts";

/** Makes workers for the frame path's thread, which they would hold up (threads.ts), and says when one fails. */
const workers = new Map<number, Worker>();

whenStarted((port) => {
  const report = (message: StarterReport): void => port.postMessage(message);
  const fail = (id: number, why: string): void => {
    workers.get(id)?.terminate();
    if (workers.delete(id)) report({ kind: "failed", id, why });
  };
  const start = (id: number, url: string, theirs: MessagePort): void => {
    let worker: Worker;
    try {
      worker = new Worker(url, { type: "module", name: `agent thread ${id}` });
    } catch (error) {
      return report({ kind: "failed", id, why: error instanceof Error ? error.message : String(error) });
    }
    workers.set(id, worker);
    worker.onerror = (event) => {
      event.preventDefault();
      fail(id, event.message);
    };
    worker.onmessageerror = () => fail(id, "a message could not be read");
    worker.postMessage({ port: theirs } satisfies Hello, [theirs]);
  };
  port.onmessage = ({ data: order }: MessageEvent<StarterOrder>) => {
    switch (order.kind) {
      case "start":
        return start(order.id, order.url, order.port);
      case "stop":
        workers.get(order.id)?.terminate();
        return void workers.delete(order.id);
      case "close":
        for (const worker of workers.values()) worker.terminate();
        workers.clear();
        return report({ kind: "closed" });
      default:
        return order satisfies never;
    }
  };
});
