import { quote } from "./quote.ts";

/** Keys and places in lists, outermost first: `["acl", "rules", 3, "topics", 1]`. */
export type Path = readonly (string | number)[];

/** Where a value was written. */
export interface Place {
  /** As it is named in messages: `"acl.json"`, `the proxy's push`, `the defaults`. */
  readonly source: string;
  /** Path of the file, where it is one. */
  readonly file?: string;
  /** Counted from 1; absent where there is no text. */
  readonly line?: number;
  /** Counted from 1, in UTF-16 code units as editors count them. */
  readonly column?: number;
}

/** What a check of the effective configuration says of a value: its path there, and what is wrong with it. */
export interface Fault {
  readonly path: Path;
  readonly message: string;
}

export type ProblemKind = "read" | "syntax" | "key" | "value" | "environment" | "not-yet" | "check";

/** One thing that is wrong with a configuration. No message holds a value of the environment or of a secret key. */
export interface Problem {
  readonly kind: ProblemKind;
  readonly place: Place;
  /** As `place.source` would write it in our spelling. */
  readonly path: Path;
  /** What is wrong, without its place: `unknown key "max_qoss" (did you mean "max-qos"?)`. */
  readonly text: string;
  /** All of it: `Cannot load "acl.json": line 14, column 7: acl.rules[0]: unknown key "max_qoss" (did you mean "max-qos"?)`. */
  readonly message: string;
}

export function problem(kind: ProblemKind, place: Place, path: Path, text: string): Problem {
  const where = place.line === undefined ? "" : `line ${place.line}, column ${place.column ?? 1}: `;
  const what = path.length === 0 ? "" : `${formatPath(path)}: `;
  return { kind, place, path, text, message: `Cannot load ${place.source}: ${where}${what}${text}` };
}

const PLAIN_KEY = /^[A-Za-z_][A-Za-z0-9_-]*$/;

/** `acl.rules[3].topics[1]`, and `acl.groups["night shift"]` where a key is no plain word. */
export function formatPath(path: Path): string {
  let formatted = "";
  for (const part of path) {
    if (typeof part === "number") formatted += `[${part}]`;
    else if (!PLAIN_KEY.test(part)) formatted += `[${quote(part)}]`;
    else formatted += formatted === "" ? part : `.${part}`;
  }
  return formatted;
}
