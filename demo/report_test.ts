import assert from "node:assert/strict";
import type { FrameRecord } from "./proxied_connection.ts";
import { DemoReport, visible } from "./report.ts";

function record(custom: Record<string, unknown>, kind: "forward" | "drop"): FrameRecord {
  const audit = { tags: ["mqtt"], rule_ids: ["r"], reason_codes: kind === "drop" ? ["acl-no-rule"] : [], custom };
  const frame = { fin: true, opcode: 2, rsv: 0, payload: new Uint8Array(), raw: new Uint8Array() };
  const decision = { action: { kind }, decidedBy: "agent", audit, tookMs: 1 } as const;
  return { correlationId: "c", clientIp: "127.0.0.1:1", from: "client", frame, index: 0, decision };
}

function shown(colour: boolean, show: (report: DemoReport) => void): string[] {
  const lines: string[] = [];
  show(new DemoReport({ colour, print: (line) => lines.push(line) }));
  return lines;
}

Deno.test("a report tells who did what, the verdict and why, in columns", () => {
  const custom = { client_id: "snoop", packet: "SUBSCRIBE", topic: "#", text: "No rule allows this" };
  const [line = ""] = shown(false, (report) => report.frame(record(custom, "drop")));
  assert.match(line, /^ {2}snoop {2,}SUBSCRIBE # {2,}drop {2,}No rule allows this \(acl-no-rule, rule r\)$/);
});

Deno.test("a report tells what is allowed once, and in each round again", () => {
  const allowed = record({ client_id: "s", packet: "PUBLISH", topic: "t" }, "forward");
  const lines = shown(false, (report) => {
    report.frame(allowed);
    report.frame(allowed);
    report.nextRound();
    report.frame(allowed);
  });
  assert.equal(lines.length, 2);
});

Deno.test("a report is coloured only where colours are understood", () => {
  const dropped = record({ client_id: "s", packet: "PUBLISH", topic: "t" }, "drop");
  assert.ok(shown(true, (report) => report.frame(dropped)).join().includes("\x1b[31m"));
  assert.ok(!shown(false, (report) => report.frame(dropped)).join().includes("\x1b"));
});

Deno.test("visible() shows control characters and the like, and cuts what is long", () => {
  assert.equal(visible("a\x1b[2Jb\u202ec\u2028"), "a\\u{1b}[2Jb\\u{202e}c\\u{2028}");
  assert.equal(visible("x".repeat(100)).length, 80);
  assert.equal(visible("ü→"), "ü→");
});
