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
  | {
    readonly kind: "deny";
    readonly failure: LoginFailure;
    readonly provider: Provider | null;
    readonly trail: readonly string[];
  };

/** A login whose answer takes time. */
export interface PendingLogin {
  readonly kind: "pending";
  /** What it will take from now, in milliseconds, at best knowledge. */
  readonly expectedMs: number;
  /** Never rejects. The work goes on whether anybody waits for it or not, and its result is kept. */
  readonly done: Promise<LoginVerdict>;
  /** For the one that waited for it: uses the result up, and counts it. Null where it does not hold any more. */
  claim(verdict: LoginVerdict): LoginVerdict | null;
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
  /** How long a remote provider's answer holds; 0 where absent: it is used once. */
  readonly cacheMs?: number;
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
  /** Until then it is not used up, in milliseconds since the epoch. */
  readonly reusableUntilMs: number;
  isUsed: boolean;
}

/** Work that goes on, whoever waits for it. */
interface Pending {
  readonly expectedMs: number;
  readonly startedMs: number;
  readonly generation: number;
  readonly done: Promise<LoginVerdict>;
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
  readonly #pending = new Map<string, Pending>();
  /** Lower-case names of upgrade-request headers that some provider reads. */
  readonly headers: readonly string[];
  /** Some provider takes the user name for its proof. */
  readonly usernameIsToken: boolean;

  constructor(options: LoginDeskOptions) {
    this.#options = options;
    this.headers = [...new Set(options.providers.flatMap((provider) => provider.headers))];
    this.usernameIsToken = options.providers.some((provider) => provider.usernameIsToken === true);
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

  /** Whether a login still holds: somebody here vouches for the identity, or nobody (null) may come as well. O(providers). */
  stillHolds(identity: Identity | null): boolean {
    const { allowAnonymous, providers, wallMs } = this.#options;
    if (identity === null) return allowAnonymous;
    const nowMs = wallMs();
    return identity.expiresAtMs > nowMs && providers.some((provider) => provider.stillHolds(identity, nowMs));
  }

  /** Whether the CONNECT's user name is what `identity` was proved by: then it names nobody, and matches no name. */
  isToken(identity: Identity): boolean {
    return this.#options.providers.some((provider) =>
      provider.usernameIsToken === true && provider.stillHolds(identity, this.#options.wallMs())
    );
  }

  /** Never throws. O(providers) and what they take to answer at once. */
  login(credentials: Credentials): LoginVerdict | PendingLogin {
    const { lockout, keyOf, wallMs } = this.#options;
    const nowMs = wallMs();
    const name = credentials.username ?? credentials.clientId;
    const address = credentials.address ?? "unknown";
    if (lockout.isLocked(name, address, nowMs)) return deny("locked", ["locked: too many failures"]);

    const key = keyOf(credentials);
    const kept = this.#takeKept(key, nowMs);
    if (kept !== null) return this.#conclude(credentials, kept);
    const pending = this.#pending.get(key);
    if (pending !== undefined) return this.#ticket(key, credentials, pending, nowMs);

    const asked = this.#ask(credentials, 0, [], nowMs);
    if (asked.kind === "allow") return this.#conclude(credentials, asked);
    if (asked.kind === "deny") {
      const hashMs = this.#options.hashMs(credentials);
      if (hashMs === 0) return this.#conclude(credentials, asked);
      return this.#start(key, credentials, hashMs, this.#delayed(asked, hashMs), nowMs);
    }
    return this.#start(key, credentials, asked.expectedMs, asked.run(), nowMs);
  }

  /** The result that waits for these credentials, or null. It is used up, unless a remote provider's answer holds on. */
  #takeKept(key: string, nowMs: number): LoginVerdict | null {
    const kept = this.#kept.get(key);
    if (kept === undefined) return null;
    const isCurrent = kept.generation === this.generation && nowMs - kept.atMs < KEPT_MS &&
      (!kept.isUsed || nowMs < kept.reusableUntilMs) &&
      !(kept.verdict.kind === "allow" && this.#hasExpired(kept.verdict.identity, nowMs));
    if (!isCurrent || nowMs >= kept.reusableUntilMs) this.#kept.delete(key);
    kept.isUsed = true;
    return isCurrent ? kept.verdict : null;
  }

  #ticket(key: string, credentials: Credentials, pending: Pending, nowMs: number): PendingLogin {
    const { username, clientId, address } = credentials;
    const who = { username, clientId, address };
    return {
      kind: "pending",
      expectedMs: Math.max(0, pending.expectedMs - (nowMs - pending.startedMs)),
      done: pending.done,
      claim: (verdict) => {
        const atMs = this.#options.wallMs();
        this.#takeKept(key, atMs);
        if (pending.generation !== this.generation) return null;
        if (verdict.kind === "allow" && this.#hasExpired(verdict.identity, atMs)) return null;
        return this.#conclude(who, verdict);
      },
    };
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
        return { verdict: deny(answer.code, [...trail, `${provider.name}: deny, ${answer.why}`], provider) };
      case "ignore":
        return { trail: [...trail, `${provider.name}: ignore, ${answer.why}`] };
      case "error": {
        const said = [...trail, `${provider.name}: error, ${answer.why}`];
        return provider.onError === "ignore" ? { trail: said } : { verdict: deny("provider-error", said, provider) };
      }
      default:
        return answer satisfies never;
    }
  }

  #start(
    key: string,
    credentials: Credentials,
    expectedMs: number,
    work: Promise<LoginVerdict>,
    startedMs: number,
  ): LoginVerdict | PendingLogin {
    const max = this.#options.maxKept ?? MAX_KEPT;
    // Fail closed: what can not be remembered can not be answered at the client's next try either.
    if (this.#pending.size >= max) return deny("provider-error", ["too many logins are pending"]);
    const generation = this.generation;
    const done = work.then((verdict) => {
      this.#pending.delete(key);
      // An error is never kept: the next try may find the backend well.
      if (!(verdict.kind === "deny" && verdict.failure === "provider-error")) {
        const atMs = this.#options.wallMs();
        const { cacheMs = 0 } = this.#options;
        const reusableUntilMs = verdict.provider?.isRemote === true ? atMs + cacheMs : 0;
        this.#keep(key, { verdict, atMs, generation, reusableUntilMs, isUsed: false });
      }
      return verdict;
    });
    const pending: Pending = { expectedMs, startedMs, generation, done };
    this.#pending.set(key, pending);
    return this.#ticket(key, credentials, pending, startedMs);
  }

  #keep(key: string, kept: Kept): void {
    this.#kept.delete(key);
    this.#kept.set(key, kept);
    if (this.#kept.size <= (this.#options.maxKept ?? MAX_KEPT)) return;
    const oldest = this.#kept.keys().next().value;
    if (oldest !== undefined) this.#kept.delete(oldest);
  }

  /** A verdict that reaches a client counts for the lockout: once per CONNECT, pending and errors not at all. */
  #conclude(credentials: Pick<Credentials, "username" | "clientId" | "address">, verdict: LoginVerdict): LoginVerdict {
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

function deny(failure: LoginFailure, trail: readonly string[], provider: Provider | null = null): LoginVerdict {
  return { kind: "deny", failure, provider, trail };
}
