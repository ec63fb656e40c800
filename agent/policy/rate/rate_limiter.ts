import type { TemplateValues } from "../acl/topic_template.ts";
import type { Address } from "../address.ts";
import { BucketArray, LimitChange, TAKEN } from "./bucket_array.ts";
import { type BucketStore, type BucketView, NO_SLOT } from "./bucket_store.ts";
import { BucketTable, viewBucket } from "./bucket_table.ts";
import { addressKey, type BucketKey, bucketKey, clientKey, type RateSubject } from "./client_key.ts";
import type { Limit, Meter } from "./limit.ts";
import type { RatePlan } from "./rate_plan.ts";
import { NO_VALUES } from "./topic_index.ts";

/** The key under which the one bucket of a shared limit is shown. */
export const COMMON_KEY = "*";

/** Where a client's bucket of one limit is, so that its key is not looked up for each packet. */
class HeldBucket {
  limit: Limit | null = null;
  slot = NO_SLOT;
  generation = 0;
}

/** A session's way to its buckets. It holds no bucket: those belong to the key and outlive every session. */
export class ClientBuckets {
  readonly who: RateSubject;
  /** The plan that the rest belongs to; made anew for another. */
  plan: RatePlan | null = null;
  key: BucketKey = NO_KEY;
  values: TemplateValues = NO_VALUES;
  readonly message = new HeldBucket();
  readonly subscribe = new HeldBucket();
  readonly control = new HeldBucket();
  /** The topic limit that was met last: most clients publish under one. */
  readonly topic = new HeldBucket();

  constructor(who: RateSubject) {
    this.who = who;
  }
}

const NO_KEY: BucketKey = { text: "", hash: 0 };

/** Totals of one limit since it came into force. */
export interface LimitView {
  readonly limit: Limit;
  readonly refused: number;
  /** Packets that a shadow limit would have refused. */
  readonly shadowRefused: number;
  /** Packets that met the common bucket, since the table had no room for their key. */
  readonly overflowed: number;
}

/**
 * Limits the rates of clients. One for the agent's whole life: buckets outlive sessions and snapshots.
 *
 * A packet is charged in two steps. First its sender's own buckets, before any other check: so denied packets cost, and
 * nobody's retries are free. Then, when all other checks let it pass, {@link chargeShared} takes from the buckets of all:
 * so a refused packet never takes from those, and one client can not use them up with packets that come to nothing
 * (B155).
 *
 * A charge returns the limit that refuses, or null; what else is to be told stays in {@link meter}, {@link shadow} and
 * {@link overflowed} until the next charge. O(limits that apply), allocates nothing where the bucket is known.
 *
 * Where `max-keys` buckets are kept and none of them is full, a key without bucket shares one with all such keys, for
 * each limit: as if all of them were one client. To refuse them outright would let whoever fills the table keep every
 * newcomer out, to let them pass would make filling it a way around.
 *
 * The clock may do what it likes: a step back stands still, a step forward fills buckets and no more.
 */
export class RateLimiter {
  readonly #store: BucketStore;
  #plan: RatePlan | null = null;
  /** One bucket for each limit of {@link #commonOf}: that of all, or of the keys that have no room. */
  #common = new BucketArray(0, 0);
  #commonOf: RatePlan | null = null;
  /** By number of the limit: refused, shadow refused, overflowed. */
  #totals = new Float64Array(0);

  /** Whole milliseconds that never run backwards, and what the clock showed last. */
  #nowMs = 0;
  #clockMs: number;

  /** The measure that refused in the last charge, or that a shadow limit lacked. */
  meter: Meter | null = null;
  /** A shadow limit that would have refused, the first of them. */
  shadow: Limit | null = null;
  /** The bucket that refused was the common one, for want of room: `max-keys` is too small, or somebody fills it. */
  overflowed = false;

