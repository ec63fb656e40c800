/** Controls end lines in logs and terminals, and C stops at U+0000: `admin\0.evil` would be `admin` to the system behind. */
const UNUSABLE = /[\p{Cc}\p{Noncharacter_Code_Point}]/u;

/** What MQTT can carry as a user name (section 1.5.4 of MQTT 5.0), in UTF-8 bytes. */
const MAX_NAME_BYTES = 65_535;

/**
 * Whether a text from a proof (a claim, a certificate's subject) can be the name of somebody: neither empty nor longer than
 * an MQTT string, without control characters, non-characters and lone surrogates. Case and white space are left as they
 * are: names are compared exactly.
 */
export function isUsableName(text: string): boolean {
  if (text === "" || text.length > MAX_NAME_BYTES) return false;
  if (text.length * 3 > MAX_NAME_BYTES && new TextEncoder().encode(text).length > MAX_NAME_BYTES) return false;
  return text.isWellFormed() && !UNUSABLE.test(text);
}

/** The text of a claim or field that is a scalar, for use as `${attr.NAME}` in rules; null for what can be none. */
export function attributeText(value: unknown): string | null {
  switch (typeof value) {
    case "string":
      return isUsableName(value) ? value : null;
    case "boolean":
      return String(value);
    case "number":
      // Past 2^53 two numbers have one text.
      return Math.abs(value) <= Number.MAX_SAFE_INTEGER ? String(value) : null;
    default:
      return null;
  }
}
