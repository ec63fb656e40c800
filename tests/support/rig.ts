import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { generate } from "mqtt-packet";
import type { LoginDesk } from "../../agent/auth/login_desk.ts";
import type { Frame, Opcode } from "../../agent/frame.ts";
import type { FrameReport, Outcome, Waiting } from "../../agent/frame_report.ts";
import { tagsOf } from "../../agent/verdict.ts";
import { testAgent, type TestPolicy, testPolicy } from "./test_agent.ts";

export type PacketFacts = Parameters<typeof generate>[0];

/** An agent, and connections through it that count their own frames. */
export class Rig {
  readonly parts: ReturnType<typeof testAgent>;
  /** Whether whoever brings the frames can wait for a login or a payload. */
  hasRoom = true;
  constructor(policy: TestPolicy = {}, options: Parameters<typeof testAgent>[1] = {}) {
    this.parts = testAgent(policy, options);
  }

  get agent() {
    return this.parts.agent;
  }

  pass(ms: number): void {
    this.parts.clock.ms += ms;
    this.agent.tick();
  }

  /** Where logins are proved from here on; null turns authentication off. */
  useDesk(desk: LoginDesk | null): void {
    this.parts.policies.desk = desk;
  }

  usePolicy(policy: TestPolicy): void {
    this.parts.policies.current = testPolicy({ number: this.parts.policies.current.number + 1, ...policy });
  }

  connection(options: { id?: string; address?: string; routeId?: string | null } = {}): Wire {
    return new Wire(this, options);
  }
}

export interface Said {
  readonly verdict: string;
  readonly code: number | null;
  readonly reason: string | null;
  readonly tags: string;
}

let ids = 0;

function said(report: FrameReport): Said {
  return {
    verdict: report.waiting === null ? report.verdict : "wait",
    code: report.verdict === "close" ? report.refusal?.reason.closeCode ?? null : null,
    reason: report.refusal?.reason.code ?? null,
    tags: tagsOf(report).list.join(" "),
  };
}

/** One WebSocket connection as the proxy shows it. */
export class Wire {
  readonly #rig: Rig;
  readonly id: string;
  readonly address: string;
  readonly #routeId: string | null;
  sent = 0;
  received = 0;
  version: 4 | 5 = 4;
  /** The frame that waits, or the last that did. */
  waiting: Waiting | null = null;

  constructor(
    rig: Rig,
    { id, address = "10.0.0.1:5000", routeId = "mqtt" }: { id?: string; address?: string; routeId?: string | null },
  ) {
    this.#rig = rig;
    this.id = id ?? `id-${++ids}`;
    this.address = address;
    this.#routeId = routeId;
  }

  /** One raw frame; the verdict in one word, with code and reason. */
  frame(data: Uint8Array | null, options: Partial<Pick<Frame, "opcode" | "fin" | "fromClient" | "index">> = {}): Said {
    const fromClient = options.fromClient ?? true;
    const index = options.index ?? (fromClient ? this.sent++ : this.received++);
    const report = this.#rig.agent.judgeFrame({
      correlationId: this.id,
      clientAddress: this.address,
      routeId: this.#routeId,
      fromClient,
      opcode: options.opcode ?? "binary",
      fin: options.fin ?? true,
      index,
      data,
      bytes: data?.length ?? 0,
    }, { mayWait: () => this.#rig.hasRoom });
    if (report.waiting !== null) this.waiting = report.waiting;
    return said(report);
  }

  /** What became of the frame that waited, or of another one that did. */
  resume(outcome: Outcome, waiting: Waiting | null = this.waiting): Said {
    assert.ok(waiting !== null);
    return said(this.#rig.agent.resume(waiting, outcome));
  }

  send(...packets: PacketFacts[]): Said {
    return this.frame(Buffer.concat(packets.map((packet) => generate(packet, { protocolVersion: this.version }))));
  }

  receive(...packets: PacketFacts[]): Said {
    const bytes = Buffer.concat(packets.map((packet) => generate(packet, { protocolVersion: this.version })));
    return this.frame(bytes, { fromClient: false });
  }

  control(opcode: Opcode, fromClient = true): Said {
    return this.frame(new Uint8Array(0), { opcode, fromClient });
  }

  connect(facts: Record<string, unknown> = {}): Said {
    this.version = facts["protocolVersion"] === 5 ? 5 : 4;
    return this.send(
      {
        cmd: "connect",
        protocolId: "MQTT",
        protocolVersion: 4,
        clean: true,
        keepalive: 60,
        clientId: "dev1",
        ...facts,
      } as PacketFacts,
    );
  }

  accept(facts: Record<string, unknown> = {}): Said {
    const code = this.version === 5 ? { reasonCode: 0 } : { returnCode: 0 };
    return this.receive({ cmd: "connack", sessionPresent: false, ...code, ...facts } as PacketFacts);
  }

  /** Connected and accepted. */
  live(facts: Record<string, unknown> = {}, connack: Record<string, unknown> = {}): this {
    assert.equal(this.connect(facts).verdict, "allow");
    assert.equal(this.accept(connack).verdict, "allow");
    return this;
  }

  publish(topic: string, facts: Record<string, unknown> = {}): Said {
    return this.send(publish(topic, facts));
  }
}

export function publish(topic: string, facts: Record<string, unknown> = {}): PacketFacts {
  return { cmd: "publish", topic, payload: "x", qos: 0, retain: false, dup: false, ...facts } as PacketFacts;
}

export function subscribe(...topics: string[]): PacketFacts {
  return { cmd: "subscribe", messageId: 1, subscriptions: topics.map((topic) => ({ topic, qos: 0 })) } as PacketFacts;
}

export const PING: PacketFacts = { cmd: "pingreq" };
