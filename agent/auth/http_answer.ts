import { allow, deny, failure } from "./answers.ts";
import type { Fetched } from "./bounded_fetch.ts";
import { attributeText, isUsableName } from "./proved_name.ts";
import type { Answer } from "./provider.ts";
import { isJsonObject, type JsonObject, member, parseStrictJson } from "./strict_json.ts";

/** What a backend's answer came to. */
export interface BackendAnswer {
  readonly answer: Answer;
  /**
   * Whether the server itself is in trouble: it is away, slow, overloaded or answers nonsense. That it finds fault with a
   * request (status 4xx) is no sign of it, or whoever sends requests that it does not like could have it taken for down.
   */
  readonly trouble: boolean;
  /** It said `is_superuser`, which means nothing here. */
  readonly superuser: boolean;
}

const DENIED = deny("backend-denied", "the backend denied it");
const EXPIRED = deny("backend-denied", "the backend allowed it with an expire_at in the past");
const IGNORED: Answer = Object.freeze({ kind: "ignore", why: "the backend said ignore" });

const NO_JSON = failure("the backend answered 200 without a JSON object, or with a key twice in it");
const NO_RESULT = failure('the backend answered 200 without a "result" of allow, deny or ignore');
const BAD_GROUPS = failure('the backend\'s "groups" is no list of usable texts');
const BAD_ATTRIBUTES = failure(
  'the backend\'s "attributes" or "client_attrs" is no object of texts, numbers and booleans',
);
const BAD_EXPIRY = failure('the backend\'s "expire_at" is no number of seconds below 2^53');

const UTF8 = new TextDecoder("utf-8", { fatal: true });

/**
 * Reads what a backend answered about a user, as EMQX's HTTP authenticator does, and stricter: only 200 with a `result` of
 * `allow` and 204 let anybody in. What is not one of the answers agreed on is an error and no denial (bypass class B119):
 * a page of a proxy between, a redirect, a body that is cut off say nothing of the user. `nowMs` since the epoch.
 */
export function readBackendAnswer(fetched: Fetched, username: string | null, nowMs: number): BackendAnswer {
  if (fetched.kind === "failed") return trouble(failure(`the backend could not be asked: ${fetched.why}`));
  const { status } = fetched;
  if (status === 204) return fine(allowed(username, {}, nowMs));
  if (status === 401 || status === 403) return fine(DENIED);
  if (status !== 200) {
    const answer = failure(`the backend answered with status ${status}`);
    const itsFault = status >= 500 || status === 408 || status === 429 || status < 400;
    return itsFault ? trouble(answer) : fine(answer);
  }
  if (fetched.body === null) return trouble(failure(`the backend's answer cannot be used: ${fetched.bodyFault}`));
  const value = isJson(fetched.headers.get("content-type")) ? parse(fetched.body) : undefined;
  if (!isJsonObject(value)) return trouble(NO_JSON);
  const superuser = member(value, "is_superuser") === true;
  switch (member(value, "result")) {
    case "allow":
      return { answer: allowed(username, value, nowMs), trouble: false, superuser };
    case "deny":
      return fine(DENIED);
    case "ignore":
      return fine(IGNORED);
    default:
      return trouble(NO_RESULT);
  }
}

function fine(answer: Answer): BackendAnswer {
  return { answer, trouble: false, superuser: false };
}

function trouble(answer: Answer): BackendAnswer {
  return { answer, trouble: true, superuser: false };
}

/** RFC 6839: `application/json`, and what ends in `+json`. */
function isJson(contentType: string | null): boolean {
  return contentType !== null && /^\s*application\/(?:[\w.!#$&^-]+\+)?json\s*(?:;|$)/i.test(contentType);
}

function parse(body: Uint8Array): unknown {
  try {
    return parseStrictJson(UTF8.decode(body));
  } catch {
    return undefined;
  }
}

function allowed(username: string | null, value: JsonObject, nowMs: number): Answer {
  const groups = member(value, "groups") ?? [];
  if (!Array.isArray(groups) || !groups.every((group) => typeof group === "string" && isUsableName(group))) {
    return BAD_GROUPS;
  }
  const attributes = readAttributes(value);
  if (attributes === null) return BAD_ATTRIBUTES;
  const expireAt = member(value, "expire_at") ?? null;
  if (expireAt !== null && !(typeof expireAt === "number" && Math.abs(expireAt) < 2 ** 53)) return BAD_EXPIRY;
  const expiresAtMs = expireAt === null ? Infinity : expireAt * 1000;
  if (expiresAtMs <= nowMs) return EXPIRED;
  return allow(Object.freeze({
    username,
    groups: [...new Set<string>(groups)],
    attributes: attributes.size === 0 ? null : attributes,
    clientIds: null,
    clientIdClaim: null,
    acl: member(value, "acl") ?? null,
    expiresAtMs,
    provider: "http",
  }));
}

/**
 * `attributes`, and before them `client_attrs`, as EMQX names them; null where they are no objects of scalars. Texts that
 * no rule could use, empty ones above all, are left out.
 */
function readAttributes(value: JsonObject): Map<string, string> | null {
  const attributes = new Map<string, string>();
  for (const name of ["client_attrs", "attributes"]) {
    const given = member(value, name) ?? {};
    if (!isJsonObject(given)) return null;
    for (const [key, one] of Object.entries(given)) {
      if (typeof one === "object" && one !== null) return null;
      const text = attributeText(one);
      if (text !== null) attributes.set(key, text);
    }
  }
  return attributes;
}
