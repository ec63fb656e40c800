import { EVENT_WORD, WORD_TEXT } from "./keywords.ts";
import type { Pattern } from "./pattern.ts";

/**
 * One pass over the bytes of a text that says whether any pattern can be in it at all, and what there is to decode. Most
 * texts of devices have neither, and cost nothing more.
 */

/** What is in a text, as bits. `TRIGGER`: a pattern may be in it, so it must be cut into tokens. */
export const TRIGGER = 1;
/** A word that counts only with a separator; a separator; a word that counts only with markup; markup. */
const COMMAND_WORD = 2, SEPARATOR = 4, EVENT = 8, MARKUP = 16;
/** `"`, which in a JSON document is no more than where a string ends. */
export const DOUBLE_QUOTE = 32;
/**
 * What decoders look for: `%` before a digit or `u`; `&` before `#` or a letter; `\`; beyond ASCII; control characters and NUL;
 * `=` before a digit, and `+` before an `a`, as mail has them; `+`.
 */
export const HAS_PERCENT = 64,
  HAS_ENTITY = 128,
  HAS_BACKSLASH = 256,
  HAS_HIGH = 512,
  HAS_CONTROL = 1024,
  HAS_MAIL = 2048,
  HAS_PLUS = 4096;
/** What SQL comments, or a shell's quoting, may be written with; but for `"` and `+`. */
export const HAS_TRICK = 8192;

/** A state number takes the low bits of a table entry, times the number of classes; flags the rest. */
export const FLAG_SHIFT = 18;
export const STATE_MASK = (1 << FLAG_SHIFT) - 1;
// V8 takes a constant that is exported or imported from its module each time, and one that is not for what it is: in a loop
// over bytes that is a fifth of the time.
const MASK = STATE_MASK;
/** As many classes of bytes there may be. */
export const CLASSES = 64;

const LETTER_A = 0,
  DIGIT = 26,
  UNDERSCORE = 27,
  OTHER = 28,
  HIGH = 29,
  CONTROL = 30,
  NUL = 31,
  SPACE = 32,
  NEWLINE = 33;
const PUNCTUATION = "\"'`<>;|&$%\\+.*/{()[:@#-~?!=^";
/** The class of each byte; and where 0xff is a bound, which is not beyond ASCII but nothing. */
export const CLASS: Uint8Array = byteClasses();
export const BOUNDED_CLASS: Uint8Array = CLASS.slice().fill(OTHER, 0xff);
const isWordClass = (byClass: number): boolean => byClass <= UNDERSCORE;

/** Compiled from patterns; see {@link scan}. */
export interface Prefilter {
  readonly table: Int32Array;
  /** Flags of a text that ends in this state, by state times `CLASSES`. */
  readonly final: ReadonlyMap<number, number>;
}

interface Node {
  readonly next: (Node | null)[];
  flags: number;
  /** Flags of a word that only begins like this. */
  prefixFlags: number;
  state: number;
}

