/** What stands in a line of the log, as text that is safe to look at: bounded, without secrets, without control characters. */

/** Characters of a field's name, or of a text in its value. */
export const MAX_FIELD_CHARS = 256;
/** Values in one line, nested ones included: with the cut of each this bounds the line. */
export const MAX_VALUES = 64;

const PLAIN_TEXT = /^[\x20-\x7e]*$/;
/** What a human line can show without quotes and still be read back. */
const PLAIN_WORD = /^[\x21\x23-\x3c\x3e-\x5b\x5d-\x7e]+$/;
/** Controls (ANSI begins with one), format characters (bidi, zero width, tags), line separators, lone surrogates. */
const UNSAFE = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/gu;

const SECRET_WORDS: ReadonlySet<string> = new Set([
  "password",
  "passwords",
  "passwd",
  "passphrase",
  "secret",
  "secrets",
  "token",
  "authorization",
  "cookie",
  "cookies",
  "credential",
  "credentials",
]);
const REDACTED = "[redacted]";

/** JSON text of a field's value, or "" for one that is left out. Strings cut, secrets replaced, cycles ended by the budget. */
export function jsonValue(name: string, value: unknown, budget: { values: number }): string {
  if (value === undefined) return "";
  if (isSecret(name)) return `"${REDACTED}"`;
  if (budget.values-- <= 0) return "";
  switch (typeof value) {
    case "string":
      return quoted(cut(value, MAX_FIELD_CHARS));
    case "number":
      return Number.isFinite(value) ? String(value) : `"${value}"`;
    case "boolean":
      return String(value);
    case "bigint":
      return quoted(cut(String(value), MAX_FIELD_CHARS));
    case "object":
      return value === null ? "null" : jsonObject(name, value, budget);
    default:
      return `"[${typeof value}]"`;
  }
}

function jsonObject(name: string, value: object, budget: { values: number }): string {
  if (value instanceof Error) return quoted(cut(`${value.name}: ${value.message}`, MAX_FIELD_CHARS));
  if (value instanceof Date) return quoted(Number.isNaN(value.getTime()) ? "Invalid Date" : value.toISOString());
  // Bytes are payloads and credentials more often than not; their number says enough.
  if (ArrayBuffer.isView(value)) return `"[${value.byteLength} bytes]"`;
  if (Array.isArray(value)) {
    let list = "";
    for (const item of value) {
      if (budget.values <= 0) break;
      const text = jsonValue(name, item ?? null, budget);
      list += list === "" ? text : `,${text}`;
    }
    return `[${list}]`;
  }
  let members = "";
  for (const [key, member] of Object.entries(value)) {
    if (budget.values <= 0) break;
    const text = jsonValue(key, member, budget);
    if (text === "") continue;
    members += `${members === "" ? "" : ","}${quoted(cut(key, MAX_FIELD_CHARS))}:${text}`;
  }
  return `{${members}}`;
}

/** A field may not stand for the line's own keys: of two equal keys in a JSON object readers take the last. */
export function fieldName(name: string): string {
  return name === "time" || name === "level" || name === "message" ? `${name}_` : name;
}

/** Whether one of the words in `clientToken`, `set-cookie`, `db_password` names a secret. `tokens`, a number, does not. */
function isSecret(name: string): boolean {
  let secret = secretNames.get(name);
  if (secret === undefined) {
    const words = name.replace(/([a-z0-9])([A-Z])/g, "$1 $2").toLowerCase().split(/[^a-z0-9]+/);
    secret = words.some((word) => SECRET_WORDS.has(word));
    if (secretNames.size < 1024) secretNames.set(name, secret);
  }
  return secret;
}

/** Field names are few, but nested ones may come from clients: full, it is not added to. */
const secretNames = new Map<string, boolean>();

/** At most so many characters, with `…` behind them where there were more. */
export function cut(text: string, maxChars: number): string {
  if (text.length <= maxChars) return text;
  // Half a surrogate pair would be shown as a code that nobody sent.
  const end = isHighSurrogate(text.charCodeAt(maxChars - 1)) ? maxChars - 1 : maxChars;
  return text.slice(0, end) + "…";
}

function isHighSurrogate(unit: number): boolean {
  return unit >= 0xd800 && unit <= 0xdbff;
}

/** A JSON string in which nothing can move a cursor, turn text round or end a line. */
export function quoted(text: string): string {
  const json = JSON.stringify(text);
  return PLAIN_TEXT.test(json) ? json : json.replace(UNSAFE, codes);
}

/** The same for text without quotes. */
export function visible(text: string): string {
  return PLAIN_TEXT.test(text) ? text : text.replace(UNSAFE, codes);
}

function codes(character: string): string {
  let text = "";
  for (let i = 0; i < character.length; i++) text += `\\u${character.charCodeAt(i).toString(16).padStart(4, "0")}`;
  return text;
}

/** The name of a field in a line for people: quoted where it could be read as more than a name. */
export function fieldWord(name: string): string {
  return PLAIN_WORD.test(name) ? name : quoted(name);
}

/** JSON text of a value in a line for people: a plain word goes without its quotes. */
export function unquotedIfPlain(json: string): string {
  if (!json.startsWith('"')) return json;
  const inner = json.slice(1, -1);
  return PLAIN_WORD.test(inner) ? inner : json;
}