  /** `plan` null: nothing is limited, until {@link usePlan}. `nowMs` as always: monotonic, fractions are cut off. */
  constructor(plan: RatePlan | null, nowMs: number, store: BucketStore = new BucketTable()) {
    this.#store = store;
    this.#clockMs = Math.floor(nowMs);
    this.usePlan(plan, nowMs);
  }

  get plan(): RatePlan | null {
    return this.#plan;
  }

  /** Buckets of keys that are kept, at most `max-keys`. */
  get size(): number {
    return this.#store.size;
  }

  /**
   * Puts another snapshot in force. A limit that both have, by its kind or name, keeps its buckets and they keep what
   * is in them: see `BucketArray.carryOver`. Null keeps all, so that switching off and on again fills nothing.
   */
  usePlan(plan: RatePlan | null, nowMs: number): void {
    this.#begin(nowMs);
    this.#plan = plan;
    const before = this.#commonOf;
    if (plan === null || plan === before) return;
    this.#store.configure(plan, this.#nowMs);
    const common = new BucketArray(plan.limits.length, plan.mostMeters);
    const totals = new Float64Array(plan.limits.length * 3);
    const known = new Map(before?.limits.map((limit) => [limit.identity, limit]));
    for (const limit of plan.limits) {
      const from = known.get(limit.identity);
      if (from === undefined) {
        common.begin(limit.number, limit, this.#nowMs);
      } else {
        common.carryOver(limit.number, this.#common, from.number, new LimitChange(from, limit), this.#nowMs);
        totals.set(this.#totals.subarray(from.number * 3, from.number * 3 + 3), limit.number * 3);
      }
    }
    this.#common = common;
    this.#commonOf = plan;
    this.#totals = totals;
  }

  /**
   * The way to the buckets of a client: one for each session, another when it gets to be known otherwise (CONNECT, a
   * client id that the broker assigned). Costs nothing until it is used.
   *
   * A client id or user name that is not proved yet must not come here: a refused CONNECT would take from the bucket of
   * whom it names.
   */
  client(who: RateSubject): ClientBuckets {
    return new ClientBuckets(who);
  }

  /**
   * Charges a PUBLISH, an UNSUBSCRIBE (`topic` null), or the Will of a CONNECT: one message of `bytes` from the
   * client's bucket, then from those that it has for this topic. The first that refuses ends it; what others before it
   * took stays taken.
   */
  chargeMessage(client: ClientBuckets, topic: string | null, bytes: number, nowMs: number): Limit | null {
    const plan = this.#begin(nowMs);
    if (plan === null) return null;
    if (client.plan !== plan) bind(client, plan);
    if (plan.client !== null && !this.#takeOwn(client, client.message, plan.client, bytes)) return plan.client;
    if (topic === null || plan.topics === null) return null;
    const { index, limits } = plan.topics;
    const count = index.match(topic, client.values);
    for (let i = 0; i < count; i++) {
      const limit = limits[index.matched[i]!]!;
      if (!limit.shared && !this.#takeOwn(client, client.topic, limit, bytes)) return limit;
    }
    return null;
  }

  /** Charges a SUBSCRIBE: `subscribe`, or where there is none one message. */
  chargeSubscribe(client: ClientBuckets, bytes: number, nowMs: number): Limit | null {
    const limit = this.#plan?.subscribe ?? null;
    if (limit === null) return this.chargeMessage(client, null, bytes, nowMs);
    return this.#chargeOne(client, client.subscribe, limit, bytes, nowMs);
  }

  /** Charges what is no message and answers nothing: pings, empty frames, acknowledgements nobody waits for. */
  chargeControl(client: ClientBuckets, bytes: number, nowMs: number): Limit | null {
    const limit = this.#plan?.control ?? null;
    return limit === null ? null : this.#chargeOne(client, client.control, limit, bytes, nowMs);
  }

  /**
   * Charges `global`, and the shared buckets of the topic (null: none), for a packet that nothing else refuses: from
   * all of them or from none.
   */
  chargeShared(client: ClientBuckets, topic: string | null, bytes: number, nowMs: number): Limit | null {
    const plan = this.#begin(nowMs);
    if (plan === null) return null;
    if (client.plan !== plan) bind(client, plan);
    const { global, topics } = plan;
    const count = topic === null || topics === null ? 0 : topics.index.match(topic, client.values);
    if (global !== null && !this.#mayTakeShared(global, bytes)) return global;
    for (let i = 0; i < count; i++) {
      const limit = topics!.limits[topics!.index.matched[i]!]!;
      if (limit.shared && !this.#mayTakeShared(limit, bytes)) return limit;
    }
    if (global !== null) this.#takeShared(global, bytes);
    for (let i = 0; i < count; i++) {
      const limit = topics!.limits[topics!.index.matched[i]!]!;
      if (limit.shared) this.#takeShared(limit, bytes);
    }
    return null;
  }

  /** Charges a CONNECT to its address, before its login is looked at. */
  chargeConnect(address: Address | null, bytes: number, nowMs: number): Limit | null {
    const limit = this.#begin(nowMs)?.connect ?? null;
    if (limit === null) return null;
    return this.#take(this.#store.open(limit, bucketKey(addressKey(address)), this.#nowMs), limit, bytes)
      ? null
      : limit;
  }

  /**
   * Whether an address may try a login: not while `auth-failures` has no whole token. Takes nothing, since only failures
   * cost.
   */
  refuseLogin(address: Address | null, nowMs: number): Limit | null {
    const limit = this.#begin(nowMs)?.authFailures ?? null;
    if (limit === null) return null;
    const slot = this.#store.open(limit, bucketKey(addressKey(address)), this.#nowMs);
    const refusing = slot === NO_SLOT
      ? this.#common.refusing(limit.number, limit, 0, this.#nowMs)
      : this.#store.refusing(slot, limit, 0, this.#nowMs);
    if (refusing === TAKEN) return null;
    if (slot === NO_SLOT) this.#common.countRefusal(limit.number);
    else this.#store.countRefusal(slot);
    return this.#passesAsShadow(limit, refusing, slot === NO_SLOT) ? null : limit;
  }

  /**
   * Charges a login that failed. It takes a token even where none is left, down to one burst below zero: logins that
   * began while one was left may all fail.
   */
  chargeLoginFailure(address: Address | null, nowMs: number): void {
    const limit = this.#begin(nowMs)?.authFailures ?? null;
    if (limit === null) return;
    const slot = this.#store.open(limit, bucketKey(addressKey(address)), this.#nowMs);
    if (slot === NO_SLOT) this.#common.takeAnyway(limit.number, limit, this.#nowMs);
    else this.#store.takeAnyway(slot, limit, this.#nowMs);
  }

  /** Totals of every limit, in the order of the plan. */
  limits(): LimitView[] {
    return (this.#plan?.limits ?? []).map((limit) => ({
      limit,
      refused: this.#totals[limit.number * 3]!,
      shadowRefused: this.#totals[limit.number * 3 + 1]!,
      overflowed: this.#totals[limit.number * 3 + 2]!,
    }));
  }

  /** The one bucket of each limit: of a shared one its bucket, of another that of the keys without room. */
  commonBuckets(nowMs: number): BucketView[] {
    const plan = this.#begin(nowMs);
    return (plan?.limits ?? []).map((limit) => viewBucket(COMMON_KEY, this.#common, limit.number, limit, this.#nowMs));
  }

  /**
   * Buckets of keys, at most `slots` of them, from the place that the page before gave; 0 to begin with. Bounded work,
   * so that a console slows no verdict. A bucket that is made or forgotten meanwhile may be missing.
   */
  buckets(from: number, slots: number, nowMs: number): { buckets: BucketView[]; next: number | null } {
    this.#begin(nowMs);
    return this.#store.list(from, slots, this.#nowMs);
  }

  /**
   * Fills all buckets of a key, as an operator's command; `*` fills those of shared limits. How many there were. Costs
   * O(limits).
   */
  reset(key: string, nowMs: number): number {
    const plan = this.#begin(nowMs);
    if (key !== COMMON_KEY) return this.#store.fill(key, this.#nowMs);
    for (const limit of plan?.limits ?? []) this.#common.fill(limit.number, limit, this.#nowMs);
    return plan?.limits.length ?? 0;
  }

  /** Lets time go on and forgets what the last charge left. The plan in force. */
  #begin(nowMs: number): RatePlan | null {
    const clockMs = Math.floor(nowMs);
    if (clockMs > this.#clockMs) this.#nowMs += clockMs - this.#clockMs;
    this.#clockMs = clockMs;
    this.meter = null;
    this.shadow = null;
    this.overflowed = false;
    return this.#plan;
  }

  #chargeOne(client: ClientBuckets, held: HeldBucket, limit: Limit, bytes: number, nowMs: number): Limit | null {
    const plan = this.#begin(nowMs) as RatePlan;
    if (client.plan !== plan) bind(client, plan);
    return this.#takeOwn(client, held, limit, bytes) ? null : limit;
  }

  /** Takes from the client's bucket of a limit; false if it refuses and decides. */
  #takeOwn(client: ClientBuckets, held: HeldBucket, limit: Limit, bytes: number): boolean {
    const store = this.#store;
    if (held.limit !== limit || held.slot === NO_SLOT || store.generation(held.slot) !== held.generation) {
      held.limit = limit;
      held.slot = store.open(limit, client.key, this.#nowMs);
      if (held.slot !== NO_SLOT) held.generation = store.generation(held.slot);
    }
    return this.#take(held.slot, limit, bytes);
  }

  #take(slot: number, limit: Limit, bytes: number): boolean {
    if (slot === NO_SLOT) {
      this.#totals[limit.number * 3 + 2]!++;
      const refusing = this.#common.take(limit.number, limit, bytes, this.#nowMs);
      return refusing === TAKEN || this.#passesAsShadow(limit, refusing, true);
    }
    const refusing = this.#store.take(slot, limit, bytes, this.#nowMs);
    return refusing === TAKEN || this.#passesAsShadow(limit, refusing, false);
  }

  /** False if a shared limit refuses and decides. */
  #mayTakeShared(limit: Limit, bytes: number): boolean {
    if (limit.shadow) return true;
    const refusing = this.#common.refusing(limit.number, limit, bytes, this.#nowMs);
    if (refusing === TAKEN) return true;
    this.#common.countRefusal(limit.number);
    return this.#passesAsShadow(limit, refusing, false);
  }

  #takeShared(limit: Limit, bytes: number): void {
    if (limit.shadow) {
      const refusing = this.#common.refusing(limit.number, limit, bytes, this.#nowMs);
      if (refusing !== TAKEN) {
        this.#common.countRefusal(limit.number);
        this.#passesAsShadow(limit, refusing, false);
        return;
      }
    }
    this.#common.pay(limit.number, limit, bytes);
  }

  /** Notes a refusal; true if the limit only watches. */
  #passesAsShadow(limit: Limit, refusing: number, overflowed: boolean): boolean {
    if (limit.shadow) {
      this.#totals[limit.number * 3 + 1]!++;
      if (this.shadow === null) {
        this.shadow = limit;
        this.meter = limit.meters[refusing]!;
      }
      return true;
    }
    this.#totals[limit.number * 3]!++;
    this.meter = limit.meters[refusing]!;
    this.overflowed = overflowed;
    return false;
  }
}

/** Works out what a plan makes of the client. */
function bind(client: ClientBuckets, plan: RatePlan): void {
  client.plan = plan;
  client.key = bucketKey(clientKey(plan.keyBy, client.who));
  client.values = plan.topics?.index.valuesOf(client.who) ?? NO_VALUES;
}
