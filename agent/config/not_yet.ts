/** Keys that the schema knows and nothing obeys yet. Each is refused, never ignored. */
export interface NotYet {
  /** What is missing, as the end of the message. */
  readonly words: string;
  /** The one value that asks for nothing. */
  readonly unless?: unknown;
}

export type NotYetTable = ReadonlyMap<string, NotYet>;

const CONSOLE: NotYet = { words: "the console is not built yet" };
const GRPC: NotYet = { words: "gRPC is not built yet" };

/** Shrinks with every part that is built: delete its lines. */
export const NOT_YET: NotYetTable = new Map<string, NotYet>([
  ["agent.broker", { words: "probing the broker is not built yet" }],
  ["agent.grpc-address", GRPC],
  ["agent.grpc-tls", GRPC],
  ["agent.reverse", { words: "reverse connections are not built yet" }],
  ["agent.max-connections", { words: "a limit of the proxy's connections is not built yet" }],
  ["admin", CONSOLE],
  ["audit", { words: "the audit store is not built yet" }],
  ["profile", { words: "the hardened profile is not built yet", unless: "default" }],
]);
