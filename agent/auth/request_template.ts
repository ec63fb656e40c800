/**
 * The request that a backend is asked with, made of the configuration and of what a client sent. Whatever stands in a
 * client id, it stays one value in one place: in JSON a string, in a query one parameter, in a path one segment.
 */
import { isJsonObject } from "./strict_json.ts";

/** What a client shows of itself; null for what it has not. */
export interface RequestValues {
  readonly clientid: string;
  readonly username: string | null;
  readonly password: string | null;
  readonly ip: string | null;
  readonly protocol: string;
}

export type Placeholder = keyof RequestValues;

/** As `${clientid}` in a template. */
const PLACEHOLDER = /\$\{(clientid|username|password|ip|protocol)\}/g;
const ONE_PLACEHOLDER = /^\$\{(clientid|username|password|ip|protocol)\}$/;

/** What is sent where the configuration has no body: as EMQX names it. */
export const DEFAULT_BODY = {
  clientid: "${clientid}",
  username: "${username}",
  password: "${password}",
  ip: "${ip}",
  protocol: "${protocol}",
} as const;

/** Which placeholders a template holds, in keys too (where they stay as they are). */
export function placeholdersIn(template: unknown): Set<Placeholder> {
  const found = new Set<Placeholder>();
  for (const [, name] of JSON.stringify(template ?? null).matchAll(PLACEHOLDER)) found.add(name as Placeholder);
  return found;
}

/**
 * A JSON template filled in. A text that is one placeholder and nothing else becomes null where the client has no such
 * value; within other text it becomes nothing. Keys stay as they are.
 */
export function fillJson(template: unknown, values: RequestValues): unknown {
  if (typeof template === "string") return fillText(template, values);
  if (Array.isArray(template)) return template.map((item) => fillJson(item, values));
  if (!isJsonObject(template)) return template;
  const filled: Record<string, unknown> = Object.create(null);
  for (const [key, value] of Object.entries(template)) filled[key] = fillJson(value, values);
  return filled;
}

function fillText(template: string, values: RequestValues): string | null {
  const only = ONE_PLACEHOLDER.exec(template)?.[1];
  if (only !== undefined) return values[only as Placeholder];
  return template.replace(PLACEHOLDER, (_all, name: Placeholder) => values[name] ?? "");
}

/**
 * Parameters of a form or a query, of a template that is an object of scalars (`templateFault` sees to that). Null ones are
 * left out: an empty password is another thing than none, and to some directories a reason to let everybody in.
 */
export function fillForm(template: unknown, values: RequestValues): URLSearchParams {
  const parameters = new URLSearchParams();
  const filled = fillJson(template, values);
  if (!isJsonObject(filled)) return parameters;
  for (const [key, value] of Object.entries(filled)) if (value !== null) parameters.append(key, String(value));
  return parameters;
}

/** Why a template can not be a form or a query, or null. */
export function formFault(template: unknown): string | null {
  if (!isJsonObject(template)) return "it must be an object for a form or a query";
  const nested = Object.values(template).some((value) => typeof value === "object" && value !== null);
  return nested ? "a form or a query can hold texts, numbers and booleans only" : null;
}

/** An address in pieces: what is fixed, and what is filled in. */
export interface UrlTemplate {
  /** Scheme, host and port: fixed. */
  readonly origin: string;
  /** User and password in the address, as a header. */
  readonly authorization: string | null;
  readonly segments: readonly string[];
  readonly query: readonly (readonly [name: string, value: string])[];
}

/**
 * Reads an address with placeholders in its path and query, or says what is wrong with it. Nobody chooses the host that is
 * asked: a placeholder there is refused.
 */
export function readUrlTemplate(text: string): UrlTemplate | { readonly fault: string } {
  const url = URL.parse(text);
  if (url === null || !/^https?:$/.test(url.protocol)) return { fault: "it is no http or https address" };
  const rest = /^[a-z]+:\/\/([^/?#]*)([^?#]*)(?:\?([^#]*))?/i.exec(text);
  if (rest === null) return { fault: "it is no http or https address" };
  const [, authority = "", path = "", query = ""] = rest;
  if (/[${}]/.test(authority)) return { fault: "a placeholder can not stand for its host" };
  const authorization = basic(url);
  if (authorization === undefined) return { fault: "its user name or password is not percent-encoded rightly" };
  return {
    origin: url.origin,
    authorization,
    segments: (path === "" ? "/" : path).slice(1).split("/"),
    query: [...new URLSearchParams(query)],
  };
}

/** RFC 7617; null where the address has neither, undefined where they can not be read. */
function basic({ username, password }: URL): string | null | undefined {
  if (username === "" && password === "") return null;
  try {
    const bytes = new TextEncoder().encode(`${decodeURIComponent(username)}:${decodeURIComponent(password)}`);
    return `Basic ${btoa(String.fromCharCode(...bytes))}`;
  } catch {
    return undefined;
  }
}

/** `.` or `..` where it would be a segment. */
const STEP = /(?:^|[\\/])\.{1,2}(?:$|[\\/])/;

/** Which placeholders an address holds. */
export function placeholdersInUrl({ segments, query }: UrlTemplate): Set<Placeholder> {
  return placeholdersIn([...segments, ...query.flat()]);
}

/**
 * The address filled in, or null where a value can not be a segment of a path. Percent-encoding is not enough against
 * `../admin?x=` (bypass class B120): servers that undo it before they look at the path see the `..` and leave the folder,
 * so values with such a step in them are refused, as are empty ones.
 */
export function fillUrl(template: UrlTemplate, values: RequestValues, more: URLSearchParams): URL | null {
  const segments: string[] = [];
  for (const segment of template.segments) {
    if (!segment.includes("${")) {
      segments.push(segment);
      continue;
    }
    const filled = fillText(segment, values);
    if (filled === null || filled === "" || STEP.test(filled)) return null;
    segments.push(encodeURIComponent(filled.toWellFormed()));
  }
  const query = new URLSearchParams();
  for (const [name, value] of template.query) query.append(name, fillText(value, values) ?? "");
  for (const [name, value] of more) query.append(name, value);
  const search = query.size === 0 ? "" : `?${query}`;
  return new URL(`${template.origin}/${segments.join("/")}${search}`);
}
