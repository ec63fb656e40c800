import { quote, quoteWhole } from "../config/quote.ts";
import {
  type Ban,
  type BanEntry,
  banKey,
  type BanKind,
  type Claimant,
  describeBan,
  isUnseemly,
  MAX_BAN_TEXT_BYTES,
  readTarget,
} from "./ban.ts";
import { BanIndex } from "./ban_index.ts";
import { MAX_DATE_MS, readBans, writeBans } from "./bans_text.ts";
import { type ConfiguredBans, NO_BANS } from "./configured_bans.ts";
import { DelayedSave } from "./delayed_save.ts";
import { EndingOrder } from "./ending_order.ts";
import { StateFile } from "../state_file.ts";

/** For whoever runs the agent; no secrets. */
export type Tell = (level: "info" | "warn", message: string, fields?: Readonly<Record<string, unknown>>) => void;

export interface BanListOptions {
  /** Calls back once after `ms`; the returned function cancels. */
  readonly setTimer: (callback: () => void, ms: number) => () => void;
  readonly tell: Tell;
  /** Run-time bans that there may be; 10,000 where absent. */
  readonly maxBans?: number;
}

/** A ban that an operator sets. */
export interface NewBan {
  readonly by: BanKind;
  readonly value: string;
  /** Why, for people; may be empty. */
  readonly reason: string;
  /** Who sets it. */
  readonly setBy: string;
  /** Milliseconds since the epoch, Infinity for never. */
  readonly untilMs: number;
}

/** A ban that nobody sets. */
export interface AutomaticBan extends Omit<NewBan, "setBy"> {
  readonly by: "client-id" | "username" | "client-ip";
  readonly from: string | null;
}

export interface ListedBan {
  readonly ban: Ban;
  /** How often it was found since it came into force here. */
  readonly hits: number;
}

/** In the state directory. */
export const BANS_FILE = "bans.json";

/** Some 30 MB where every text is as long as it may be. */
const MAX_BANS = 10_000;
const MAX_PATTERNS = 64;
const MAX_NAME_BYTES = 256;
/** Between two warnings that the list is full. */
const FULL_TOLD_MS = 60_000;

/**
 * Everybody who is banned: the configuration's fixed bans and those made at run time, which outlive a reload and, with a
 * state directory, a restart.
 *
 * Bounded: 10,000 run-time bans. Where there would be more, the automatic one that ends first goes. A ban that an
 * operator set goes only for one that an operator sets, the one that ends first, and if it never ends, never: nobody can
 * free himself, or another, by getting others banned. Ended ones go by themselves, with the next change or list.
 */
export class BanList {
  readonly #options: BanListOptions;
  readonly #maxBans: number;
  #configured = NO_BANS;
  readonly #index = new BanIndex();
  /** By id, in the order in which they were set. Bounded by `maxBans`. */
  readonly #byId = new Map<string, BanEntry>();
  readonly #ending = { automatic: new EndingOrder(), operator: new EndingOrder() };
  readonly #hits = new WeakMap<Ban, number>();
  #generation = 1;
  #save: DelayedSave | null = null;
  #problem: string | null = null;
  #fullToldAtMs = -Infinity;

  /** A list in memory only. */
  constructor(options: BanListOptions) {
    this.#options = options;
    this.#maxBans = options.maxBans ?? MAX_BANS;
  }

  /**
   * The list that is kept as `bans.json` in a state directory, without those that have ended. A file that cannot be
   * understood, or that a newer agent wrote, is a problem, `Cannot read bans from "…": …`, and stays as it is: to go on
   * without it would let all in that were banned.
   */
  static async open(
    stateDir: string,
    options: BanListOptions,
    wallMs: number,
  ): Promise<{ readonly bans: BanList } | { readonly problem: string }> {
    const file = new StateFile(stateDir, BANS_FILE);
    const state = await file.read();
    const read = "fault" in state ? state : BanList.ofText(state.text, options, wallMs);
    if ("fault" in read) return { problem: `Cannot read bans from ${quoteWhole(file.path)}: ${read.fault}` };
    read.bans.#keepIn(file);
    return read;
  }

  /** The list that a text of `bans.json` holds, null for none: in memory only. */
  static ofText(
    text: string | null,
    options: BanListOptions,
    wallMs: number,
  ): { readonly bans: BanList } | { readonly fault: string } {
    const reading = text === null ? { entries: [] } : readBans(text);
    if ("fault" in reading) return reading;
    const bans = new BanList(options);
    const fault = bans.#restore(reading.entries, wallMs);
    return fault === null ? { bans } : { fault };
  }

