import type { Problem } from "../config/problem.ts";
import { limiterKey, parseAddress } from "../policy/address.ts";
import { allow, type Deny, deny, failure, ignore } from "./answers.ts";
import { bcryptPasswordFault, secretMatches } from "./password_hash.ts";
import { BcryptError, type BcryptPool, type Bidder } from "./bcrypt_pool.ts";
import { FastVerifier } from "./fast_verifier.ts";
import type { Answer, Credentials, Identity, Provider, Work } from "./provider.ts";
import type { Surroundings } from "./surroundings.ts";
import type { Threads } from "./threads.ts";
import { loadUsers, type UsersLoadResult } from "./users_load.ts";
import { EMPTY_TABLE, isSameUser, type UserEntry, type UsersTable } from "./users_table.ts";

export interface FileProviderOptions {
  /** JSON, or YAML by its ending `.yaml` or `.yml`. */
  readonly path: string;
  /** Whether the file is watched. */
  readonly hotReload: boolean;
  /** As configured, or null. */
  readonly name: string | null;
  readonly onError: "deny" | "ignore";
  readonly minBcryptCost: number;
  readonly maxBcryptCost: number;
}

export interface FileProviderNeeds extends Pick<Surroundings, "watch" | "tell"> {
  readonly pool: BcryptPool;
  readonly threads: Threads;
  /** Milliseconds since the epoch. */
  readonly wallMs: () => number;
  /** Whether these credentials wait behind all others: a name or client id that is under attack. Never, unless given. */
  readonly isLow?: (credentials: Credentials) => boolean;
  /** Lets whoever waits in this thread go first while the file is read for the first time; nobody waits at start. */
  readonly yieldTurn?: () => Promise<void>;
  /** The provider of the same file in the configuration before: who was proved by it is not proved by a slow hash again. */
  readonly previous?: FileProvider | null;
}

export type FileProviderResult = { readonly provider: FileProvider } | { readonly problems: readonly Problem[] };

const NO_NAME = ignore("the CONNECT has no user name");
const UNKNOWN = ignore("the users file does not have this user");
const DISABLED = deny("user-disabled", "the user is disabled");
const EXPIRED = deny("user-expired", "the user has expired");
const NO_PASSWORD = deny("wrong-password", "there is no password, or an empty one");
const WRONG = deny("wrong-password", "the password is wrong");
const TOO_LONG = deny(
  "password-too-long",
  "the password has more than 72 bytes, of which bcrypt would see the first 72",
);
const NUL = deny("wrong-password", "the password holds a NUL byte, behind which bcrypt tools differ");
const CHANGED = failure("the users file said something else of this user by the time the password was proved");

/** Of a client whose address cannot be read; all of them share a turn. */
const NO_ADDRESS = "unknown";

/** By what entry somebody was proved, for as long as somebody holds the identity, over reloads of the configuration too. */
const provedBy = new WeakMap<Identity, UserEntry>();

/**
 * Makes a provider that knows users from a file, or says all that is wrong with the file, or that there is none. Starts
 * the bcrypt workers if there are bcrypt users, so that they stand when the first one comes.
 */
export async function createFileProvider(
  options: FileProviderOptions,
  needs: FileProviderNeeds,
): Promise<FileProviderResult> {
  const provider = new FileProvider(options, needs);
  const problems = await provider.open();
  if (problems === null) return { provider };
  provider.close();
  return { problems };
}

/**
 * Knows users from a file. An unknown user is another provider's business; a known one that is disabled, expired or has
 * another password is refused.
 *
 * Answers at once, within some 10 µs, except for a bcrypt user who was not proved since he was last changed: that is work
 * for the pool. Refusals so come after very different times. Who answers the client must make them alike: `hashMs` says
 * how long a hash takes at this moment, and every refusal of this provider, and of whoever comes behind it for a user
 * that it does not know, has to take that long by a timer, or be put off like a hash that would take too long.
 */
