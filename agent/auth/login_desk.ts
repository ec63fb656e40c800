import type { Answer, Credentials, DenyCode, Identity, Provider, Work } from "./provider.ts";
import { limiterKey, parseAddress } from "../policy/address.ts";
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
/** One address may have this part of all places: a plant that comes back at once has room, and so have others. */
const ADDRESS_PART = 5;
/** However long the queue for hashes is, a refusal holds its place no longer. */
const MAX_DELAY_MS = 5_000;

interface Kept {
  readonly verdict: LoginVerdict;
  readonly atMs: number;
  readonly generation: number;
  /** Until then it is not used up, in milliseconds since the epoch. */
  readonly reusableUntilMs: number;
  readonly address: string;
  isUsed: boolean;
}

/** Work that goes on, whoever waits for it. */
interface Pending {
  readonly expectedMs: number;
  readonly startedMs: number;
  /** Of the desk when the work began, then when it was done. */
  generation: number;
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
  /** Keys of `#kept` by address, the oldest first. */
  readonly #keptBy = new Map<string, Set<string>>();
  readonly #pending = new Map<string, Pending>();
  readonly #works = { all: 0, byAddress: new Map<string, number>() };
  readonly #delays = { all: 0, byAddress: new Map<string, number>() };
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
    return identity === null ? this.#options.allowAnonymous : this.vouches(identity) !== null;
  }

  /** Who vouches for an identity, or null: nobody, or its time is over. O(providers), some of which take milliseconds. */
  vouches(identity: Identity): Provider | null {
    const { providers, wallMs } = this.#options;
    const nowMs = wallMs();
    if (identity.expiresAtMs <= nowMs) return null;
    return providers.find((provider) => provider.stillHolds(identity, nowMs)) ?? null;
  }

  /** Whether the provider is one of those that are asked here. */
  has(provider: Provider): boolean {
    return this.#options.providers.includes(provider);
  }

  /** Never throws. O(providers) and what they take to answer at once. */
  login(credentials: Credentials): LoginVerdict | PendingLogin {
    const { lockout, keyOf, wallMs } = this.#options;
    const nowMs = wallMs();
    const who = claimantOf(credentials, this.usernameIsToken);
    if (lockout.isLocked(who.name, who.address, nowMs)) return deny("locked", ["locked: too many failures"]);

    const key = keyOf(credentials);
    const kept = this.#takeKept(key, nowMs);
    if (kept !== null) return kept.isCounted ? kept.verdict : this.#conclude(who, kept.verdict);
    const asked = this.#ask(credentials, 0, [], nowMs);
    // Proved meanwhile by another login: nobody waits for what is known.
    if (asked.kind === "allow") return this.#conclude(who, asked);
    const pending = this.#pending.get(key);
    if (pending !== undefined) return this.#ticket(key, who, pending, nowMs);
    // Nothing goes on for which somebody should come back, and nobody learns from it who exists: pending closes as well.
    if (asked.kind === "deny" && asked.failure === "provider-error") return this.#conclude(who, asked);
    if (asked.kind === "deny") {
      const hashMs = this.#options.hashMs(credentials);
      // Who floods the desk learns what is known at once, and keeps nobody else's place.
      if (hashMs === 0 || !this.#hasRoom(who.address, true)) return this.#conclude(who, asked);
      return this.#start(key, who, hashMs, () => this.#delayed(asked, Math.min(hashMs, MAX_DELAY_MS)), nowMs, true);
    }
    // Fail closed: what can not be remembered can not be answered at the client's next try either.
    if (!this.#hasRoom(who.address, false)) return deny("provider-error", ["too many logins are pending"]);
    return this.#start(key, who, asked.expectedMs, asked.run, nowMs, false);
  }

  /** Work and mere delays are counted apart, each in all and by address: nobody takes the room of others. */
  #hasRoom(address: string, isDelay: boolean): boolean {
    const max = this.#options.maxKept ?? MAX_KEPT;
    const { all, byAddress } = isDelay ? this.#delays : this.#works;
    return all < max && (byAddress.get(address) ?? 0) < Math.max(1, Math.trunc(max / ADDRESS_PART));
  }

  #count(address: string, isDelay: boolean, by: 1 | -1): void {
    const places = isDelay ? this.#delays : this.#works;
    places.all += by;
    const count = (places.byAddress.get(address) ?? 0) + by;
    if (count === 0) places.byAddress.delete(address);
    else places.byAddress.set(address, count);
  }

  /** The result that waits for these credentials, or null. It is used up, unless a remote provider's answer holds on. */
  #takeKept(key: string, nowMs: number): { readonly verdict: LoginVerdict; readonly isCounted: boolean } | null {
    const kept = this.#kept.get(key);
    if (kept === undefined) return null;
    const isCurrent = kept.generation === this.generation && nowMs - kept.atMs < KEPT_MS &&
      (!kept.isUsed || nowMs < kept.reusableUntilMs) &&
      !(kept.verdict.kind === "allow" && this.#hasExpired(kept.verdict.identity, nowMs));
    if (!isCurrent || nowMs >= kept.reusableUntilMs) this.#forget(key, kept);
    // What was refused was counted when the work was done, whether or not its client came back.
    const isCounted = !kept.isUsed && kept.verdict.kind === "deny";
    kept.isUsed = true;
    return isCurrent ? { verdict: kept.verdict, isCounted } : null;
  }

  #ticket(key: string, who: Claimant, pending: Pending, nowMs: number): PendingLogin {
    return {
      kind: "pending",
      expectedMs: Math.max(0, pending.expectedMs - (nowMs - pending.startedMs)),
      done: pending.done,
      claim: (verdict) => {
        const atMs = this.#options.wallMs();
        this.#takeKept(key, atMs);
        if (pending.generation !== this.generation) return null;
        if (verdict.kind === "allow" && this.#hasExpired(verdict.identity, atMs)) return null;
        return verdict.kind === "deny" ? verdict : this.#conclude(who, verdict);
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
        // The frame that the password lies in is another client's by the time that the next provider is asked.
        const own = isLast(i, providers) ? credentials : copyOf(credentials);
        const run = async (): Promise<LoginVerdict> => {
          try {
            const heard = this.#hear(provider, await answer.run(), before);
            if ("verdict" in heard) return heard.verdict;
            const next = this.#ask(own, i + 1, heard.trail, this.#options.wallMs());
            return next.kind === "work" ? await next.run() : next;
          } catch (error) {
            const why = error instanceof Error ? error.message : String(error);
            return deny("provider-error", [...before, `${provider.name}: failed inside, ${why}`], provider);
          } finally {
            if (own !== credentials) own.password?.fill(0);
          }
        };
        return { kind: "work", expectedMs: answer.expectedMs, run };
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
    who: Claimant,
    expectedMs: number,
    begin: () => Promise<LoginVerdict>,
    startedMs: number,
    isDelay: boolean,
  ): PendingLogin {
    this.#count(who.address, isDelay, 1);
    const done = begin().then((verdict) => {
      // As of now: to fetch keys is what a login may wait for, and raises it.
      const generation = pending.generation = this.generation;
      this.#pending.delete(key);
      this.#count(who.address, isDelay, -1);
      // An error is never kept: the next try may find the backend well.
      if (!(verdict.kind === "deny" && verdict.failure === "provider-error")) {
        const atMs = this.#options.wallMs();
        const { cacheMs = 0 } = this.#options;
        const reusableUntilMs = verdict.provider?.isRemote === true ? atMs + cacheMs : 0;
        // Counted here, since who guesses need not come back for the answer.
        if (verdict.kind === "deny") this.#conclude(who, verdict);
        this.#keep(key, { verdict, atMs, generation, reusableUntilMs, address: who.address, isUsed: false });
      }
      return verdict;
    });
    const pending: Pending = { expectedMs, startedMs, generation: this.generation, done };
    this.#pending.set(key, pending);
    return this.#ticket(key, who, pending, startedMs);
  }

  /** Where there would be too many, the oldest of the same address goes, or else the oldest of all. */
  #keep(key: string, kept: Kept): void {
    const before = this.#kept.get(key);
    if (before !== undefined) this.#forget(key, before);
    this.#kept.set(key, kept);
    let own = this.#keptBy.get(kept.address);
    if (own === undefined) this.#keptBy.set(kept.address, own = new Set());
    own.add(key);
    const max = this.#options.maxKept ?? MAX_KEPT;
    const [oldest] = own.size > max / ADDRESS_PART ? own : this.#kept.size > max ? this.#kept.keys() : [];
    const leaving = oldest === undefined || oldest === key ? undefined : this.#kept.get(oldest);
    if (oldest !== undefined && leaving !== undefined) this.#forget(oldest, leaving);
  }

  #forget(key: string, { address }: Kept): void {
    this.#kept.delete(key);
    const own = this.#keptBy.get(address);
    own?.delete(key);
    if (own?.size === 0) this.#keptBy.delete(address);
  }

  /** A verdict counts for the lockout once; pending and errors do not, nor does who shows nothing: that guesses nothing. */
  #conclude(who: Claimant, verdict: LoginVerdict): LoginVerdict {
    const { lockout, wallMs } = this.#options;
    if (verdict.kind === "allow") lockout.succeeded(who.name, who.address);
    else if (!UNCOUNTED.has(verdict.failure)) lockout.failed(who.name, who.address, wallMs(), who.isNamed);
    return verdict;
  }

  #delayed(verdict: LoginVerdict, ms: number): Promise<LoginVerdict> {
    return new Promise((resolve) => this.#options.setTimer(() => resolve(verdict), ms));
  }

  #hasExpired(identity: Identity | null, nowMs: number): boolean {
    return identity !== null && identity.expiresAtMs <= nowMs;
  }
}

const UNCOUNTED: ReadonlySet<LoginFailure> = new Set(["provider-error", "locked", "anonymous"]);

/** For whom failures are counted. */
interface Claimant {
  readonly name: string;
  /** The name is a user name: many of them from one address are guesses, many client ids are only many clients. */
  readonly isNamed: boolean;
  /** Who shares a turn: an IPv6 client is its /64. */
  readonly address: string;
}

function claimantOf({ username, clientId, address }: Credentials, usernameIsToken: boolean): Claimant {
  const parsed = address === null ? null : parseAddress(address);
  // An empty name is none, and a token in its place is another one each time.
  const isNamed = username !== null && username !== "" && !(usernameIsToken && username.split(".", 4).length === 3);
  return {
    name: isNamed ? username : clientId,
    isNamed,
    address: parsed === null ? "unknown" : limiterKey(parsed),
  };
}

function copyOf(credentials: Credentials): Credentials {
  return { ...credentials, password: credentials.password?.slice() ?? null };
}

function isLast(index: number, providers: readonly Provider[]): boolean {
  return index === providers.length - 1;
}

function deny(failure: LoginFailure, trail: readonly string[], provider: Provider | null = null): LoginVerdict {
  return { kind: "deny", failure, provider, trail };
}
