/**
 * Whether a pattern (RE2 syntax, valid) only fits whole texts: each of its alternatives begins with `^` or `\A` and ends
 * with `$` or `\z`. Patterns in which `^` and `$` mean lines are not taken for such. O(length × depth of groups).
 */
export function isAnchored(pattern: string): boolean {
  // With the flag m a text of two lines needs to fit with only one of them.
  if (/\(\?[a-zA-Z]*m/.test(pattern)) return false;
  return isAnchoredAt(pattern, "start") && isAnchoredAt(pattern, "end");
}

function isAnchoredAt(pattern: string, side: "start" | "end"): boolean {
  return alternativesOf(pattern).every((all) => {
    const parts = all.filter((part) => !isFlags(part));
    const part = side === "start" ? parts[0] : parts.at(-1);
    if (part === undefined) return false;
    // What may be left out holds nothing.
    if (side === "start" && /^[?*{]/.test(parts[1] ?? "")) return false;
    if (side === "start" ? part === "^" || part === "\\A" : part === "$" || part === "\\z") return true;
    return part.startsWith("(") && part.endsWith(")") && isAnchoredAt(insideOf(part), side);
  });
}

/** `(?i)`: flags from here on. */
function isFlags(part: string): boolean {
  return /^\(\?[a-zA-Z-]*\)$/.test(part);
}

/** A group without its parentheses, name and flags. */
function insideOf(group: string): string {
  return group.slice(1, -1).replace(/^\?(?:P?<[^>]*>|[a-zA-Z-]*:)/, "");
}

/** The alternatives outside of groups, each as its parts: an escape, a class, a group, or one character. */
function alternativesOf(pattern: string): string[][] {
  let parts: string[] = [];
  const alternatives = [parts];
  let at = 0;
  while (at < pattern.length) {
    const end = partEnd(pattern, at);
    const part = pattern.slice(at, end);
    if (part === "|") alternatives.push(parts = []);
    else parts.push(part);
    at = end;
  }
  return alternatives;
}

function partEnd(pattern: string, at: number): number {
  switch (pattern.charAt(at)) {
    case "\\": {
      if (pattern.charAt(at + 1) !== "Q") return at + 2;
      const end = pattern.indexOf("\\E", at);
      return end < 0 ? pattern.length : end + 2;
    }
    case "[":
      return classEnd(pattern, at);
    case "(":
      return groupEnd(pattern, at);
    default:
      return at + 1;
  }
}

/** `[]a]` and `[^]a]` begin with a bracket that is one of theirs; `[[:alpha:]]` has a class in it. */
function classEnd(pattern: string, start: number): number {
  let at = start + 1;
  if (pattern.charAt(at) === "^") at++;
  if (pattern.charAt(at) === "]") at++;
  while (at < pattern.length && pattern.charAt(at) !== "]") {
    if (pattern.startsWith("[:", at)) {
      const end = pattern.indexOf(":]", at);
      at = end < 0 ? at + 1 : end + 2;
    } else at += pattern.charAt(at) === "\\" ? 2 : 1;
  }
  return at + 1;
}

function groupEnd(pattern: string, start: number): number {
  let at = start + 1;
  while (at < pattern.length && pattern.charAt(at) !== ")") at = partEnd(pattern, at);
  return at + 1;
}
