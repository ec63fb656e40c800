import { type Placeholders, type Shape, text, type TextForm } from "../shape.ts";

const NO_NUL = "^[^\\u0000]*$";
const MQTT_TEXT: TextForm = { name: "MQTT text", words: "a text without U+0000", pattern: NO_NUL };
const FILTER: TextForm = { name: "topic filter", words: "a topic filter", pattern: NO_NUL };

/** A user name, client id or topic: an MQTT string (section 1.5.4 of MQTT 5.0). */
export function mqttText(): Shape<string> {
  return text({
    check: (value) => value.includes("\0") ? "a text without the character U+0000" : null,
    form: MQTT_TEXT,
  });
}

/** An MQTT topic filter; what stands where in it is for the compiler of the rules to judge. */
export function filter({ placeholders }: { placeholders?: Placeholders } = {}): Shape<string> {
  return text({
    ...(placeholders === undefined ? {} : { placeholders }),
    check: (value) => value.includes("\0") ? "a topic filter without the character U+0000" : null,
    form: FILTER,
  });
}

const DATE = /^\d{4}-\d{2}-\d{2}(?:T\d{2}:\d{2}(?::\d{2}(?:\.\d{1,9})?)?(?:Z|[+-]\d{2}:\d{2}))?$/;

const ISO_DATE: TextForm = {
  name: "date",
  words: "a date like 2027-01-31 or 2027-01-31T12:00:00Z",
  pattern: DATE.source,
};

/** ISO 8601: a date, or a date and time with its zone. A time without zone would mean another moment on each machine. */
export function date(): Shape<string> {
  return text({ check: (value) => isDate(value) ? null : ISO_DATE.words, form: ISO_DATE });
}

function isDate(value: string): boolean {
  if (!DATE.test(value) || Number.isNaN(Date.parse(value))) return false;
  // Date takes the 31st of February for the 3rd of March.
  const day = value.slice(0, 10);
  return new Date(`${day}T00:00:00Z`).toISOString().startsWith(day);
}

/** `URL` takes white space off and the scheme in any case. */
const ADDRESS: TextForm = {
  name: "address",
  words: "an http or https address",
  pattern: "^\\s*[Hh][Tt][Tt][Pp][Ss]?:",
};

/** An absolute http or https address. It may hold a password, so it is in no message. */
export function url({ placeholders = null }: { placeholders?: "request" | null } = {}): Shape<string> {
  return text({
    secret: true,
    ...(placeholders === null ? {} : { placeholders }),
    check: (value) => URL.canParse(value) && /^https?:$/.test(new URL(value).protocol) ? null : ADDRESS.words,
    form: ADDRESS,
  });
}
