import { type Deny, deny } from "./answers.ts";
import { attributeText, isUsableName } from "./proved_name.ts";
import { isJsonObject, type JsonObject, member } from "./strict_json.ts";

/** What the configuration asks of claims. */
export interface ClaimRules {
  /** Required `iss`, null for any. */
  readonly issuer: string | null;
  /** One of these must be in `aud`; empty for any. */
  readonly audience: readonly string[];
  readonly usernameClaim: string;
  readonly groupsClaim: string;
  readonly clientIdClaim: string | null;
  readonly aclClaim: string | null;
  readonly skewMs: number;
  /** Oldest `iat`, Infinity for any. */
  readonly maxAgeMs: number;
}

/** What a token says of its bearer, and when it may be used. Whoever made it was proved by its signature. */
export interface Claims {
  readonly username: string;
  readonly groups: readonly string[];
  readonly attributes: ReadonlyMap<string, string> | null;
  readonly clientId: string | null;
  readonly acl: unknown;
  readonly issuer: string | null;
  readonly audience: readonly string[];
  readonly expiresAtMs: number;
  readonly notBeforeMs: number | null;
  readonly issuedAtMs: number | null;
}

const NUMERIC_DATE = deny("token-invalid", 'the token\'s "exp", "nbf" or "iat" is no number below 2^53');
const NO_EXPIRY = deny("token-invalid", 'the token has no "exp": it would hold for ever');
const NO_ISSUED_AT = deny("token-invalid", 'the token has no "iat", and max-age-secs is set');
const ISSUER = deny("token-invalid", 'the token\'s "iss" is missing or not the configured one');
const AUDIENCE = deny("token-invalid", 'the token\'s "aud" is missing or holds none of those configured');
const USERNAME = deny("token-invalid", "the token's claim of the user name is missing, empty or no usable text");
const GROUPS = deny("token-invalid", "the token's claim of the groups is neither a list of texts nor a text");
const CLIENT_ID = deny("token-invalid", "the token's claim of the client id is no usable text");

const EXPIRED = deny("token-expired", "the token has expired");
const TOO_OLD = deny("token-expired", "the token was issued longer ago than max-age-secs");
const NOT_YET_VALID = deny("token-not-yet-valid", 'the token\'s "nbf" is in the future');
const FROM_THE_FUTURE = deny("token-not-yet-valid", 'the token\'s "iat" is in the future');

/** RFC 7519 section 4.1: they speak of the token, not of its bearer. */
const REGISTERED: ReadonlySet<string> = new Set(["iss", "sub", "aud", "exp", "nbf", "iat", "jti"]);

/** Reads and checks all claims but what depends on the time; for that see `timeFault`. Throws nothing. */
export function readClaims(payload: JsonObject, rules: ClaimRules): { readonly claims: Claims } | Deny {
  const expiresAtMs = numericDate(member(payload, "exp"));
  const notBeforeMs = numericDate(member(payload, "nbf"));
  const issuedAtMs = numericDate(member(payload, "iat"));
  if (expiresAtMs === undefined || notBeforeMs === undefined || issuedAtMs === undefined) return NUMERIC_DATE;
  if (expiresAtMs === null) return NO_EXPIRY;
  if (issuedAtMs === null && rules.maxAgeMs !== Infinity) return NO_ISSUED_AT;
  const issuer = member(payload, "iss") ?? null;
  if (issuer !== null && typeof issuer !== "string") return ISSUER;
  const audience = textOrTexts(member(payload, "aud") ?? []);
  if (audience === null) return AUDIENCE;
  const fault = partiesFault(issuer, audience, rules);
  if (fault !== null) return fault;
  const username = claimAt(payload, rules.usernameClaim);
  if (typeof username !== "string" || !isUsableName(username)) return USERNAME;
  const groups = readGroups(claimAt(payload, rules.groupsClaim));
  if (groups === null) return GROUPS;
  const clientId = rules.clientIdClaim === null ? null : claimAt(payload, rules.clientIdClaim) ?? null;
  if (clientId !== null && !(typeof clientId === "string" && isUsableName(clientId))) return CLIENT_ID;
  const acl = rules.aclClaim === null ? null : claimAt(payload, rules.aclClaim) ?? null;
  const attributes = readAttributes(payload);
  return {
    claims: {
      username,
      groups,
      attributes,
      clientId,
      acl,
      issuer,
      audience,
      expiresAtMs,
      notBeforeMs,
      issuedAtMs,
    },
  };
}