/** Compiles the table for these patterns. */
export function compilePrefilter(patterns: readonly Pattern[]): Prefilter {
  const nodes: Node[] = [];
  const makeNode = (): Node => {
    const node = { next: new Array<Node | null>(CLASSES).fill(null), flags: 0, prefixFlags: 0, state: nodes.length };
    nodes.push(node);
    return node;
  };
  const boundary = makeNode();
  const dead = makeNode();
  const digits = makeNode();
  const hex = makeNode();
  const root = makeNode();
  const afterPunctuation = new Map<number, Node>();
  const single = new Int32Array(CLASSES);
  const pairs = new Map<number, number>();
  for (const { at, gate } of patterns) {
    for (const trigger of at) {
      if (typeof trigger === "string") addPunctuation(trigger);
      else if (gate !== "nul") {
        addWord(trigger, gate === "separator" ? COMMAND_WORD : gate === "markup" ? EVENT : TRIGGER);
      }
    }
  }
  for (const character of ";|&`$<>\n") single[classOf(character)]! |= SEPARATOR;
  for (const pair of [" -", " /", " ~", " ."]) pairs.set(pairOf(pair), (pairs.get(pairOf(pair)) ?? 0) | SEPARATOR);
  for (const pair of ["//", "/*", "*/", "--"]) {
    pairs.set(pairOf(pair), (pairs.get(pairOf(pair)) ?? 0) | HAS_TRICK);
  }
  // A brace of a shell's list stands before a word or a path, and one of a document does not.
  for (const second of "abcdefghijklmnopqrstuvwxyz0_/\x80") {
    pairs.set(pairOf("{" + second), (pairs.get(pairOf("{" + second)) ?? 0) | HAS_TRICK);
  }
  for (const character of "#\\'`^$") single[classOf(character)]! |= HAS_TRICK;
  for (const character of "<'`") single[classOf(character)]! |= MARKUP;
  single[classOf('"')]! = DOUBLE_QUOTE;
  single[classOf("\\")]! |= HAS_BACKSLASH;
  single[HIGH] = HAS_HIGH;
  single[CONTROL] = HAS_CONTROL;
  single[NUL] = HAS_CONTROL | TRIGGER;
  single[classOf("+")]! |= HAS_PLUS;
  for (const second of "0123456789abcdefu") {
    pairs.set(pairOf("%" + second), (pairs.get(pairOf("%" + second)) ?? 0) | HAS_PERCENT);
  }
  for (const second of "#abcdefghijklmnopqrstuvwxyz") {
    pairs.set(pairOf("&" + second), (pairs.get(pairOf("&" + second)) ?? 0) | HAS_ENTITY);
  }
  for (const pair of ["=0", "+a"]) pairs.set(pairOf(pair), (pairs.get(pairOf(pair)) ?? 0) | HAS_MAIL);
  for (const pair of pairs.keys()) {
    const first = Math.floor(pair / CLASSES);
    if (!afterPunctuation.has(first)) afterPunctuation.set(first, makeNode());
  }
  // `1e5union` and `0x41union` are a number and a word; see numberEnd() of tokens.ts.
  const exponent = makeNode();
  const hexMark = makeNode();

  function addWord(number: number, flag: number): void {
    if (number === EVENT_WORD) {
      let node = step(step(root, classOf("o")), classOf("n"));
      // Any three letters behind `on`: the last of them is where the flag is, however the word goes on.
      for (let n = 0; n < 3; n++) {
        const next = makeNode();
        for (let c = 0; c <= UNDERSCORE; c++) if (c !== DIGIT) node.next[c] ??= next;
        node = next;
      }
      node.prefixFlags |= flag;
      return;
    }
    let node = root;
    for (const character of WORD_TEXT[number] as string) node = step(node, classOf(character));
    node.flags |= flag;
  }
  function step(node: Node, byClass: number): Node {
    return node.next[byClass] ??= makeNode();
  }
  function addPunctuation(text: string): void {
    if (text.length === 1) single[classOf(text)]! |= text === '"' ? DOUBLE_QUOTE : TRIGGER;
    else pairs.set(pairOf(text), (pairs.get(pairOf(text)) ?? 0) | TRIGGER);
  }

  const table = new Int32Array(nodes.length * CLASSES);
  const final = new Map<number, number>();
  for (const node of nodes) {
    if (node.flags !== 0) final.set(node.state * CLASSES, node.flags);
    const first = [...afterPunctuation].find(([, after]) => after === node)?.[0];
    for (let byClass = 0; byClass < CLASSES; byClass++) {
      let target: Node;
      let flags = 0;
      if (!isWordClass(byClass)) {
        target = afterPunctuation.get(byClass) ?? boundary;
        flags = node.flags | (single[byClass] as number);
      } else if (node === boundary || first !== undefined) {
        target = byClass === DIGIT ? digits : root.next[byClass] ?? dead;
      } else if (node === digits) {
        target = byClass === DIGIT
          ? digits
          : byClass === classOf("e")
          ? exponent
          : byClass === classOf("x")
          ? hexMark
          : root.next[byClass] ?? dead;
      } else if (node === exponent || node === hexMark) {
        const letter = root.next[classOf(node === exponent ? "e" : "x")];
        const isHex = node === hexMark && byClass < classOf("g");
        target = byClass === DIGIT ? node === exponent ? digits : hex : isHex ? hex : letter?.next[byClass] ?? dead;
      } else if (node === hex) target = byClass === DIGIT || byClass < classOf("g") ? hex : root.next[byClass] ?? dead;
      else target = node.next[byClass] ?? dead;
      if (first !== undefined) flags |= pairs.get(first * CLASSES + byClass) ?? 0;
      flags |= target.prefixFlags;
      table[node.state * CLASSES + byClass] = flags << FLAG_SHIFT | target.state * CLASSES;
    }
  }
  if (nodes.length * CLASSES > STATE_MASK) throw new Error("Cannot compile prefilter: too many words");
  return { table, final };
}

