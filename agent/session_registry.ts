import type { Policy } from "./policy/policy.ts";
import { limiterKey } from "./policy/address.ts";
import { type Origin, Session } from "./session.ts";

/** How many sessions one sweep looks at: bounded work, the rest comes at the next. */
const SWEEP_BATCH = 2_000;

/** Several sessions may share what an index is by; mostly there is one, and then no set is made for it. */
class Index {
  readonly #entries = new Map<string, Session | Set<Session>>();

  add(key: string, session: Session): void {
    const there = this.#entries.get(key);
    if (there === undefined) this.#entries.set(key, session);
    else if (there instanceof Set) there.add(session);
    else if (there !== session) this.#entries.set(key, new Set([there, session]));
  }

  delete(key: string, session: Session): void {
    const there = this.#entries.get(key);
    if (there === session) this.#entries.delete(key);
    else if (there instanceof Set && there.delete(session) && there.size === 0) this.#entries.delete(key);
  }

  count(key: string): number {
    const there = this.#entries.get(key);
    return there === undefined ? 0 : there instanceof Set ? there.size : 1;
  }

  list(key: string): readonly Session[] {
    const there = this.#entries.get(key);
    return there === undefined ? [] : there instanceof Set ? [...there] : [there];
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
  /** By correlation id, and below it by address where a client made several connections share one. */
  readonly #sessions = new Map<string, Session | Map<string, Session>>();
  readonly #byClientId = new Index();
  /** Made when connections of an address are first counted. */
  #byAddress: Index | null = null;
  #size = 0;
  #sweeping: Iterator<Session> | null = null;

  get size(): number {
    return this.#size;
  }

  /** O(1); on the frame path. */
  get(correlationId: string, clientAddress: string): Session | undefined {
    const there = this.#sessions.get(correlationId);
    if (there === undefined) return undefined;
    if (there instanceof Session) return there.origin.clientAddress === clientAddress ? there : undefined;
    return there.get(clientAddress);
  }

  *all(): Generator<Session> {
    for (const there of this.#sessions.values()) {
      if (there instanceof Session) yield there;
      else yield* there.values();
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
    this.#add(session);
    this.#byAddress?.add(addressKey(origin), session);
    return session;
  }

  /**
   * Live connections of the address that `origin` comes from (IPv6: its /64), but for those of `clientId`, which a new one
   * of that id takes the place of; silent ones are ended when it matters.
   */
  countOfAddress(origin: Origin, nowMs: number, limit: number, clientId: string | null = null): number {
    const index = this.#byAddress ??= this.#indexAddresses();
    const key = addressKey(origin);
    if (index.count(key) < limit) return index.count(key);
    let count = 0;
    for (const session of index.list(key)) {
      if (session.isExpired(nowMs)) this.end(session);
      else if (!session.takenOver && (clientId === null || session.subject?.clientId !== clientId)) count++;
    }
    return count;
  }

  /** The broker accepted `session` under its client id: whoever had that id on this route is gone ([MQTT-3.1.4-3]). */
  accept(session: Session, nowMs: number): void {
    const clientId = clientIdOf(session);
    if (clientId === null) return;
    for (const other of this.#byClientId.list(clientId)) {
      if (other === session || other.origin.routeId !== session.origin.routeId || other.state === "connecting") {
        continue;
      }
      this.#byClientId.delete(clientId, other);
      other.takeOver(nowMs);
    }
    this.#byClientId.add(clientId, session);
  }

  /**
   * Other living connections that have the client id of `session` on its route, those included that the broker has not
   * accepted yet: the last to be accepted takes over from all.
   */
  holdersOf(session: Session, nowMs: number): Session[] {
    const clientId = clientIdOf(session);
    if (clientId === null) return [];
    return this.#byClientId.list(clientId).filter((other) =>
      other !== session && other.origin.routeId === session.origin.routeId && !other.takenOver &&
      other.drainUntilMs === 0 && !other.isExpired(nowMs)
    );
  }

  /** The CONNECT of `session` may pass: from here on its client id is spoken for. */
  claim(session: Session): void {
    const clientId = clientIdOf(session);
    if (clientId !== null) this.#byClientId.add(clientId, session);
  }

  /** The proxy says that a connection is over; it names no address, so this counts only where one session has that id. */
  complete(correlationId: string): Session | null {
    const there = this.#sessions.get(correlationId);
    if (!(there instanceof Session)) return null;
    this.end(there);
    return there;
  }

  /** Forgets a session. */
  end(session: Session): void {
    if (session.ended) return;
    this.#size--;
    this.#delete(session);
    this.#byAddress?.delete(addressKey(session.origin), session);
    const clientId = clientIdOf(session);
    if (clientId !== null) this.#byClientId.delete(clientId, session);
    session.release();
  }

  /** Ends expired sessions among the next 2,000; call it from a timer. */
  sweep(nowMs: number): void {
    this.#sweeping ??= this.all();
    for (let looked = 0; looked < SWEEP_BATCH; looked++) {
      const { done, value } = this.#sweeping.next();
      if (done) {
        this.#sweeping = null;
        return;
      }
      // A stalled one too: it holds the bytes of a packet that nobody will finish.
      if (value.isExpired(nowMs) || value.stalled(nowMs) === "packet") this.end(value);
    }
  }

  #add(session: Session): void {
    const { correlationId, clientAddress } = session.origin;
    const there = this.#sessions.get(correlationId);
    if (there === undefined) this.#sessions.set(correlationId, session);
    else if (there instanceof Session) {
      this.#sessions.set(
        correlationId,
        new Map([[there.origin.clientAddress, there], [clientAddress, session]]),
      );
    } else there.set(clientAddress, session);
  }

  #delete(session: Session): void {
    const { correlationId, clientAddress } = session.origin;
    const there = this.#sessions.get(correlationId);
    if (there === session) this.#sessions.delete(correlationId);
    else if (there instanceof Map) {
      there.delete(clientAddress);
      if (there.size > 1) return;
      // One is left: it is kept as the many are that never shared an id.
      const [last] = there.values();
      if (last !== undefined) this.#sessions.set(correlationId, last);
    }
  }

  #indexAddresses(): Index {
    const index = new Index();
    for (const session of this.all()) index.add(addressKey(session.origin), session);
    return index;
  }
}

function addressKey(origin: Origin): string {
  return origin.address === null ? origin.clientAddress : limiterKey(origin.address);
}

function clientIdOf(session: Session): string | null {
  const clientId = session.subject?.clientId ?? "";
  return clientId === "" ? null : clientId;
}