export class FileProvider implements Provider {
  readonly name: string;
  readonly onError: "deny" | "ignore";
  readonly headers: readonly string[] = [];
  readonly #options: FileProviderOptions;
  readonly #needs: FileProviderNeeds;
  readonly #verifier: FastVerifier;
  readonly #closing = new AbortController();
  #table: UsersTable;
  readonly #identities = new WeakMap<UserEntry, Identity>();
  #watch: { close(): unknown } | null = null;
  #generation = 0;
  /** Loads follow each other, so that what was read last is what holds. */
  #lastLoad: Promise<unknown> = Promise.resolve();
  #isWaiting = false;

  constructor(options: FileProviderOptions, needs: FileProviderNeeds) {
    this.#options = options;
    const { previous = null } = needs;
    // Not kept: each would keep the one before it.
    this.#needs = { ...needs, previous: null };
    this.#verifier = previous === null ? new FastVerifier() : previous.#verifier;
    this.#table = previous === null ? EMPTY_TABLE : previous.#table;
    this.onError = options.onError;
    this.name = `${options.name ?? "file"} (${options.path.slice(options.path.lastIndexOf("/") + 1)})`;
  }

  get generation(): number {
    return this.#generation;
  }

  get path(): string {
    return this.#options.path;
  }

  /** The users as they were last read. */
  get table(): UsersTable {
    return this.#table;
  }

  /** Reads the file for the first time; what is wrong, or null. */
  async open(): Promise<readonly Problem[] | null> {
    // Watched before it is read: a change in between is then told, and read after it.
    if (this.#options.hotReload) {
      this.#watch = this.#needs.watch([this.#options.path], () => void this.reload());
    }
    const opened = this.#load(this.#needs.yieldTurn);
    this.#lastLoad = opened;
    const loaded = await opened;
    if ("problems" in loaded) return loaded.problems;
    this.#use(loaded.table);
    return null;
  }

  /** Reads the file again; a file with problems changes nothing. Resolves when it is read. Never rejects. */
  reload(): Promise<unknown> {
    // One that waits for its turn will read what is new now as well.
    if (!this.#isWaiting) {
      this.#isWaiting = true;
      this.#lastLoad = this.#lastLoad.then(() => this.#reload());
    }
    return this.#lastLoad;
  }

  check(credentials: Credentials, nowMs: number): Answer | Work {
    const { username, password } = credentials;
    if (username === null) return NO_NAME;
    const entry = this.#table.users.get(username);
    if (entry === undefined) return UNKNOWN;
    const refusal = refusalOf(entry, nowMs);
    if (refusal !== null) return refusal;
    if (password === null || password.length === 0) return NO_PASSWORD;
    const { credential } = entry;
    if (credential.bcryptCost === null) return secretMatches(password, credential.hash) ? this.#allow(entry) : WRONG;
    const fault = bcryptPasswordFault(password);
    if (fault !== null) return fault === "too-long" ? TOO_LONG : NUL;
    const matches = this.#verifier.matches(credential, username, password);
    if (matches !== null) return matches ? this.#allow(entry) : WRONG;
    return this.#work(entry, credential.bcryptCost, password, this.#bidder(credentials));
  }

  /**
   * Whether a session may go on: the user is there, enabled, not expired, and has the password, groups, client ids and
   * attributes that he was proved with. Who was given others comes back with the new ones; who was given another
   * password does not, unless he has it.
   */
  stillHolds(identity: Identity, nowMs: number): boolean {
    const proved = provedBy.get(identity);
    if (proved === undefined) return false;
    const entry = this.#table.users.get(proved.name);
    return entry !== undefined && isSameUser(entry, proved) && refusalOf(entry, nowMs) === null;
  }

  /**
   * What it takes at this moment, in milliseconds, to prove most of the file's bcrypt users who come from that address;
   * 0 where there are none. See the class for what it is for.
   */
  hashMs(credentials: Credentials): number {
    const { commonBcryptCost } = this.#table;
    return commonBcryptCost === null ? 0 : this.#needs.pool.expectedMs(commonBcryptCost, this.#bidder(credentials));
  }

