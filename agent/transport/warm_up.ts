import { Buffer } from "node:buffer";
import { Agent, type PolicySource } from "../agent.ts";
import { AuditRing } from "../audit/ring.ts";
import { createLogger } from "../log.ts";
import { frameAnswer } from "./answer.ts";
import { FrameReader } from "./frame_reader.ts";
import { OutBuffer } from "./out_buffer.ts";

/** Rounds of one connection each, and the time that they may take. */
const ROUNDS = 60;
const PUBLISHES = 40;
const MAX_MS = 60;

/** CONNECT of 3.1.1, CONNACK, SUBSCRIBE `a/#`, PINGREQ, and a PUBLISH of 200 bytes. */
const CONNECT = "101000044d5154540402003c000477617231";
const CONNACK = "20020000";
const SUBSCRIBE = "820800010003612f2300";
const PINGREQ = "c000";
const PUBLISH = `30cf010005612f622f63${"7b".repeat(200)}`;

/**
 * Judges made-up frames until the engine has compiled the frame path.
 *
 * When an agent is restarted the whole fleet comes back at once, and its first thousand verdicts, judged by code that is
 * still interpreted, would take ten times as long: late enough for the proxy to let frames pass. It uses an agent of its
 * own, so nothing of it is seen in sessions, log or audit.
 */
export function warmUp(policies: PolicySource): void {
  const log = createLogger({ level: "error", write: (bytes) => Promise.resolve(bytes.length) });
  const agent = new Agent({ policies: { current: policies.current, push: () => null }, log, audit: new AuditRing(1) });
  const reader = new FrameReader();
  const out = new OutBuffer();
  const endMs = performance.now() + MAX_MS;
  for (let round = 0; round < ROUNDS && performance.now() < endMs; round++) {
    let sent = 0;
    const judge = (hex: string, fromClient: boolean, index: number): void => {
      const event = Buffer.from(JSON.stringify({
        client_ip: `192.0.2.1:${1_000 + round}`,
        client_to_server: fromClient,
        correlation_id: `warm-up-${round}`,
        data: Buffer.from(hex, "hex").toString("base64"),
        fin: true,
        frame_index: index,
        opcode: "binary",
        route_id: "warm-up",
      }));
      if (!reader.readFast(event, 0, event.length)) return;
      out.addText(-1, frameAnswer(round % 2 === 0 ? 1 : 2, agent.judgeFrame(reader.frame)));
      agent.unsettled(reader.frame);
    };
    agent.tick();
    judge(CONNECT, true, sent++);
    judge(CONNACK, false, 0);
    judge(SUBSCRIBE, true, sent++);
    for (let i = 0; i < PUBLISHES; i++) judge(i % 8 === 0 ? PINGREQ : PUBLISH, true, sent++);
    out.clear();
  }
}
