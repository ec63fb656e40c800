/**
 * What patterns have in common that differ only in plain letters and digits: `sensor-17-(a|b)` and `sensor-42-(a|b)`. They
 * compile alike, to programs of about the same size. Null where that is not sure.
 *
 * Alternatives are why it is cautious: `a1|a2` is made smaller by what its branches have in common, so the letters in and
 * behind them count; and `(?i)` and `\\Q` change what letters are.
 */
export function patternShape(pattern: string): string | null {
  const end = pattern.includes("|") ? plainLength(pattern) : pattern.length;
  let shape = "";
  let at = 0;
  while (at < end) {
    const character = pattern.charAt(at);
    if (isPlain(character)) {
      shape += "x";
      at++;
      continue;
    }
    const length = syntaxLength(pattern, at);
    if (length === 0) return null;
    shape += pattern.slice(at, at + length);
    at += length;
  }
  return shape + pattern.slice(end);
}

/**
 * Length of the text that a pattern with alternatives begins with, without the character that a quantifier may belong to;
 * 0 where a branch begins with it, which has its beginning in common with others or has not.
 */
function plainLength(pattern: string): number {
  const length = pattern.search(/[\\^$.|?*+()[\]{}]/);
  return hasTopLevelAlternative(pattern) ? 0 : Math.max(0, length - 1);
}

function hasTopLevelAlternative(pattern: string): boolean {
  if (/[[\\]/.test(pattern)) {
    // Brackets and escapes may hide parentheses; only their plain forms are followed.
    pattern = pattern.replace(/\\[^A-Za-z0-9]|\\[dDwWsS]|\[[^\]\\[]+\]/g, "");
    if (/[[\\]/.test(pattern)) return true;
  }
  let depth = 0;
  for (const character of pattern) {
    if (character === "(") depth++;
    else if (character === ")") depth--;
    else if (character === "|" && depth === 0) return true;
  }
  return false;
}

/** Syntax that means the same whatever plain characters stand beside it. */
const SYNTAX =
  /\\[^A-Za-z0-9]|\\[dDwWsS]|\[[^\]\\[]+\]|\{[0-9,]+\}|\(\?:|\((?!\?)|[)^$.?*+]|[^\\[\](){}|^$.?*+A-Za-z0-9]/uy;

/** Length of what stands at a place and is no plain character; 0 where it is not understood. */
function syntaxLength(pattern: string, at: number): number {
  SYNTAX.lastIndex = at;
  return SYNTAX.test(pattern) ? SYNTAX.lastIndex - at : 0;
}

function isPlain(character: string): boolean {
  const code = character.charCodeAt(0);
  return (code >= 0x61 && code <= 0x7a) || (code >= 0x30 && code <= 0x39) || (code >= 0x41 && code <= 0x5a);
}
