import type { Answer, Credentials, DenyCode, Identity, Provider, Work } from "./provider.ts";
import type { Lockout } from "./lockout.ts";

/** Why a login failed, as a word for log and audit; the client only ever learns "not authorised". */
export type LoginFailure = DenyCode | "anonymous" | "nobody-knows" | "provider-error" | "locked";

/** What became of a login. `trail` says which provider said what, for the log: no secrets. */
export type LoginVerdict =
  | {
    readonly kind: "allow";
    readonly identity: Identity | null;
    readonly provider: Provider | null;
    readonly trail: readonly string[];
  }
  | { readonly kind: "deny"; readonly failure: LoginFailure; readonly trail: readonly string[] };

/** A login whose answer takes time. */
export interface PendingLogin {
  readonly kind: "pending";
  /** What it will take from now, in milliseconds, at best knowledge. */
  readonly expectedMs: number;
  /** Never rejects. The work goes on whether anybody waits for it or not, and its result is kept. */
  readonly done: Promise<LoginVerdict>;
}

export interface LoginDeskOptions {
  /** Asked in order. */
  readonly providers: readonly Provider[];
  readonly allowAnonymous: boolean;
  readonly lockout: Lockout;
  /** Names credentials without keeping them; equal for equal credentials. */
  readonly keyOf: (credentials: Credentials) => string;
  /** How long a slow hash takes at this moment: no refusal comes earlier. 0 where no provider hashes. */
  readonly hashMs: (credentials: Credentials) => number;
  readonly setTimer: (callback: () => void, ms: number) => () => void;
  /** Milliseconds since the epoch. */
  readonly wallMs: () => number;
  /** Results and pending logins that are kept at most, each. */
  readonly maxKept?: number;
}

/** How long a result waits for the client to come back: devices that reconnect after a minute exist. */
const KEPT_MS = 600_000;
const MAX_KEPT = 10_000;

interface Kept {
  readonly verdict: LoginVerdict;
  readonly atMs: number;
  readonly generation: number;
}

/**
 * Asks the providers who somebody is, and never does the same slow work twice.
 *
 * What can be told at once is told at once. What can not goes on beside the frame path; whoever comes with the same
 * credentials meanwhile waits for the same work, and who comes within ten minutes after it gets its result, good or bad.
 *
 * A refusal takes as long as a slow hash does at that moment, by a timer and not by a hash, so that nobody can tell from
 * the time which names exist and nobody can burn the agent's CPU with names that do not.
 */
export class LoginDesk {
  readonly #options: LoginDeskOptions;
  readonly #kept = new Map<string, Kept>();
  readonly #pending = new Map<string, PendingLogin>();

  constructor(options: LoginDeskOptions) {
    this.#options = options;
  }

