import { IntVector } from "./int_vector.ts";
import { LevelTable, type PackedLevels, UNKNOWN } from "./level_table.ts";

/** What a {@link GroupTable} holds, as another thread can be given it. */
export interface PackedGroups {
  readonly names: readonly string[];
  readonly users: PackedLevels;
  readonly ends: Int32Array;
  readonly entries: Int32Array;
}

/** Of each user: the first and the last entry. */
const ENDS_SIZE = 2;
const LAST = 1;
/** Entry: the group, and the next entry of the user. Entry 0 is none. */
const ENTRY_SIZE = 2;
const NEXT = 1;

/** The groups that `acl.groups` gives to user names. */
export class GroupTable {
  #names: readonly string[] = [];
  #users = new LevelTable();
  #ends = new IntVector(8);
  #entries = new IntVector(8);

  constructor() {
    this.#entries.extend(ENTRY_SIZE);
  }

  /** Reads `acl.groups`; pauses after so many users. */
  static *of(groups: Readonly<Record<string, readonly string[]>>, yieldEvery: number): Generator<void, GroupTable> {
    const table = new GroupTable();
    table.#names = Object.keys(groups);
    let work = 0;
    for (const [group, users] of Object.values(groups).entries()) {
      for (const user of users) {
        if (++work % yieldEvery === 0) yield;
        table.#add(user, group);
      }
    }
    return table;
  }

  /** The groups of a user, as configured; undefined for none. O(name + groups). */
  get(user: string): readonly string[] | undefined {
    const number = this.#users.findText(user);
    if (number === UNKNOWN) return undefined;
    const groups: string[] = [];
    for (let entry = this.#ends.data[number * ENDS_SIZE]!; entry !== 0; entry = this.#entries.data[entry + NEXT]!) {
      groups.push(this.#names[this.#entries.data[entry]!]!);
    }
    return groups;
  }

  pack(): PackedGroups {
    return {
      names: this.#names,
      users: this.#users.pack(),
      ends: this.#ends.packed(),
      entries: this.#entries.packed(),
    };
  }

  /** What was packed, taken over. */
  static unpack({ names, users, ends, entries }: PackedGroups): GroupTable {
    const table = new GroupTable();
    table.#names = names;
    table.#users = LevelTable.unpack(users);
    table.#ends = IntVector.of(ends);
    table.#entries = IntVector.of(entries);
    return table;
  }

  #add(user: string, group: number): void {
    const entry = this.#entries.extend(ENTRY_SIZE);
    this.#entries.data[entry] = group;
    const number = this.#users.internText(user);
    const at = number * ENDS_SIZE;
    if (at === this.#ends.length) {
      // Before the array is looked at: it is another one when it has grown.
      this.#ends.extend(ENDS_SIZE);
      this.#ends.data[at] = entry;
    } else this.#entries.data[this.#ends.data[at + LAST]! + NEXT] = entry;
    this.#ends.data[at + LAST] = entry;
  }
}
