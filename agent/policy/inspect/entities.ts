/**
 * Named character references of HTML that stand for ASCII, white space or nothing (HTML Standard, section 13.5), lower
 * case: browsers take most of them in one case only, other readers in any.
 */
const NAMES: Readonly<Record<string, number>> = {
  lt: 0x3c,
  gt: 0x3e,
  amp: 0x26,
  quot: 0x22,
  apos: 0x27,
  nbsp: 0x20,
  tab: 0x09,
  newline: 0x0a,
  excl: 0x21,
  num: 0x23,
  dollar: 0x24,
  percnt: 0x25,
  lpar: 0x28,
  rpar: 0x29,
  ast: 0x2a,
  midast: 0x2a,
  plus: 0x2b,
  comma: 0x2c,
  period: 0x2e,
  sol: 0x2f,
  colon: 0x3a,
  semi: 0x3b,
  equals: 0x3d,
  quest: 0x3f,
  commat: 0x40,
  lsqb: 0x5b,
  lbrack: 0x5b,
  bsol: 0x5c,
  rsqb: 0x5d,
  rbrack: 0x5d,
  hat: 0x5e,
  lowbar: 0x5f,
  underbar: 0x5f,
  grave: 0x60,
  diacriticalgrave: 0x60,
  lcub: 0x7b,
  lbrace: 0x7b,
  verbar: 0x7c,
  vert: 0x7c,
  verticalline: 0x7c,
  rcub: 0x7d,
  rbrace: 0x7d,
  hyphen: 0x2d,
  dash: 0x2d,
  minus: 0x2d,
  lsquo: 0x27,
  rsquo: 0x27,
  prime: 0x27,
  ldquo: 0x22,
  rdquo: 0x22,
  ensp: 0x20,
  emsp: 0x20,
  thinsp: 0x20,
  fjlig: 0x66,
};

/** Those that browsers take without the semicolon as well. */
const LEGACY = new Set(["lt", "gt", "amp", "quot", "nbsp"]);

interface Node {
  readonly next: Map<number, Node>;
  byte: number;
  legacy: boolean;
}

const root: Node = { next: new Map(), byte: -1, legacy: false };
for (const [name, byte] of Object.entries(NAMES)) {
  let node = root;
  for (const letter of new TextEncoder().encode(name)) {
    let next = node.next.get(letter);
    if (next === undefined) node.next.set(letter, next = { next: new Map(), byte: -1, legacy: false });
    node = next;
  }
  node.byte = byte;
  node.legacy = LEGACY.has(name);
}

/** Where the reference that was found last ends. */
export let entityEnd = 0;

/**
 * The byte that the named reference whose name begins at `at` stands for, or -1; where it ends is then in `entityEnd`.
 * O(longest name).
 */
export function namedEntity(bytes: Uint8Array, at: number, end: number): number {
  let node = root;
  let byte = -1;
  for (let i = at; i < end; i++) {
    const letter = bytes[i] as number;
    if (letter === 0x3b) {
      if (node.byte >= 0) {
        entityEnd = i + 1;
        return node.byte;
      }
      break;
    }
    const next = node.next.get(letter >= 0x41 && letter <= 0x5a ? letter | 0x20 : letter);
    if (next === undefined) break;
    node = next;
    if (node.legacy) {
      byte = node.byte;
      entityEnd = i + 1;
    }
  }
  return byte;
}
