/**
 * Distinguished names as proxies write them. Only strings that have one meaning are read: what a looser reader would make
 * of the rest is what somebody with a strange certificate would like to be.
 */

/** One attribute: its type as written, and its value with the escapes taken away. */
export interface NameAttribute {
  readonly type: string;
  readonly value: string;
}

const TYPE = /^(?:[A-Za-z][A-Za-z0-9-]*|(?:OID\.)?[0-9]+(?:\.[0-9]+)+)$/;
const HEX_PAIR = /^[0-9A-Fa-f]{2}$/;
/** RFC 4514 section 3: what may stand behind a backslash as itself. */
const ESCAPABLE = ' "#+,;<=>\\';
const UTF8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** The types that mean a common name (X.520: id-at-commonName). */
const COMMON_NAME: ReadonlySet<string> = new Set(["cn", "commonname", "2.5.4.3", "oid.2.5.4.3"]);

/** The common names among the attributes, in the order of the text. */
export function commonNames(attributes: readonly NameAttribute[]): string[] {
  return attributes.filter(({ type }) => COMMON_NAME.has(type.toLowerCase())).map(({ value }) => value);
}

/**
 * Reads a name as RFC 4514 writes it, `CN=dev-1,O=Plant`, with spaces behind commas allowed, or as OpenSSL's one-line form,
 * `/O=Plant/CN=dev-1`. Null for everything else, values in hexadecimal (`CN=#0c05…`) included.
 */
export function parseDistinguishedName(text: string): readonly NameAttribute[] | null {
  return text.startsWith("/") ? parseOneLine(text) : parseRfc4514(text);
}

/**
 * OpenSSL's form escapes neither slashes nor anything else that one could tell apart, so a value may hold no slash and no
 * backslash: `/O=x/CN=admin` may be one organisation with a strange name. A second common name, which is what such a
 * name adds to one that has its own, is refused by whoever asks for the one.
 */
function parseOneLine(text: string): readonly NameAttribute[] | null {
  const attributes: NameAttribute[] = [];
  for (const part of text.slice(1).split("/")) {
    const equals = part.indexOf("=");
    const type = part.slice(0, equals);
    const value = part.slice(equals + 1);
    if (equals < 0 || !TYPE.test(type) || value.includes("\\")) return null;
    attributes.push({ type, value });
  }
  return attributes;
}

function parseRfc4514(text: string): readonly NameAttribute[] | null {
  const attributes: NameAttribute[] = [];
  let at = 0;
  for (;;) {
    while (attributes.length > 0 && text[at] === " ") at++;
    const equals = text.indexOf("=", at);
    const type = text.slice(at, equals);
    if (equals < 0 || !TYPE.test(type)) return null;
    const read = readValue(text, equals + 1);
    if (read === null) return null;
    attributes.push({ type, value: read.value });
    if (read.end === text.length) return attributes;
    at = read.end + 1;
  }
}

/** A value up to a comma, a plus sign or the end. */
function readValue(text: string, start: number): { readonly value: string; readonly end: number } | null {
  // A space or "#" at the beginning and a space at the end have to be escaped; "#" begins hexadecimal.
  if (text[start] === " " || text[start] === "#") return null;
  let value = "";
  let at = start;
  let endsInSpace = false;
  while (at < text.length) {
    const character = text[at] as string;
    if (character === "," || character === "+") break;
    if ('";<>\0'.includes(character)) return null;
    if (character !== "\\") {
      value += character;
      endsInSpace = character === " ";
      at++;
      continue;
    }
    const escape = readEscape(text, at);
    if (escape === null) return null;
    value += escape.value;
    endsInSpace = false;
    at = escape.end;
  }
  return endsInSpace ? null : { value, end: at };
}

/** What a backslash begins: a special character, or the UTF-8 bytes of others in hexadecimal. */
function readEscape(text: string, start: number): { readonly value: string; readonly end: number } | null {
  const next = text[start + 1];
  if (next === undefined) return null;
  if (ESCAPABLE.includes(next)) return { value: next, end: start + 2 };
  const bytes: number[] = [];
  let at = start;
  while (text[at] === "\\" && HEX_PAIR.test(text.slice(at + 1, at + 3))) {
    bytes.push(Number.parseInt(text.slice(at + 1, at + 3), 16));
    at += 3;
  }
  if (bytes.length === 0) return null;
  try {
    return { value: UTF8.decode(Uint8Array.from(bytes)), end: at };
  } catch {
    return null;
  }
}
