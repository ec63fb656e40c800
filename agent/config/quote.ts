const MAX_QUOTED = 64;
// Control characters beyond those that JSON escapes, and those that turn the direction of what follows: a name must not
// be able to rewrite the line of a log or a terminal that it is shown in.
const UNSEEN = /[\u007f-\u009f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]/g;

/** A value in double quotes for a message, cut and with nothing unseen in it. */
export function quote(value: string): string {
  return quoteWhole(value.length > MAX_QUOTED ? `${value.slice(0, MAX_QUOTED - 1)}…` : value);
}

/** The same without the cut: a path is of no use in part. */
export function quoteWhole(value: string): string {
  return JSON.stringify(value).replace(UNSEEN, (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, "0")}`);
}
