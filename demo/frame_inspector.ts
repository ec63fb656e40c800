import type { AgentClient, AgentEvent, AgentResponse, AuditMetadata } from "./agent_messages.ts";

/** What the proxy does with one frame. */
export type FrameAction =
  | { readonly kind: "forward" }
  | { readonly kind: "drop" }
  | { readonly kind: "close"; readonly code: number; readonly reason: string };

/** Who decided a frame: the agent, or the proxy because there was no verdict in time, an error, or an open breaker. */
export type DecidedBy = "agent" | "late" | "error" | "breaker";

/** A decided frame. */
export interface FrameDecision {
  readonly action: FrameAction;
  readonly decidedBy: DecidedBy;
  /** The agent's reasons, where it decided. */
  readonly audit: AuditMetadata | null;
  /** From the event to the decision. */
  readonly tookMs: number;
}

/** What the proxy does with an upgrade request. */
export type UpgradeDecision =
  | { readonly kind: "accept"; readonly decidedBy: DecidedBy; readonly audit: AuditMetadata | null }
  | {
    readonly kind: "refuse";
    readonly decidedBy: DecidedBy;
    readonly audit: AuditMetadata | null;
    readonly status: number;
    readonly body: string;
    readonly headers: Readonly<Record<string, string>>;
  };

/** Five failures in a row open the real proxy's breaker for 30 seconds. */
export interface BreakerOptions {
  readonly failures: number;
  readonly openMs: number;
}

/** How the proxy deals with an agent that does not answer. */
export interface InspectorOptions {
  /** The clock of the frame inspector: when it runs out the frame is *allowed*, whatever `failureMode` says. */
  readonly inspectorTimeoutMs: number;
  /** `timeout-ms` of the agent: when it runs out, `failureMode` decides. */
  readonly agentTimeoutMs: number;
  /** `open` lets pass what could not be judged; `closed` closes with 1011 and refuses an upgrade with 503 or 504. */
  readonly failureMode: "open" | "closed";
  readonly breaker: BreakerOptions | null;
  readonly log: (line: string) => void;
}

/** What an inspector has counted. */
export interface InspectorCounts {
  /** Frames that were asked about. */
  frames: number;
  allowed: number;
  dropped: number;
  closed: number;
  /** Frames without a verdict when a clock ran out, forwarded or not. */
  late: number;
  /** Frames that were forwarded without a verdict: late, on an error, with an open breaker. */
  unseen: number;
  /** Frames that closed their connection because there was no verdict (`failureMode: "closed"`). */
  unjudgedCloses: number;
  upgrades: number;
  upgradesRefused: number;
  /** Upgrades without an answer when the agent's clock ran out, let in or not. */
  upgradesLate: number;
  /** Upgrades that were let in without an answer. */
  upgradesUnseen: number;
  /** Times the breaker opened. */
  breakerOpened: number;
  /** Longest time to a verdict of the agent on a frame, in ms. */
  slowestVerdictMs: number;
}

type Outcome =
  | { readonly kind: "answer"; readonly response: AgentResponse }
  | { readonly kind: "inspector-timeout" }
  | { readonly kind: "agent-timeout" }
  | { readonly kind: "error"; readonly message: string };

/**
 * Asks the agent about frames and upgrades the way the proxy does, with its two clocks, its breaker and its failure mode.
 *
 * Of the two clocks the shorter one runs out first. With the defaults (100 ms and 1000 ms) that is the inspector's, which
 * fails open; with `timeout-ms 90` it is the agent's, and `failure-mode` is heard. Only the latter counts as a failure
 * for the breaker: the former drops the whole call, and nobody is told.
 */
export class FrameInspector {
  readonly counts: InspectorCounts = {
    frames: 0,
    allowed: 0,
    dropped: 0,
    closed: 0,
    late: 0,
    unseen: 0,
    unjudgedCloses: 0,
    upgrades: 0,
    upgradesRefused: 0,
    upgradesLate: 0,
    upgradesUnseen: 0,
    breakerOpened: 0,
    slowestVerdictMs: 0,
  };
  readonly #client: AgentClient;
  readonly #options: InspectorOptions;
  #failuresInARow = 0;
  #openUntilMs = 0;

  constructor(client: AgentClient, options: InspectorOptions) {
    this.#client = client;
    this.#options = options;
  }