/** Whether the token was made by and for whom the configuration says; null if so. */
export function partiesFault(
  issuer: string | null,
  audience: readonly string[],
  rules: Pick<ClaimRules, "issuer" | "audience">,
): Deny | null {
  if (rules.issuer !== null && issuer !== rules.issuer) return ISSUER;
  if (rules.audience.length > 0 && !audience.some((one) => rules.audience.includes(one))) return AUDIENCE;
  return null;
}

/** Why the token can not be used now, or null. Allocates nothing. */
export function timeFault(claims: Claims, rules: ClaimRules, nowMs: number): Deny | null {
  if (nowMs >= claims.expiresAtMs + rules.skewMs) return EXPIRED;
  if (claims.notBeforeMs !== null && nowMs < claims.notBeforeMs - rules.skewMs) return NOT_YET_VALID;
  if (claims.issuedAtMs !== null) {
    // Not asked for by RFC 7519, but max-age-secs would mean nothing without.
    if (nowMs < claims.issuedAtMs - rules.skewMs) return FROM_THE_FUTURE;
    if (nowMs >= claims.issuedAtMs + rules.maxAgeMs + rules.skewMs) return TOO_OLD;
  }
  return null;
}

/**
 * When the session ends: as soon as the token would not be taken from a new client any more, so `exp`, or `iat` and
 * max-age-secs, and the clock skew. Ended at `exp` itself, a client could come back at once with the same token, and one
 * that comes within the skew would be closed by its next frame.
 */
export function endsAtMs(claims: Claims, rules: ClaimRules): number {
  const oldestMs = claims.issuedAtMs === null ? Infinity : claims.issuedAtMs + rules.maxAgeMs;
  return Math.min(claims.expiresAtMs, oldestMs) + rules.skewMs;
}

/** RFC 7519 section 2, in milliseconds; null where absent, undefined for what is no such date. */
function numericDate(value: unknown): number | null | undefined {
  if (value === undefined) return null;
  // Past 2^53 seconds nobody can tell one second from the next, and 1e308 is a token for ever.
  if (typeof value !== "number" || !(Math.abs(value) < 2 ** 53)) return undefined;
  return value * 1000;
}

function textOrTexts(value: unknown): readonly string[] | null {
  if (typeof value === "string") return [value];
  return isTextList(value) ? value : null;
}

function isTextList(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.every((one) => typeof one === "string");
}

/**
 * A claim by its name. A name with dots that no claim has, such as Keycloak's `realm_access.roles`, is a path into
 * objects: namespaced names (`https://example.com/groups`) have dots too, so the whole name goes first.
 */
function claimAt(payload: JsonObject, name: string): unknown {
  if (Object.hasOwn(payload, name)) return payload[name];
  let value: unknown = payload;
  for (const part of name.split(".")) {
    if (!isJsonObject(value)) return undefined;
    value = member(value, part);
  }
  return value;
}

/** A list as it is; a text is parted at spaces and commas, as a `scope` is. Empty names go, others must be usable. */
function readGroups(value: unknown): readonly string[] | null {
  if (value === undefined || value === null) return [];
  const names = typeof value === "string" ? value.split(/[ ,]+/) : isTextList(value) ? value : null;
  if (names === null) return null;
  const groups = new Set(names.filter((name) => name !== ""));
  for (const group of groups) if (!isUsableName(group)) return null;
  return [...groups];
}

/**
 * What rules may use as `${attr.NAME}`: claims of the top level that are text, a number or a boolean, all but the
 * registered ones. Texts that no name could be, and numbers that JSON readers do not agree about, are left out.
 */
function readAttributes(payload: JsonObject): ReadonlyMap<string, string> | null {
  const attributes = new Map<string, string>();
  for (const [name, value] of Object.entries(payload)) {
    if (REGISTERED.has(name)) continue;
    const text = attributeText(value);
    if (text !== null) attributes.set(name, text);
  }
  return attributes.size === 0 ? null : attributes;
}
