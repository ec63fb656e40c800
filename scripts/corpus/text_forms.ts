import { Buffer } from "node:buffer";

const encoder = new TextEncoder();

/** Each UTF-16 unit as `\uXXXX`, or only those that `which` matches. */
export function jsonEscaped(text: string, which = /[^]/g): string {
  return text.replace(which, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`);
}

/** Each byte as `%XX`, or only those of characters that `which` matches. */
export function percentEncoded(text: string, which = /[^]/gu): string {
  return text.replace(which, (character) => [...encoder.encode(character)].map((byte) => `%${hexOf(byte)}`).join(""));
}

/** Each UTF-16 unit as `%uXXXX`, as `escape()` of old browsers and IIS have it. */
export function percentUnicode(text: string): string {
  return jsonEscaped(text).replaceAll("\\", "%");
}

/** Each character as a reference to its number: `before`, the number of `base`, `after`. */
export function htmlReferences(text: string, before: string, base: 10 | 16, after: string): string {
  return [...text].map((character) => before + (character.codePointAt(0) as number).toString(base) + after).join("");
}

const NAMED: Readonly<Record<string, string>> = {
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&apos;",
  ";": "&semi;",
  "/": "&sol;",
  "\\": "&bsol;",
  "=": "&equals;",
  "(": "&lpar;",
  ")": "&rpar;",
  ".": "&period;",
  "|": "&vert;",
  "$": "&dollar;",
};

/** What has a name in HTML by its name. */
export function htmlNamed(text: string): string {
  return text.replace(/[^]/gu, (character) => NAMED[character] ?? character);
}

/** Printable ASCII in its full width forms. */
export function fullWidth(text: string, which = /[!-~]/g): string {
  return text.replace(which, (character) => String.fromCharCode(character.charCodeAt(0) + 0xfee0));
}

/** Letters in the bold forms for mathematics. */
export function mathematical(text: string): string {
  return text.replace(/[A-Za-z]/g, (letter) => {
    const code = letter.charCodeAt(0);
    return String.fromCodePoint(code < 0x61 ? 0x1d400 + code - 0x41 : 0x1d41a + code - 0x61);
  });
}

/** A character put into the middle of every word of three letters and more. */
export function broken(text: string, by: string): string {
  return text.replace(/[A-Za-z]{3,}/g, (word) => word.slice(0, 2) + by + word.slice(2));
}

/** UTF-16 without a byte order mark. */
export function utf16(text: string, order: "LE" | "BE"): Uint8Array {
  const bytes = Buffer.from(text, "utf16le");
  return new Uint8Array(order === "LE" ? bytes : bytes.swap16());
}

/** Base64 of bytes or of a text's UTF-8. */
export function base64(content: string | Uint8Array, alphabet: "base64" | "base64url" = "base64"): string {
  return Buffer.from(content as string).toString(alphabet);
}

/** Hexadecimal digits of bytes or of a text's UTF-8. */
export function hexadecimal(content: string | Uint8Array): string {
  return Buffer.from(content as string).toString("hex");
}

/** Lines of so many characters. */
export function wrapped(text: string, width: number, lineEnd: string): string {
  return (text.match(new RegExp(`.{1,${width}}`, "g")) ?? []).join(lineEnd);
}

function hexOf(byte: number): string {
  return byte.toString(16).padStart(2, "0");
}