  /** Goes up when an earlier verdict may not hold any more. */
  get generation(): number {
    let sum = 0;
    for (const provider of this.#options.providers) sum += provider.generation;
    return sum;
  }

  /** Logins whose work is not done, and results that wait for their client. */
  get size(): { readonly pending: number; readonly kept: number } {
    return { pending: this.#pending.size, kept: this.#kept.size };
  }

  /** Whether an identity that was proved here still holds. Providers come and go with the configuration: one that is gone vouches for nobody. */
  stillHolds(identity: Identity, provider: Provider): boolean {
    const nowMs = this.#options.wallMs();
    return identity.expiresAtMs > nowMs && this.#options.providers.includes(provider) &&
      provider.stillHolds(identity, nowMs);
  }

  /** Never throws. O(providers) and what they take to answer at once. */
  login(credentials: Credentials): LoginVerdict | PendingLogin {
    const { lockout, keyOf, wallMs } = this.#options;
    const nowMs = wallMs();
    const name = credentials.username ?? credentials.clientId;
    const address = credentials.address ?? "unknown";
    if (lockout.isLocked(name, address, nowMs)) return deny("locked", ["locked: too many failures"]);

    const key = keyOf(credentials);
    const kept = this.#kept.get(key);
    if (kept !== undefined) {
      this.#kept.delete(key);
      const isCurrent = kept.generation === this.generation && nowMs - kept.atMs < KEPT_MS;
      if (isCurrent && !(kept.verdict.kind === "allow" && this.#hasExpired(kept.verdict.identity, nowMs))) {
        return this.#conclude(credentials, kept.verdict);
      }
    }
    const pending = this.#pending.get(key);
    if (pending !== undefined) return pending;

    const asked = this.#ask(credentials, 0, [], nowMs);
    if (asked.kind === "allow") return this.#conclude(credentials, asked);
    if (asked.kind === "deny") {
      const hashMs = this.#options.hashMs(credentials);
      if (hashMs === 0) return this.#conclude(credentials, asked);
      return this.#start(key, hashMs, this.#delayed(asked, hashMs));
    }
    return this.#start(key, asked.expectedMs, asked.run());
  }

  /** Asks the providers from `index` on: a verdict, or the work that the next of them has to do. */
  #ask(
    credentials: Credentials,
    index: number,
    trail: readonly string[],
    nowMs: number,
  ): LoginVerdict | { readonly kind: "work"; readonly expectedMs: number; run(): Promise<LoginVerdict> } {
    const { providers } = this.#options;
    let said = trail;
    for (let i = index; i < providers.length; i++) {
      const provider = providers[i] as Provider;
      const answer: Answer | Work = provider.check(credentials, nowMs);
      if (answer.kind === "work") {
        const before = said;
        return {
          kind: "work",
          expectedMs: answer.expectedMs,
          run: async () => {
            const late = await answer.run();
            const heard = this.#hear(provider, late, before);
            if ("verdict" in heard) return heard.verdict;
            const next = this.#ask(credentials, i + 1, heard.trail, this.#options.wallMs());
            return next.kind === "work" ? await next.run() : next;
          },
        };
      }
      const heard = this.#hear(provider, answer, said);
      if ("verdict" in heard) return heard.verdict;
      said = heard.trail;
    }
    const isAnonymous = credentials.username === null && credentials.password === null;
    if (!isAnonymous) return deny("nobody-knows", [...said, "no provider knows these credentials"]);
    if (!this.#options.allowAnonymous) {
      return deny("anonymous", [...said, "no credentials, and auth.allow-anonymous is off"]);
    }
    return { kind: "allow", identity: null, provider: null, trail: [...said, "anonymous"] };
  }

  #hear(
    provider: Provider,
    answer: Answer,
    trail: readonly string[],
  ): { readonly verdict: LoginVerdict } | { readonly trail: readonly string[] } {
    switch (answer.kind) {
      case "allow":
        return {
          verdict: { kind: "allow", identity: answer.identity, provider, trail: [...trail, `${provider.name}: allow`] },
        };
      case "deny":
        return { verdict: deny(answer.code, [...trail, `${provider.name}: deny, ${answer.why}`]) };
      case "ignore":
        return { trail: [...trail, `${provider.name}: ignore, ${answer.why}`] };
      case "error": {
        const said = [...trail, `${provider.name}: error, ${answer.why}`];
        return provider.onError === "ignore" ? { trail: said } : { verdict: deny("provider-error", said) };
      }
      default:
        return answer satisfies never;
    }
  }

  #start(
    key: string,
    expectedMs: number,
    work: Promise<LoginVerdict>,
  ): LoginVerdict | PendingLogin {
    const max = this.#options.maxKept ?? MAX_KEPT;
    // Fail closed: what can not be remembered can not be answered at the client's next try either.
    if (this.#pending.size >= max) return deny("provider-error", ["too many logins are pending"]);
    const generation = this.generation;
    const done = work.then((verdict) => {
      this.#pending.delete(key);
      // An error is never kept: the next try may find the backend well.
      if (!(verdict.kind === "deny" && verdict.failure === "provider-error")) {
        this.#keep(key, { verdict, atMs: this.#options.wallMs(), generation });
      }
      return verdict;
    });
    const pending: PendingLogin = { kind: "pending", expectedMs, done };
    this.#pending.set(key, pending);
    return pending;
  }

  /** The result of a pending login for the one that waited for it: used up, and counted. */
  settle(credentials: Credentials, verdict: LoginVerdict): LoginVerdict {
    this.#kept.delete(this.#options.keyOf(credentials));
    return this.#conclude(credentials, verdict);
  }

  #keep(key: string, kept: Kept): void {
    this.#kept.delete(key);
    this.#kept.set(key, kept);
    if (this.#kept.size <= (this.#options.maxKept ?? MAX_KEPT)) return;
    const oldest = this.#kept.keys().next().value;
    if (oldest !== undefined) this.#kept.delete(oldest);
  }

  /** A verdict that reaches a client counts for the lockout: once per CONNECT, pending and errors not at all. */
  #conclude(credentials: Credentials, verdict: LoginVerdict): LoginVerdict {
    const { lockout, wallMs } = this.#options;
    const name = credentials.username ?? credentials.clientId;
    const address = credentials.address ?? "unknown";
    if (verdict.kind === "allow") lockout.succeeded(name, address);
    else if (verdict.failure !== "provider-error" && verdict.failure !== "locked") {
      lockout.failed(name, address, wallMs());
    }
    return verdict;
  }

  #delayed(verdict: LoginVerdict, ms: number): Promise<LoginVerdict> {
    return new Promise((resolve) => this.#options.setTimer(() => resolve(verdict), ms));
  }

  #hasExpired(identity: Identity | null, nowMs: number): boolean {
    return identity !== null && identity.expiresAtMs <= nowMs;
  }
}

function deny(failure: LoginFailure, trail: readonly string[]): LoginVerdict {
  return { kind: "deny", failure, trail };
}
