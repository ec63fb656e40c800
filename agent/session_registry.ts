import type { Policy } from "./policy/policy.ts";
import { limiterKey } from "./policy/address.ts";
import { type Origin, Session } from "./session.ts";

/** How many sessions one sweep looks at: bounded work, the rest comes at the next. */
const SWEEP_BATCH = 2_000;

/** Several sessions may share what an index is by; mostly there is one, and then no list is made for it. */
class Index {
  readonly #entries = new Map<string, Session | Session[]>();

  add(key: string, session: Session): void {
    const there = this.#entries.get(key);
    if (there === undefined) this.#entries.set(key, session);
    else if (Array.isArray(there)) there.push(session);
    else if (there !== session) this.#entries.set(key, [there, session]);
  }

  delete(key: string, session: Session): void {
    const there = this.#entries.get(key);
    if (there === session) this.#entries.delete(key);
    else if (Array.isArray(there)) {
      const others = there.filter((other) => other !== session);
      if (others.length === 0) this.#entries.delete(key);
      else this.#entries.set(key, others);
    }
  }

  /** The one or the many, as they are kept. */
  get(key: string): Session | readonly Session[] | undefined {
    return this.#entries.get(key);
  }

  list(key: string): readonly Session[] {
    const there = this.#entries.get(key);
    return there === undefined ? [] : Array.isArray(there) ? there : [there];
  }

  values(): IterableIterator<Session | readonly Session[]> {
    return this.#entries.values();
  }
}

/**
 * All sessions, by (correlation id, client address with port): the correlation id alone may be chosen by a client, and
 * two connections can share it.
 *
 * Bounded by `general.max-sessions`: a full table refuses new ones and evicts nobody. Ended ones leave by `end()`, silent
 * ones when `sweep()` comes past them.
 */
export class SessionRegistry {
  readonly #byCorrelation = new Index();
  readonly #byAddress = new Index();
  readonly #byClientId = new Index();
  #size = 0;
  #sweeping: Iterator<Session | readonly Session[]> | null = null;

  get size(): number {
    return this.#size;
  }

  /** O(1); on the frame path. */
  get(correlationId: string, clientAddress: string): Session | undefined {
    const there = this.#byCorrelation.get(correlationId);
    if (there === undefined) return undefined;
    if (there instanceof Session) return there.origin.clientAddress === clientAddress ? there : undefined;
    return there.find((session) => session.origin.clientAddress === clientAddress);
  }

  *all(): Generator<Session> {
    for (const there of this.#byCorrelation.values()) {
      if (there instanceof Session) yield there;
      else yield* there;
    }
  }

  /** A new session, or null when the table is full of living ones. */
  open(origin: Origin, policy: Policy, nowMs: number): Session | null {
    if (this.#size >= policy.limits.maxSessions) {
      this.sweep(nowMs);
      if (this.#size >= policy.limits.maxSessions) return null;
    }
    const session = new Session(origin, policy, nowMs);
    this.#size++;
    this.#byCorrelation.add(origin.correlationId, session);
    this.#byAddress.add(addressKey(origin), session);
    return session;
  }

  /** Live connections of the address that `origin` comes from (IPv6: its /64); silent ones are ended when it matters. */
  countOfAddress(origin: Origin, nowMs: number, limit: number): number {
    const key = addressKey(origin);
    const sessions = this.#byAddress.list(key);
    if (sessions.length < limit) return sessions.length;
    for (const session of sessions) if (session.isExpired(nowMs)) this.end(session);
    return this.#byAddress.list(key).length;
  }

  /** The broker accepted `session` under its client id: whoever had that id on this route is gone ([MQTT-3.1.4-3]). */
  accept(session: Session): void {
    const id = clientKey(session);
    if (id === null) return;
    for (const other of this.#byClientId.list(id)) if (other !== session) this.end(other);
    this.#byClientId.add(id, session);
  }

  /** The proxy says that a connection is over; it names no address, so this counts only where one session has that id. */
  complete(correlationId: string): Session | null {
    const [session, ...others] = this.#byCorrelation.list(correlationId);
    if (session === undefined || others.length > 0) return null;
    this.end(session);
    return session;
  }

  /** Forgets a session. */
  end(session: Session): void {
    if (session.ended) return;
    this.#size--;
    this.#byCorrelation.delete(session.origin.correlationId, session);
    this.#byAddress.delete(addressKey(session.origin), session);
    const id = clientKey(session);
    if (id !== null) this.#byClientId.delete(id, session);
    session.release();
  }

  /** Ends expired sessions among the next 2,000; call it from a timer. */
  sweep(nowMs: number): void {
    this.#sweeping ??= this.#byCorrelation.values();
    for (let i = 0; i < SWEEP_BATCH; i++) {
      const { done, value } = this.#sweeping.next();
      if (done) {
        this.#sweeping = null;
        return;
      }
      for (const session of value instanceof Session ? [value] : value) {
        if (session.isExpired(nowMs)) this.end(session);
      }
    }
  }
}

function addressKey(origin: Origin): string {
  return origin.address === null ? origin.clientAddress : limiterKey(origin.address);
}

function clientKey(session: Session): string | null {
  const clientId = session.subject?.clientId ?? "";
  return clientId === "" ? null : `${session.origin.routeId ?? ""}\n${clientId}`;
}
