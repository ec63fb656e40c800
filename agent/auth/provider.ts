/**
 * What a CONNECT shows of itself, and what a provider makes of it. A provider knows one way to prove an identity and
 * nothing of MQTT packets, sessions or transports.
 */

/** The credentials of one CONNECT. Whoever keeps the password past the call copies it, and wipes it after use. */
export interface Credentials {
  readonly clientId: string;
  readonly username: string | null;
  /** Bytes as sent: a password need not be text. */
  readonly password: Uint8Array | null;
  /** Canonical address without port, or null where it could not be read. */
  readonly address: string | null;
  /** 3 is MQTT 3.1, 4 is 3.1.1, 5 is 5.0. */
  readonly level: 3 | 4 | 5;
  /** Values of the upgrade request's headers that providers asked for (`Provider.headers`), by lower-case name. */
  readonly headers: ReadonlyMap<string, readonly string[]>;
}

/** Who somebody is, proved. */
export interface Identity {
  /** The proved user name; null where the proof names nobody (a certificate without the field). */
  readonly username: string | null;
  readonly groups: readonly string[];
  /** Usable as `${attr.NAME}` in rules; a Map, since names come from outside. */
  readonly attributes: ReadonlyMap<string, string> | null;
  /** Client ids that the identity may use, or null: any that the configuration allows. */
  readonly clientIds: readonly string[] | null;
  /** Client id that the proof names (`client-id-claim`), or null. */
  readonly clientIdClaim: string | null;
  /** Rules that the proof carries, only narrowing: as written, not yet checked; null for none. */
  readonly acl: unknown;
  /** Milliseconds since the epoch at which the session ends, Infinity for never. */
  readonly expiresAtMs: number;
  /** The provider that proved it, for people: `file`, `jwt`, … */
  readonly provider: string;
}

/** What is wrong with credentials, as a word; the client only ever learns "not authorised". */
export type DenyCode =
  | "wrong-password"
  | "user-disabled"
  | "user-expired"
  | "password-too-long"
  | "token-invalid"
  | "token-expired"
  | "token-not-yet-valid"
  | "certificate-invalid"
  | "certificate-ambiguous"
  | "backend-denied";

export type Answer =
  | { readonly kind: "allow"; readonly identity: Identity }
  /** Ends the chain. */
  | { readonly kind: "deny"; readonly code: DenyCode; readonly why: string }
  /** Not this provider's business: the next one is asked. */
  | { readonly kind: "ignore"; readonly why: string }
  /** The provider could not tell: counts as deny unless its `on-error` is `ignore`. Never cached. */
  | { readonly kind: "error"; readonly why: string };

/** An answer that takes time and must never be waited for on the frame path beyond the deadline. */
export interface Work {
  readonly kind: "work";
  /** What it will take from now, queue included, in milliseconds, at best knowledge. */
  readonly expectedMs: number;
  /** Does it, once. Never rejects. `why` and codes name no secret. */
  run(): Promise<Answer>;
}

export interface Provider {
  /** Type and place for people, e.g. `file (users.json)`. */
  readonly name: string;
  readonly onError: "deny" | "ignore";
  /** Lower-case names of upgrade-request headers that it reads. */
  readonly headers: readonly string[];
  /** The CONNECT's user name is the proof itself: it names nobody, and belongs into no log. */
  readonly usernameIsToken?: boolean;
  /** Its answers come from elsewhere and may be used again for `auth.cache-secs`. */
  readonly isRemote?: boolean;
  /** Goes up whenever an earlier answer may not hold any more (users file or keys replaced). */
  readonly generation: number;
  /** Answers at once where it can (a proved user, a fast hash, a token), else with work. Never throws, never blocks > 1 ms. */
  check(credentials: Credentials, nowMs: number): Answer | Work;
  /** What it takes at this moment to prove a password by a slow hash, in milliseconds: no refusal may come earlier. */
  hashMs?(credentials: Credentials): number;
  /**
   * Whether an identity that it, or one like it in a configuration before, proved still holds (user removed or disabled,
   * key gone); asked after `generation` rose and after a reload. False for what others proved.
   */
  stillHolds(identity: Identity, nowMs: number): boolean;
  /** Ends watchers, timers, connections. */
  close(): void;
}
