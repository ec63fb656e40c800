/** A rule as decisions name it. Immutable. */
export interface CompiledRule {
  readonly name: string;
  /** Place in the configured list. */
  readonly index: number;
  readonly allow: boolean;
  readonly shadow: boolean;
  /** `JSON.stringify([name])`, made once for the audit. */
  readonly namesJson: string;
  /** 2 where the rule sets none. */
  readonly maxQos: 0 | 1 | 2;
  /** The rule's own, or the section's. */
  readonly denyAction: "drop" | "close";
  /** It lets filters with wildcards pass `wildcard-subscriptions: deny`. */
  readonly wildcards: boolean;
}

/** Bits of what a rule can decide. */
export const BIT = {
  /** PUBLISH without the retain flag. */
  PUBLISH: 1,
  PUBLISH_RETAINED: 2,
  SUBSCRIBE: 4,
  UNSUBSCRIBE: 8,
  /** A delivery, by a rule that lists `receive`. */
  RECEIVE: 16,
  /** A delivery, by a rule without actions. */
  RECEIVE_UNLISTED: 32,
  CONNECT: 64,
} as const;

/** Rules that differ only in topics, order and expiry, and so can share one trie. */
export interface RuleClass {
  /** All that the class is told apart by, the match aside, as one number. */
  readonly flags: number;
  readonly allow: boolean;
  readonly shadow: boolean;
  readonly literal: boolean;
  /** Bits of {@link BIT}. */
  readonly bits: number;
  /** Order of its first rule. */
  readonly minOrder: number;
  /**
   * Node for filters that begin with no `$`, in which `#` and a leading `+` are; of a literal class for all topics. 0:
   * none.
   */
  root: number;
  /** Node for filters that begin with `$`: [MQTT-4.7.2-1] is so a matter of where to begin. 0: none. */
  dollarRoot: number;
  /** Of a class that denies: the root of the same filters in the overlap index. 0: none. */
  overlaps: number;
  dollarOverlaps: number;
  /** List of its rules, for `connect`. */
  connectRules: number;
  /** Its rules list `receive`: until when one of them is in force, milliseconds since 1970; else -infinity. */
  listsReceiveUntilMs: number;
}
