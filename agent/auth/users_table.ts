import type { Credential } from "./fast_verifier.ts";
import { bcryptCost } from "./password_hash.ts";
import type { UserRecord } from "./users_file.ts";

/** One user. The same object as in the table before where the file says the same of him. */
export interface UserEntry extends Omit<UserRecord, "hash"> {
  /** The same object as in the table before where the hash is the same. */
  readonly credential: Credential;
}

/** The users of one reading of a file; nothing in it changes. */
export interface UsersTable {
  /** A Map, so that `__proto__` is a name like others. */
  readonly users: ReadonlyMap<string, UserEntry>;
  /** The bcrypt cost that most users have, the higher of two alike; null where nobody has bcrypt. */
  readonly commonBcryptCost: number | null;
  /** How many users were added, removed or are other than in the table before. */
  readonly changed: number;
}

export const EMPTY_TABLE: UsersTable = Object.freeze({ users: new Map(), commonBcryptCost: null, changed: 0 });

/** Fleets have few sets of groups; what is over this is not shared. */
const MAX_SHARED = 10_000;

/** Makes a table piece by piece, so that a hundred thousand users do not hold up the frame path. */
export class UsersTableBuilder {
  readonly #previous: UsersTable;
  readonly #users = new Map<string, UserEntry>();
  readonly #usersByCost = new Map<number, number>();
  /** Bounded by MAX_SHARED. */
  readonly #shared = new Map<string, readonly string[]>();
  readonly #seen = new WeakMap<readonly string[], readonly string[]>();
  #same = 0;
  #known = 0;

  constructor(previous: UsersTable = EMPTY_TABLE) {
    this.#previous = previous;
  }

  add(record: UserRecord): void {
    const before = this.#previous.users.get(record.name);
    if (before !== undefined) this.#known++;
    const { name, hash, groups, enabled, clientIds, attributes, expiresAtMs } = record;
    const credential = before?.credential.hash === hash
      ? before.credential
      : Object.freeze({ hash, bcryptCost: bcryptCost(hash) });
    if (credential.bcryptCost !== null) {
      this.#usersByCost.set(credential.bcryptCost, (this.#usersByCost.get(credential.bcryptCost) ?? 0) + 1);
    }
    const entry = { name, credential, groups: this.#share(groups), enabled, clientIds, attributes, expiresAtMs };
    if (before !== undefined && isSameUser(before, entry)) {
      this.#same++;
      this.#users.set(name, before);
      return;
    }
    if (clientIds !== null) Object.freeze(clientIds);
    this.#users.set(name, Object.freeze(entry));
  }

  finish(): UsersTable {
    const removed = this.#previous.users.size - this.#known;
    return Object.freeze({
      users: this.#users,
      commonBcryptCost: this.#commonCost(),
      changed: this.#users.size - this.#same + removed,
    });
  }

  #commonCost(): number | null {
    let common: number | null = null;
    let most = 0;
    for (const [cost, users] of this.#usersByCost) {
      if (users < most || (users === most && cost < (common ?? 0))) continue;
      common = cost;
      most = users;
    }
    return common;
  }

  /** Lists are shared within a piece already, so most are found by themselves. */
  #share(texts: readonly string[]): readonly string[] {
    const seen = this.#seen.get(texts);
    if (seen !== undefined) return seen;
    const key = JSON.stringify(texts);
    const shared = this.#shared.get(key) ?? Object.freeze(texts);
    if (this.#shared.size < MAX_SHARED) this.#shared.set(key, shared);
    this.#seen.set(texts, shared);
    return shared;
  }
}

/** Whether two entries prove the same identity by the same password, and end at the same moment. */
export function isSameUser(a: UserEntry, b: UserEntry): boolean {
  return a === b || (
    a.credential.hash === b.credential.hash && a.enabled === b.enabled && a.expiresAtMs === b.expiresAtMs &&
    sameTexts(a.groups, b.groups) && sameTexts(a.clientIds, b.clientIds) && sameMap(a.attributes, b.attributes)
  );
}

function sameTexts(a: readonly string[] | null, b: readonly string[] | null): boolean {
  if (a === null || b === null) return a === b;
  return a.length === b.length && a.every((text, index) => text === b[index]);
}

function sameMap(a: ReadonlyMap<string, string> | null, b: ReadonlyMap<string, string> | null): boolean {
  if (a === null || b === null) return a === b;
  if (a.size !== b.size) return false;
  for (const [name, text] of a) if (b.get(name) !== text) return false;
  return true;
}
