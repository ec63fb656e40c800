import type { RequestHead } from "../frame.ts";

/** Reads a request headers event (protocol: Events), or null where it has no correlation id to answer to. */
export function readRequestHead(event: unknown): RequestHead | null {
  if (typeof event !== "object" || event === null) return null;
  const { metadata, headers, correlation_id: outer } = event as Record<string, unknown>;
  const facts = typeof metadata === "object" && metadata !== null ? metadata as Record<string, unknown> : {};
  const correlationId = facts["correlation_id"] ?? outer;
  if (typeof correlationId !== "string") return null;
  const { client_ip: address, route_id: routeId } = facts;
  return {
    correlationId,
    clientAddress: typeof address === "string" ? address : "",
    routeId: typeof routeId === "string" ? routeId : null,
    headers: typeof headers === "object" && headers !== null ? headers as Record<string, unknown> : {},
  };
}
