import {
  also,
  boolean,
  choice,
  type Complaint,
  FILLED,
  type Infer,
  integer,
  keyedList,
  list,
  number,
  object,
  OPTIONAL,
  ours,
  page,
  REQUIRED,
  text,
} from "../shape.ts";
import { filter } from "./text.ts";

const QUOTA = object({
  name: ours("Name in logs and messages", text(), OPTIONAL),
  messages: ours("Messages in that time", integer({ min: 1 }), OPTIONAL),
  bytes: ours("Bytes in that time", integer({ min: 1 }), OPTIONAL),
  per: ours("Time that is counted", choice("minute", "hour", "day"), REQUIRED),
}, { check: oneMeasure, among: { keys: ["messages", "bytes"], many: false } });

/** The keys of a limit. What is absent does not limit. */
const LIMIT_KEYS = {
  "messages-per-second": page("Messages a second", number({ above: true, max: 1e9 }), OPTIONAL),
  "bytes-per-second": page("Bytes a second; 0: none", integer(), 0),
  burst: page("Messages that may come at once, of `messages-per-second`", integer({ min: 1, max: 1e9 }), 10),
  "burst-bytes": ours("Bytes that may come at once; absent: those of one second", integer({ min: 1 }), OPTIONAL),
  quota: ours("Totals over longer times", keyedList(QUOTA, { single: true }), []),
  action: ours("What becomes of what exceeds it", choice("drop", "close"), "drop"),
  shadow: ours("Counted and audited, does not decide", boolean(), false),
};

const LIMIT = object(LIMIT_KEYS);

const CONTROL_LIMIT = object({
  ...LIMIT_KEYS,
  "messages-per-second": ours("Packets a second", number({ above: true, max: 1e9 }), 50),
  burst: ours("Packets that may come at once", integer({ min: 1, max: 1e9 }), 100),
  action: ours("What becomes of what exceeds it", choice("drop", "close"), "close"),
});

/** A CONNECT or a login can not be dropped. */
const CLOSING_LIMIT = object({
  ...LIMIT_KEYS,
  action: ours("What becomes of what exceeds it: there is no other way", choice("close"), "close"),
});

const TOPIC_LIMIT = object({
  name: ours("Name in logs and messages; the key where limits are written as an object", text(), OPTIONAL),
  topic: page("Topic filter", filter({ placeholders: "topic" }), REQUIRED),
  limit: page("The limit", LIMIT, REQUIRED),
  scope: ours("One bucket for each client, or one for all", choice("client", "shared"), "client"),
});

export const RATE_LIMIT = object({
  enabled: page("Whether rates are limited", boolean(), false),
  global: also("All clients together", LIMIT, OPTIONAL),
  "per-client": page("Each client", LIMIT, OPTIONAL),
  "per-topic": page("Messages of some topics", keyedList(TOPIC_LIMIT, { defaults: ["topic"] }), []),
  "key-by": page("What a client is told apart by", choice("client_id", "username", "client_ip"), "client_id"),
  connect: ours("CONNECTs of one address", CLOSING_LIMIT, OPTIONAL),
  subscribe: ours("SUBSCRIBEs of one client; absent: they count as messages", LIMIT, OPTIONAL),
  control: ours("Pings and the rest, not acknowledgements", CONTROL_LIMIT, FILLED),
  "auth-failures": ours("Failed authentications of one address", CLOSING_LIMIT, OPTIONAL),
  "max-keys": ours("Most buckets that are kept", integer({ min: 1, max: 10_000_000 }), 100_000),
  store: ours("Where buckets are kept", choice("memory"), "memory"),
});

const TOPIC_QOS = object({
  name: ours("Name in logs and messages; the key where entries are written as an object", text(), OPTIONAL),
  topic: page("Topic filter", filter(), REQUIRED),
  "max-qos": page("Highest QoS", choice(0, 1, 2), REQUIRED),
});

export const QOS = object({
  enabled: page("Whether QoS is limited", boolean(), false),
  "max-qos": page("Highest QoS", choice(0, 1, 2), 2),
  downgrade: page("A higher QoS passes, tagged `qos-downgraded`; false: it is dropped", boolean(), true),
  "downgrade-subscribe": ours("The same for SUBSCRIBE", choice("allow", "drop"), "allow"),
  "per-topic": page(
    "Topics with a maximum of their own; the most specific filter wins",
    keyedList(TOPIC_QOS, {
      defaults: ["topic"],
    }),
    [],
  ),
});

export const RETAINED = object({
  enabled: page("Whether retained messages are judged", boolean(), false),
  "allow-retained": page("True: all topics but the blocked ones", boolean(), true),
  "allowed-topics": page("Topics that may be retained", list(filter()), []),
  "blocked-topics": page("Topics that may not, whatever else is said", list(filter()), []),
  "max-size": page("Most bytes of the payload", integer(), OPTIONAL),
});

function oneMeasure(quota: Readonly<Record<string, unknown>>): Complaint | null {
  const both = quota["messages"] !== undefined && quota["bytes"] !== undefined;
  if (both) return { key: "bytes", text: `only one of "messages" and "bytes" can be given` };
  const none = quota["messages"] === undefined && quota["bytes"] === undefined;
  return none ? { key: null, text: `one of "messages" and "bytes" is missing` } : null;
}

export type RateLimitConfig = Infer<typeof RATE_LIMIT>;
export type LimitConfig = Infer<typeof LIMIT>;
export type QosConfig = Infer<typeof QOS>;
export type RetainedConfig = Infer<typeof RETAINED>;
