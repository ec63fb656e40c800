import { word } from "../keywords.ts";
import type { Tokens } from "../tokens.ts";

const CONFIG = word("config"), INF = word("inf"), META = word("meta"), WEB = word("web");
const DOT = 0x2e, SLASH = 0x2f, MINUS = 0x2d;

/** `web.config`, `wp-config.php`. */
export function isSiteConfig(t: Tokens, i: number): boolean {
  return t.glued(i + 1) && t.word[i + 2] === CONFIG && t.kind[i + 1] === (t.word[i] === WEB ? DOT : MINUS);
}

/** `WEB-INF/`, `META-INF/`. */
export function isWebInf(t: Tokens, i: number): boolean {
  return (t.word[i] === WEB || t.word[i] === META) && t.kind[i + 1] === MINUS && t.word[i + 2] === INF &&
    t.kind[i + 3] === SLASH;
}
