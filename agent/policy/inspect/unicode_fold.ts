/**
 * What ASCII a character of Unicode is read as by software that normalises: NFKC (Unicode Standard Annex 15: full-width
 * letters, ligatures, mathematical alphabets, `ſ`), the best fit of Windows code pages for quotes, dashes, slashes and
 * brackets, and letters of other scripts that look like Latin ones. Invisible characters are read as nothing.
 */

/** Not folded. */
export const KEPT = -1;
const INVISIBLE = 0;
const PAGE = 256;

/** By page of 256 characters: up to three ASCII bytes, the first lowest; 0 for nothing; KEPT. Pages without any are absent. */
const pages: (Int32Array | undefined)[] = [];

/** The ASCII that the character is folded to: up to three bytes, the first lowest, 0 for none; or `KEPT`. O(1). */
export function foldCharacter(point: number): number {
  const page = pages[point >>> 8];
  return page === undefined ? KEPT : page[point & 0xff] as number;
}

/** Look-alikes that no normal form knows, each character by its ASCII. */
const LOOKALIKES: readonly (readonly [string, string])[] = [
  ["'", "‘’‚‛′‵ʹʻʼʽˈˊ´՚׳＇❛❜"],
  ['"', "“”„‟″‶ˮ״＂❝❞"],
  ["`", "ˋ｀"],
  ["<", "‹〈⟨❮˂ᐸ"],
  [">", "›〉⟩❯˃ᐳ"],
  ["/", "⁄∕⧸╱⟋"],
  ["\\", "∖⧵⧹╲⟍"],
  ["-", "‐‑‒–—―−⁃﹣"],
  ["|", "∣ǀ│❘"],
  [";", ";"],
  [":", "∶ː꞉"],
  ["*", "∗⁎٭"],
  [".", "․۔"],
  ["=", "꞊᐀"],
  ["&", "ꝸ"],
  ["%", "٪⁒"],
  ["!", "ǃ"],
  ["?", "ʔ"],
  ["#", "⌗"],
  ["a", "аɑα"],
  ["b", "Ьƅ"],
  ["c", "сϲⅽ"],
  ["d", "ԁ"],
  ["e", "еҽ"],
  ["g", "ɡ"],
  ["h", "һ"],
  ["i", "іıιɩ"],
  ["j", "јϳ"],
  ["k", "κк"],
  ["l", "ӏ"],
  ["m", "м"],
  ["n", "ո"],
  ["o", "оοօ"],
  ["p", "рρ"],
  ["q", "ԛ"],
  ["r", "г"],
  ["s", "ѕ"],
  ["t", "тτ"],
  ["u", "υս"],
  ["v", "ѵν"],
  ["w", "ԝѡ"],
  ["x", "хχ"],
  ["y", "уү"],
  ["A", "АΑ"],
  ["B", "ВΒ"],
  ["C", "СϹ"],
  ["E", "ЕΕ"],
  ["H", "НΗ"],
  ["I", "ІΙӀ"],
  ["J", "Ј"],
  ["K", "КΚ"],
  ["M", "МΜ"],
  ["N", "Ν"],
  ["O", "ОΟ"],
  ["P", "РΡ"],
  ["S", "Ѕ"],
  ["T", "ТΤ"],
  ["X", "ХΧ"],
  ["Y", "ҮΥ"],
  ["Z", "Ζ"],
];

/** Zero-width, joining and directional characters, variation selectors, tags (Unicode: default ignorable). */
const INVISIBLES: readonly (readonly [number, number])[] = [
  [0xad, 0xad],
  [0x34f, 0x34f],
  [0x61c, 0x61c],
  [0x115f, 0x1160],
  [0x17b4, 0x17b5],
  [0x180b, 0x180f],
  [0x200b, 0x200f],
  [0x202a, 0x202e],
  [0x2060, 0x206f],
  [0x3164, 0x3164],
  [0xfe00, 0xfe0f],
  [0xfeff, 0xfeff],
  [0xffa0, 0xffa0],
  [0xfff9, 0xfffb],
  [0xe0000, 0xe0fff],
];

/** Blocks that NFKC folds to ASCII from. */
const COMPATIBILITY: readonly (readonly [number, number])[] = [
  [0xa0, 0x24f],
  [0x2b0, 0x2ff],
  [0x1d00, 0x1dff],
  [0x1e9b, 0x1e9b],
  [0x2000, 0x218f],
  [0x2460, 0x24ff],
  [0x2a74, 0x2a76],
  [0x2c7c, 0x2c7d],
  [0x3000, 0x33ff],
  [0xa69c, 0xa7ff],
  [0xab5c, 0xab5f],
  [0xfb00, 0xfb06],
  [0xfe10, 0xfe6f],
  [0xff00, 0xffef],
  [0x1d400, 0x1d7ff],
  [0x1f100, 0x1f1ff],
  [0x1fbf0, 0x1fbf9],
];

for (const [first, last] of COMPATIBILITY) {
  for (let point = first; point <= last; point++) {
    const text = String.fromCodePoint(point);
    const folded = text.normalize("NFKC").replaceAll("\u2044", "/");
    // Never longer than its UTF-8, so that decoding does not grow.
    if (folded !== text && folded.length <= 3 && isAscii(folded)) put(point, folded);
  }
}
for (const [ascii, lookalikes] of LOOKALIKES) {
  for (const character of lookalikes) put(character.codePointAt(0) as number, ascii);
}
for (const [first, last] of INVISIBLES) for (let point = first; point <= last; point++) put(point, "");

function put(point: number, ascii: string): void {
  // U+00A0…U+07FF have two bytes of UTF-8.
  if (point < 0x800 && ascii.length > 2) return;
  const page = pages[point >>> 8] ??= new Int32Array(PAGE).fill(KEPT);
  let packed = INVISIBLE;
  for (let i = ascii.length - 1; i >= 0; i--) packed = packed << 8 | ascii.charCodeAt(i);
  page[point & 0xff] = packed;
}

function isAscii(text: string): boolean {
  for (let i = 0; i < text.length; i++) if (text.charCodeAt(i) >= 0x80) return false;
  return true;
}