  /** Decides one frame. Never rejects. */
  async inspectFrame(event: AgentEvent): Promise<FrameDecision> {
    const startMs = performance.now();
    this.counts.frames++;
    const decided = (action: FrameAction, decidedBy: DecidedBy, audit: AuditMetadata | null = null): FrameDecision => {
      const tookMs = performance.now() - startMs;
      if (decidedBy === "agent") this.counts.slowestVerdictMs = Math.max(this.counts.slowestVerdictMs, tookMs);
      return { action, decidedBy, audit, tookMs };
    };
    if (this.#breakerIsOpen()) return decided(this.#unjudged("Service unavailable"), "breaker");

    const outcome = await this.#ask(event, this.#options.inspectorTimeoutMs);
    switch (outcome.kind) {
      case "answer":
        return decided(this.#actionOf(outcome.response), "agent", outcome.response.audit);
      case "inspector-timeout":
        this.counts.late++;
        this.counts.unseen++;
        this.#options.log(`No verdict within ${this.#options.inspectorTimeoutMs} ms: the frame is allowed`);
        return decided({ kind: "forward" }, "late");
      case "agent-timeout":
        this.counts.late++;
        return decided(this.#unjudged("Gateway timeout"), "late");
      case "error":
        this.#options.log(outcome.message);
        return decided(this.#unjudged("Agent error"), "error");
      default:
        return unreachable(outcome);
    }
  }

  /** Decides an upgrade request. Never rejects. */
  async inspectUpgrade(event: AgentEvent): Promise<UpgradeDecision> {
    this.counts.upgrades++;
    if (this.#breakerIsOpen()) return this.#unjudgedUpgrade(503, "Service unavailable", "breaker");

    const outcome = await this.#ask(event, Infinity);
    switch (outcome.kind) {
      case "answer": {
        const { decision, audit } = outcome.response;
        if (decision === "allow") return { kind: "accept", decidedBy: "agent", audit };
        this.counts.upgradesRefused++;
        const { status, body, headers } = decision.block;
        return { kind: "refuse", decidedBy: "agent", audit, status, body: body ?? "", headers: headers ?? {} };
      }
      case "inspector-timeout":
      case "agent-timeout":
        this.counts.upgradesLate++;
        return this.#unjudgedUpgrade(504, "Gateway timeout", "late");
      case "error":
        this.#options.log(outcome.message);
        return this.#unjudgedUpgrade(503, "Agent unavailable", "error");
      default:
        return unreachable(outcome);
    }
  }

  /** Tells the agent of the end of a connection and waits for its answer, which decides nothing. */
  async reportComplete(event: AgentEvent): Promise<void> {
    await this.#ask(event, Infinity);
  }

  async #ask(event: AgentEvent, inspectorTimeoutMs: number): Promise<Outcome> {
    const { agentTimeoutMs } = this.#options;
    const timeoutMs = Math.min(agentTimeoutMs, inspectorTimeoutMs);
    const controller = new AbortController();
    const expired = Promise.withResolvers<Outcome>();
    let timer = setTimeout(() => {
      // Client, proxy and this clock share one thread here: an answer that lies in the socket already is not late.
      timer = setTimeout(() => {
        expired.resolve({ kind: inspectorTimeoutMs <= agentTimeoutMs ? "inspector-timeout" : "agent-timeout" });
        controller.abort();
      }, 0);
    }, timeoutMs);
    const answered = this.#client.call(event, controller.signal).then(
      (response): Outcome => ({ kind: "answer", response }),
      (error): Outcome => ({ kind: "error", message: error instanceof Error ? error.message : String(error) }),
    );
    const outcome = await Promise.race([answered, expired.promise]);
    clearTimeout(timer);
    if (outcome.kind === "answer") this.#failuresInARow = 0;
    else if (outcome.kind !== "inspector-timeout") this.#recordFailure();
    return outcome;
  }

  #actionOf(response: AgentResponse): FrameAction {
    const decision = response.websocketDecision;
    if (decision === null || decision === "allow") {
      this.counts.allowed++;
      return { kind: "forward" };
    }
    if (decision === "drop") {
      this.counts.dropped++;
      return { kind: "drop" };
    }
    this.counts.closed++;
    return { kind: "close", ...decision.close };
  }

  #unjudged(reason: string): FrameAction {
    if (this.#options.failureMode === "closed") {
      this.counts.unjudgedCloses++;
      return { kind: "close", code: 1011, reason };
    }
    this.counts.unseen++;
    return { kind: "forward" };
  }

  #unjudgedUpgrade(status: number, body: string, decidedBy: DecidedBy): UpgradeDecision {
    if (this.#options.failureMode === "closed") {
      this.counts.upgradesRefused++;
      return { kind: "refuse", decidedBy, audit: null, status, body, headers: {} };
    }
    this.counts.upgradesUnseen++;
    return { kind: "accept", decidedBy, audit: null };
  }

  #breakerIsOpen(): boolean {
    return performance.now() < this.#openUntilMs;
  }

  #recordFailure(): void {
    const { breaker } = this.#options;
    this.#failuresInARow++;
    if (breaker === null || this.#failuresInARow < breaker.failures) return;
    if (this.#breakerIsOpen()) return; // Of a call that began before.
    // After its time one call is tried: a success resets the count, a failure opens the breaker again at once.
    this.#openUntilMs = performance.now() + breaker.openMs;
    this.counts.breakerOpened++;
    this.#options.log(`${this.#failuresInARow} failures in a row: the breaker is open for ${breaker.openMs} ms`);
  }
}

function unreachable(value: never): never {
  throw new Error(`Cannot happen: ${JSON.stringify(value)}`);
}
