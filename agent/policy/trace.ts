import type { Reason } from "../reasons.ts";
import type { AclDecision, AclQuestion, CompiledRule } from "./acl/mod.ts";

/** What a check left beside its answer; `Ground` holds it. Read it at once: the next check writes over it. */
export interface CheckFindings {
  /** The rule that decided, or null. */
  readonly rule: CompiledRule | null;
  /** The topic or filter that a refusal is about, where it is not the packet's only one. */
  readonly topic: string | null;
  /** What a refused packet gets. */
  readonly action: "drop" | "close";
  /** The QoS that the packet should have had, or -1. */
  readonly downgradedTo: number;
  /** The rate limit that refuses, or null. */
  readonly limit: { readonly name: string } | null;
  /** What inspection refuses for, or null. */
  readonly finding: { readonly text: string } | null;
}

/**
 * Whoever listens to the frame path: it tells what it does while it does it, so that an explanation needs no second
 * implementation. Nobody listens while the agent serves; then each of these costs one comparison with null.
 *
 * What is told is valid during the call. A tracer must not throw, and must not ask for decisions of the rules meanwhile.
 */
export interface Tracer {
  /** A packet of this type begins to be judged; what follows is about it. */
  packet(type: number): void;
  /** A check has run: `name` is that of its function, or words of its own with dashes. Null: it lets the packet go on. */
  check(name: string, refused: Reason | null, found: CheckFindings): void;
  /** Rules were asked, of the configuration or those that the login carries. The check that asked is told afterwards. */
  acl(question: AclQuestion, byLogin: boolean, decision: AclDecision): void;
}
