import type { Pattern } from "../pattern.ts";
import { BOUND, type Tokens, WORD } from "../tokens.ts";

const OPEN = 0x28, CLOSE = 0x29, EQUALS = 0x3d, PIPE = 0x7c, AMPERSAND = 0x26;

/** A parenthesis that this text has not opened, and a filter of LDAP behind it: `*)(uid=*`, `)(&(a=b`, `*)(|(a=*`. */
function isLdapFilter(t: Tokens, i: number): boolean {
  if (t.kind[i + 1] !== OPEN || !t.glued(i + 1)) return false;
  let depth = 0;
  for (let at = i; at > i - 24; at--) {
    const kind = t.kind[at] as number;
    if (kind === CLOSE) depth++;
    else if (kind === OPEN && --depth === 0) return false;
    else if (kind === BOUND) break;
  }
  const next = t.kind[i + 2] as number;
  if (next === PIPE || next === AMPERSAND || next === 0x21) {
    return t.kind[i + 3] === OPEN || (t.kind[i + 3] === CLOSE && t.glued(i + 3)) || t.kind[i + 3] === BOUND;
  }
  return next === WORD && t.kind[i + 3] === EQUALS && (t.kind[i - 1] === 0x2a || t.kind[i + 4] === 0x2a);
}

/** Filters of LDAP. */
export const LDAP = {
  filter: {
    name: "ldap-filter",
    category: "sqli",
    severity: "medium",
    catches: "A filter of LDAP behind a parenthesis that the text has not opened",
    example: "x*)(objectClass=*",
    nearMiss: "f(a)(b = 1) (char*)(&x) (|(uid=a)(cn=*))",
    weak: true,
    at: [")("],
    test: isLdapFilter,
  },
} as const satisfies Readonly<Record<string, Pattern>>;
