import type { AclDecision, AclQuestion } from "./acl/mod.ts";
import type { Reason } from "../reasons.ts";
import type { CheckFindings, Tracer } from "./trace.ts";

/** Something that the rules were asked, and what they said. */
export interface TracedDecision {
  readonly question: AclQuestion;
  /** They are the rules that the login carries. */
  readonly byLogin: boolean;
  readonly decision: AclDecision;
}

/** One check that ran. */
export interface TracedCheck {
  /** Of its function, without `check` and with dashes: `publish-acl`, `connect-rate`. */
  readonly name: string;
  /** Null: it let the packet go on. */
  readonly refused: Reason | null;
  /** The topic or filter that the refusal is about, where it is not the packet's only one. */
  readonly topic: string | null;
  /** Name of the rate limit that refuses. */
  readonly limit: string | null;
  /** What inspection found and refuses. */
  readonly finding: string | null;
  /** The QoS that the packet should have had, or null. */
  readonly downgradedTo: number | null;
  /** What it asked the rules, in order. */
  readonly decisions: readonly TracedDecision[];
}

/** One packet, and the checks that it met in their order. */
export interface TracedPacket {
  readonly type: number;
  readonly checks: readonly TracedCheck[];
}

/** Keeps what the frame path tells: for one frame or a few, since it grows with each. */
export class TraceRecorder implements Tracer {
  #packets: { readonly type: number; readonly checks: TracedCheck[] }[] = [];
  #decisions: TracedDecision[] = [];

  /** What was told since the last {@link clear}. */
  get packets(): readonly TracedPacket[] {
    return this.#packets;
  }

  clear(): void {
    this.#packets = [];
    this.#decisions = [];
  }

  packet(type: number): void {
    this.#decisions = [];
    this.#packets.push({ type, checks: [] });
  }

  check(name: string, refused: Reason | null, { topic, limit, finding, downgradedTo }: CheckFindings): void {
    if (this.#packets.length === 0) this.packet(0);
    this.#packets.at(-1)?.checks.push({
      name: checkName(name),
      refused,
      topic: refused === null ? null : topic,
      limit: refused === null ? null : limit?.name ?? null,
      finding: refused === null ? null : finding?.text ?? null,
      downgradedTo: downgradedTo === -1 ? null : downgradedTo,
      decisions: this.#decisions,
    });
    this.#decisions = [];
  }

  acl(question: AclQuestion, byLogin: boolean, decision: AclDecision): void {
    // A copy: the next decision of anyone is written over this one.
    this.#decisions.push({ question, byLogin, decision: { ...decision } });
  }
}

/** `checkPublishAcl` → `publish-acl` */
function checkName(name: string): string {
  return name.replace(/^check(?=[A-Z])/, "").replaceAll(/([a-z0-9])([A-Z])/g, "$1-$2").toLowerCase();
}
