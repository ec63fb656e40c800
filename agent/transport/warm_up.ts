import { Buffer } from "node:buffer";
import { Agent, type PolicySource } from "../agent.ts";
import { AuditRing } from "../audit/ring.ts";
import type { Inspector } from "../policy/inspect/inspector.ts";
import { createLogger } from "../log.ts";
import { frameAnswer } from "./answer.ts";
import { FrameReader } from "./frame_reader.ts";
import { OutBuffer } from "./out_buffer.ts";

/** Rounds of one connection each, and the time that they may take. */
const ROUNDS = 60;
const FRAMES = 45;
const MAX_MS = 60;

/** What one connection says in one version of MQTT, as frames. */
interface Talk {
  readonly connect: string;
  readonly connack: string;
  readonly frames: readonly string[];
}

const SUBSCRIBE = `82c2010001${"0003612f2300".repeat(32)}`;
const PINGREQ = "c000";
const TELEMETRY = `{"temperature":21.5,"unit":"C","name":"boiler, north","ok":true,"at":"2026-01-31T10:00:00Z"}`;
const PUBLISH = `30cf010005612f622f63${Buffer.from(TELEMETRY.padEnd(200)).toString("hex")}`;
/** With a user property. */
const PUBLISH_5 = "30100005612f622f630726000161000162" + "78";

const TALKS: readonly Talk[] = [
  {
    connect: "101000044d5154540402003c000477617231",
    connack: "20020000",
    frames: [PUBLISH, PUBLISH, PUBLISH, PINGREQ, PUBLISH, PUBLISH, PINGREQ.repeat(64), PUBLISH.repeat(4), SUBSCRIBE],
  },
  {
    connect: "101100044d5154540502003c00000477617231",
    connack: "2003000000",
    frames: [PUBLISH_5, PUBLISH_5, PINGREQ, PUBLISH_5.repeat(16)],
  },
];

/**
 * Judges made-up frames until the engine has compiled the frame path.
 *
 * When an agent is restarted the whole fleet comes back at once, and its first thousand verdicts, judged by code that is
 * still interpreted, would take ten times as long: late enough for the proxy to let frames pass. It uses an agent of its
 * own, so nothing of it is seen in sessions, log or audit.
 */
export function warmUp(policies: PolicySource): void {
  const log = createLogger({ level: "error", write: (bytes) => Promise.resolve(bytes.length) });
  const { current } = policies;
  // Whatever ids and logins the configuration asks for: these clients have none of them.
  const identity = { ...current.identity, clientIdPattern: null, clientIdBinding: "none" as const };
  const agent = new Agent({
    policies: { current: { ...current, identity }, desk: null, push: () => Promise.resolve(null) },
    log,
    audit: new AuditRing(1),
  });
  if (current.inspection !== null) warmInspection(current.inspection);
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
    const { connect, connack, frames } = TALKS[round % 4 === 3 ? 1 : 0] as Talk;
    agent.tick();
    judge(connect, true, sent++);
    judge(connack, false, 0);
    for (let i = 0; i < FRAMES; i++) judge(frames[i % frames.length] as string, true, sent++);
    out.clear();
  }
}

/** Texts that make the search go through all of its parts: words, quotes, escapes, encodings. */
const SEARCHED = [
  TELEMETRY,
  `{"note":"it's 21\\u00b0, \\"warm\\" -- and/or 5 > 3; see https://example.org/a%20b?c=d&e=f","log":["a","b"]}`,
  "level=warn msg='retry in 5s' path=/var/log/app.log code=0x1f <b>bold</b> &amp; `code` $HOME",
  "eyJ0ZW1wZXJhdHVyZSI6MjEuNSwidW5pdCI6IkMiLCJuYW1lIjoiYm9pbGVyIn0=",
  String.raw`'"'" a=%25&b=%2525 \u0025\\u0025 &#x26;&amp;amp; {{ a $(c <d e= ../f %c0%ae ' or "a" or ' ;ls b`,
];
const INSPECTION_MS = 150;

/**
 * As above, for what is searched in its place: code that is not compiled yet takes twenty times as long, and the first large
 * payloads of a fleet that comes back come all at once.
 */
function warmInspection(inspector: Inspector): void {
  const endMs = performance.now() + INSPECTION_MS;
  const texts = SEARCHED.map((text) => new TextEncoder().encode(text.repeat(8)));
  for (let round = 0; round < ROUNDS && performance.now() < endMs; round++) {
    for (const text of texts) inspector.inspectPayload(text, "warm/up");
    inspector.inspectText("topic", "warm/up/device-1/state", "");
  }
}
