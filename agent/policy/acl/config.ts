/**
 * The `acl` section of the configuration as this module takes it: checked by the schema, lists normalised, defaults
 * filled in.
 */

/** What a rule can be about. `receive` is a delivery, broker to client. */
export type Action = "connect" | "publish" | "subscribe" | "unsubscribe" | "receive";

/** Whom a rule is about. All given conditions must hold; absent or without conditions: everybody. */
export interface MatchConfig {
  username?: string;
  /** Searched for, in RE2 syntax. */
  "username-regex"?: string;
  "client-id"?: string;
  /** Searched for, in RE2 syntax. */
  "client-id-regex"?: string;
  /** Addresses or CIDR ranges; one of them must hold. */
  "client-ip"?: string[];
  /** One of them must hold. `anonymous` is built in. */
  groups?: string[];
  "protocol-version"?: (3 | 4 | 5)[];
  /** Every one of them must be equal. */
  attributes?: Record<string, string>;
  /** One of them must be equal. */
  "route-id"?: string[];
}

export interface RuleConfig {
  name: string;
  match?: MatchConfig;
  /** MQTT topic filters with `${clientid}`, `${username}`, `${ip}` and `${attr.NAME}` inside literal levels. */
  topics?: string[];
  /** Absent or empty: publish, subscribe and receive. */
  actions?: Action[];
  decision: "allow" | "deny";
  "max-qos"?: 0 | 1 | 2;
  /** Higher first, then list order; 0 where absent. */
  priority?: number;
  /**
   * Only packets with (true) or without (false) the retain flag; whatever is no PUBLISH of a client counts as without.
   */
  retain?: boolean;
  /** Topics are compared as text: `+` and `#` mean themselves. */
  literal?: boolean;
  /** Reported, never decides. */
  shadow?: boolean;
  "deny-action"?: "drop" | "close";
  /** ISO 8601 date (its beginning in UTC) or date and time with offset; from then on the rule is as good as absent. */
  expires?: string;
  description?: string;
  /** Of an allow rule: lets filters with wildcards pass `wildcard-subscriptions: deny`. */
  wildcards?: boolean;
}

export interface AclConfig {
  enabled: boolean;
  "default-action": "allow" | "deny";
  rules: RuleConfig[];
  /** Group name to user names. */
  groups: Record<string, string[]>;
  "deny-action": "drop" | "close";
  "wildcard-subscriptions": "allow" | "deny";
  "dollar-topics": "rules" | "default-action";
  /** Prefixes of whole levels that hide a topic, `+` standing for one level: `$queue/`, `$delayed/+/`. */
  unwrap: string[];
  "check-deliveries": boolean;
  "check-response-topic": boolean;
  /** Every character of it is forbidden in what a client publishes to, subscribes to and unsubscribes from. */
  "forbid-characters"?: string;
}