  close(): void {
    this.#closing.abort();
    this.#watch?.close();
    this.#watch = null;
  }

  async #reload(): Promise<void> {
    this.#isWaiting = false;
    const loaded = await this.#load();
    if (this.#closing.signal.aborted) return;
    const { path } = this.#options;
    if ("problems" in loaded) {
      this.#needs.tell("warn", "The users file changed and cannot be used: the users before hold", {
        file: path,
        problem: loaded.problems[0]?.message ?? "unknown",
        problems: loaded.problems.length,
      });
    } else if (loaded.table.changed > 0) {
      this.#use(loaded.table);
      this.#generation++;
      const { users: { size: users }, changed } = loaded.table;
      this.#needs.tell("info", "The users file was read again", { file: path, users, changed });
    }
  }

  #load(yieldTurn?: () => Promise<void>): Promise<UsersLoadResult> {
    const { path, minBcryptCost, maxBcryptCost } = this.#options;
    return loadUsers({
      path,
      limits: { minBcryptCost, maxBcryptCost },
      previous: this.#table,
      threads: this.#needs.threads,
      signal: this.#closing.signal,
      ...(yieldTurn === undefined ? {} : { yieldTurn }),
    });
  }

  #use(table: UsersTable): void {
    this.#table = table;
    if (table.commonBcryptCost !== null) this.#needs.pool.warm();
  }

  #bidder(credentials: Credentials): Bidder {
    return { address: turnOf(credentials.address), low: this.#needs.isLow?.(credentials) ?? false };
  }

  #work({ name, credential }: UserEntry, cost: number, password: Uint8Array, bidder: Bidder): Work | Answer {
    // What finds no room is told so at once: nothing would go on, and nobody should come back for it.
    const refused = this.#needs.pool.refusal(bidder);
    if (refused !== null) return failure(refused);
    // The caller's bytes are another packet's by the time the work is done.
    const copy = new Uint8Array(password);
    let answer: Promise<Answer> | null = null;
    const prove = async (): Promise<Answer> => {
      try {
        const matches = await this.#needs.pool.verify(copy, credential.hash, bidder);
        const entry = this.#table.users.get(name);
        // Proved by a hash that is not the user's any more, or refused by it.
        if (entry?.credential !== credential) return CHANGED;
        if (!matches) return WRONG;
        this.#verifier.remember(credential, name, copy);
        return refusalOf(entry, this.#needs.wallMs()) ?? this.#allow(entry);
      } catch (error) {
        return failure(error instanceof BcryptError ? error.message : "the password could not be proved");
      } finally {
        copy.fill(0);
      }
    };
    return {
      kind: "work",
      expectedMs: this.#needs.pool.expectedMs(cost, bidder),
      run: () => answer ??= prove(),
    };
  }

  #allow(entry: UserEntry): Answer {
    let identity = this.#identities.get(entry);
    if (identity === undefined) {
      identity = Object.freeze({
        username: entry.name,
        groups: entry.groups,
        attributes: entry.attributes,
        clientIds: entry.clientIds,
        clientIdClaim: null,
        acl: null,
        expiresAtMs: entry.expiresAtMs,
        provider: "file",
      });
      this.#identities.set(entry, identity);
      provedBy.set(identity, entry);
    }
    return allow(identity);
  }
}

function refusalOf(entry: UserEntry, nowMs: number): Deny | null {
  if (!entry.enabled) return DISABLED;
  return entry.expiresAtMs <= nowMs ? EXPIRED : null;
}

/** Who shares one turn in the pool's queue. */
function turnOf(address: string | null): string {
  const parsed = address === null ? null : parseAddress(address);
  return parsed === null ? NO_ADDRESS : limiterKey(parsed);
}