  /**
   * Goes up with every change after which somebody may be banned who was not, or the other way round, so that live
   * sessions are held against the list only then. Not when a ban ends: look at its `untilMs`.
   */
  get generation(): number {
    return this.#generation;
  }

  /** Run-time bans, with those that ended since the last change. */
  get size(): number {
    return this.#byId.size;
  }

  /** Why run-time bans are not kept at the moment: `Cannot write bans to "…": …`. Null: all is well. */
  get problem(): string | null {
    return this.#problem;
  }

  /** Puts the bans of another configuration in force. */
  configure(bans: ConfiguredBans): void {
    if (bans === this.#configured) return;
    this.#configured = bans;
    this.#generation++;
  }

  /**
   * The ban that holds for a client, or null. To be asked before any password work, with the user name that is claimed;
   * after a login that proved another name, with that one; when the broker assigned the client id; and again with a live
   * session's next frame whenever `generation` changed.
   *
   * An address that cannot be read is hit by every ban of an address or range, but automatic ones.
   *
   * O(1) for exact client ids and user names, O(prefix lengths in use) for addresses, and linear for each of at most 128
   * patterns. Calls nothing that throws.
   */
  find(who: Claimant, wallMs: number): Ban | null {
    const ban = this.#configured.index.find(who, wallMs) ?? this.#index.find(who, wallMs);
    if (ban !== null) this.#hits.set(ban, (this.#hits.get(ban) ?? 0) + 1);
    return ban;
  }

  /**
   * Sets a ban, in the place of a run-time ban of the same, however long that would have held. The problem says why it
   * cannot be: `Cannot ban address "10.0.0.1/8": bits after the prefix are set (did you mean "10.0.0.0/8"?)`.
   */
  add(ban: NewBan, wallMs: number): { readonly ban: Ban } | { readonly problem: string } {
    this.#dropEnded(wallMs);
    const { by, value, reason, setBy } = ban;
    const untilMs = Math.trunc(ban.untilMs);
    const made = this.#make({ by, value, from: null, reason, setBy, untilMs, source: "operator" }, wallMs);
    const fault = typeof made === "string" ? made : this.#add(made);
    if (fault !== null) return { problem: `Cannot ban ${describeBan({ by, value, from: null })}: ${fault}` };
    return { ban: (made as BanEntry).ban };
  }

  /** The same for a ban that nobody sets; null where the same is banned already, or where it cannot be. */
  addAutomatic(ban: AutomaticBan, wallMs: number): Ban | null {
    this.#dropEnded(wallMs);
    const made = this.#make({ ...ban, setBy: "auto-ban", source: "automatic" }, wallMs);
    if (typeof made === "string" || this.#index.get(banKey(made.ban)) !== undefined) return null;
    if (this.#add(made) !== null) {
      this.#tellFull("no other can be made: operators set all of them", wallMs);
      return null;
    }
    return made.ban;
  }

  /** Ends a run-time ban. The problem says why that cannot be: `Cannot lift ban "…": no ban has this id`. */
  lift(id: string, wallMs: number): { readonly ban: Ban } | { readonly problem: string } {
    this.#dropEnded(wallMs);
    const entry = this.#byId.get(id);
    if (entry !== undefined) {
      this.#remove(entry);
      this.#changed();
      return { ban: entry.ban };
    }
    const isFixed = this.#configured.bans.some((ban) => ban.id === id);
    const found = isFixed ? "it stands in the configuration" : "no ban has this id, or it has ended";
    return { problem: `Cannot lift ban ${quote(id)}: ${found}` };
  }

  /** Bans that hold: the configuration's, then the others in the order in which they were set. */
  list(wallMs: number): ListedBan[] {
    this.#dropEnded(wallMs);
    const fixed = this.#configured.bans.filter((ban) => wallMs < ban.untilMs);
    const others = [...this.#byId.values()].map(({ ban }) => ban);
    return [...fixed, ...others].map((ban) => ({ ban, hits: this.#hits.get(ban) ?? 0 }));
  }

  /** Writes what is not written yet. The list can be used after that, but nothing is kept any more. */
  async close(): Promise<void> {
    await this.#save?.close();
  }

  /** What is wrong, or null. */
  #restore(entries: readonly BanEntry[], wallMs: number): string | null {
    if (entries.length > this.#maxBans) return `it holds more than ${this.#maxBans} bans`;
    for (const entry of entries) {
      const { ban } = entry;
      if (this.#byId.has(ban.id) || this.#index.get(banKey(ban)) !== undefined) {
        return `${describeBan(ban)} is banned twice, or the id ${quote(ban.id)} is there twice`;
      }
      this.#put(entry);
      if (this.#index.patterns > MAX_PATTERNS) return `it holds more than ${MAX_PATTERNS} patterns`;
    }
    this.#dropEnded(wallMs);
    return null;
  }

  #keepIn(file: StateFile): void {
    const { setTimer, tell } = this.#options;
    const path = quoteWhole(file.path);
    this.#save = new DelayedSave({
      setTimer,
      save: async () => {
        const fault = await file.write(writeBans([...this.#byId.values()].map(({ ban }) => ban)));
        this.#problem = fault === null ? null : `Cannot write bans to ${path}: ${fault}`;
        return this.#problem;
      },
      onProblem: (problem) => {
        if (problem !== null) tell("warn", problem);
        else tell("info", `Bans are written to ${path} again`);
      },
    });
  }

  /** A ban as it would be, or what is wrong with it. */
  #make(
    { by, value, from, reason, setBy, untilMs, source }: NewBan & Pick<Ban, "from" | "source">,
    wallMs: number,
  ): BanEntry | string {
    if (byteLength(value) > MAX_BAN_TEXT_BYTES) return `it is longer than ${MAX_BAN_TEXT_BYTES} bytes`;
    if (byteLength(reason) > MAX_BAN_TEXT_BYTES) return `its reason is longer than ${MAX_BAN_TEXT_BYTES} bytes`;
    if (byteLength(setBy) > MAX_NAME_BYTES) return `who sets it has a name of more than ${MAX_NAME_BYTES} bytes`;
    if (isUnseemly(reason) || isUnseemly(setBy)) return "its reason, or who sets it, holds a control character";
    if (!(untilMs > wallMs)) return "it would have ended already";
    if (untilMs > MAX_DATE_MS && untilMs !== Infinity) return "its end is no date";
    const read = readTarget(by, value);
    if ("fault" in read) return read.fault;
    const id = crypto.randomUUID();
    const setAtMs = Math.trunc(wallMs);
    const ban: Ban = { id, source, name: null, by, value: read.value, from, reason, setBy, setAtMs, untilMs };
    return { ban: Object.freeze(ban), target: read.target };
  }

  /** Null when it is in, else why there is no room for it. */
  #add(entry: BanEntry): string | null {
    const { source } = entry.ban;
    const same = this.#index.get(banKey(entry.ban));
    if (same !== undefined) this.#remove(same);
    else if ("regex" in entry.target && this.#index.patterns >= MAX_PATTERNS) {
      return `there are ${MAX_PATTERNS} patterns already`;
    }
    if (this.#byId.size >= this.#maxBans) {
      const { automatic, operator } = this.#ending;
      const goes = automatic.soonest ?? (source === "operator" ? operator.soonest : undefined);
      if (goes === undefined) return `there are ${this.#maxBans} bans already, and none of them ends`;
      this.#remove(goes);
      this.#tellFull("the automatic one that ends first goes for each new one", entry.ban.setAtMs ?? 0);
    }
    this.#put(entry);
    this.#changed();
    return null;
  }

  #put(entry: BanEntry): void {
    this.#byId.set(entry.ban.id, entry);
    this.#index.set(entry);
    this.#endingOf(entry.ban)?.add(entry);
  }

  #remove(entry: BanEntry): void {
    this.#byId.delete(entry.ban.id);
    this.#index.delete(entry);
    this.#endingOf(entry.ban)?.delete(entry);
  }

  #endingOf({ source, untilMs }: Ban): EndingOrder | null {
    return untilMs === Infinity || source === "configuration" ? null : this.#ending[source];
  }

  /** Nobody is banned or freed by it, so the generation stays. */
  #dropEnded(wallMs: number): void {
    let dropped = false;
    for (const order of [this.#ending.automatic, this.#ending.operator]) {
      for (let entry = order.soonest; entry !== undefined && entry.ban.untilMs <= wallMs; entry = order.soonest) {
        this.#remove(entry);
        dropped = true;
      }
    }
    if (dropped) this.#save?.changed();
  }

  #changed(): void {
    this.#generation++;
    this.#save?.changed();
  }

  #tellFull(consequence: string, wallMs: number): void {
    if (Math.abs(wallMs - this.#fullToldAtMs) < FULL_TOLD_MS) return;
    this.#fullToldAtMs = wallMs;
    this.#options.tell("warn", `The list of bans is full: ${consequence}`, { bans: this.#byId.size });
  }
}

function byteLength(text: string): number {
  return new TextEncoder().encode(text).length;
}