/** The state that {@link scanPlain} ended with, and what it saw. */
export let plainState = 0;
export let plainSeen = 0;

/** Goes on over `bytes[start, end)` of a JSON document: false if there is anything that a pattern or a decoder looks at. */
export function scanPlain(
  { table }: Prefilter,
  classes: Uint8Array,
  bytes: Uint8Array,
  start: number,
  end: number,
): boolean {
  let state = plainState;
  let seen = 0;
  for (let at = start; at < end; at++) {
    state = table[(state & MASK) + (classes[bytes[at] as number] as number)] as number;
    seen |= state;
  }
  plainState = state;
  plainSeen |= seen >>> FLAG_SHIFT;
  return isHarmless(plainSeen);
}

/** Alone they are nothing to look at, and words and separators of commands, events and markup only together. */
const HARMLESS = COMMAND_WORD | SEPARATOR | EVENT | MARKUP | DOUBLE_QUOTE;

/** Nothing of a JSON document in which `seen` was is looked at. */
export function isHarmless(seen: number): boolean {
  return (combined(seen, true) & ~HARMLESS) === 0;
}

/** Begins with a text for {@link scanPlain}. */
export function beginPlain(): void {
  plainSeen = plainState = 0;
}

/**
 * What is in `bytes[start, end)`, as bits: `TRIGGER` if a pattern may be in it. In a JSON document double quotes are no
 * trigger. One table look-up per byte (1.5 ns), allocates nothing.
 */
export function scan(prefilter: Prefilter, bytes: Uint8Array, start: number, end: number, isJson: boolean): number {
  const { table } = prefilter;
  const classes = CLASS;
  let state = 0;
  let seen = 0;
  for (let at = start; at < end; at++) {
    state = table[(state & MASK) + (classes[bytes[at] as number] as number)] as number;
    seen |= state;
  }
  return combined(seen >>> FLAG_SHIFT | (prefilter.final.get(state & STATE_MASK) ?? 0), isJson);
}

/** What was seen in a text, and what follows from several things seen together. */
export function combined(seen: number, isJson: boolean): number {
  let flags = seen;
  if ((flags & DOUBLE_QUOTE) !== 0 && !isJson) flags |= TRIGGER | MARKUP;
  if ((flags & (COMMAND_WORD | SEPARATOR)) === (COMMAND_WORD | SEPARATOR)) flags |= TRIGGER;
  if ((flags & (EVENT | MARKUP)) === (EVENT | MARKUP)) flags |= TRIGGER;
  return flags;
}

/** What makes patterns be called for a part of a text in all of which `seen` was: each part was seen for itself. */
export function liveMask(seen: number, isJson: boolean): number {
  const quotes = isJson ? 0 : DOUBLE_QUOTE;
  let live = TRIGGER | quotes;
  if ((seen & SEPARATOR) !== 0) live |= COMMAND_WORD;
  if ((seen & (MARKUP | quotes)) !== 0) live |= EVENT;
  return live;
}

function classOf(character: string): number {
  return CLASS[character.charCodeAt(0)] as number;
}

function pairOf(text: string): number {
  return classOf(text.charAt(0)) * CLASSES + classOf(text.charAt(1));
}

function byteClasses(): Uint8Array {
  const classes = new Uint8Array(256).fill(OTHER);
  for (let byte = 1; byte < 0x20; byte++) classes[byte] = CONTROL;
  classes[0x7f] = CONTROL;
  classes[0] = NUL;
  for (const byte of [0x09, 0x0b, 0x0c, 0x20]) classes[byte] = SPACE;
  classes[0x0a] = classes[0x0d] = NEWLINE;
  classes.fill(HIGH, 0x80);
  for (let letter = 0; letter < 26; letter++) classes[0x41 + letter] = classes[0x61 + letter] = LETTER_A + letter;
  for (let digit = 0; digit < 10; digit++) classes[0x30 + digit] = DIGIT;
  classes[0x5f] = UNDERSCORE;
  [...PUNCTUATION].forEach((character, n) => classes[character.charCodeAt(0)] = NEWLINE + 1 + n);
  return classes;
}
