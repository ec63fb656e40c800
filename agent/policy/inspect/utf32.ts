import { DOUBTFUL, PieceList } from "./pieces.ts";
import { BOUNDARY } from "./tokens.ts";
import { putCharacter } from "./unescape.ts";

/** What the last call found: at most one piece. */
export const utf32Pieces: PieceList = new PieceList();

/** Fewest characters without a byte order mark. */
const MIN_UNITS = 4;

/**
 * Decodes data that is a text in UTF-32 as a whole, of either byte order, into `out[from, to)`, with `BOUNDARY` behind it;
 * returns where the output ends. Without a byte order mark all its characters are of ASCII. Readings in four bytes each
 * look the same: where letters are few, the piece is doubtful. Takes no more room than the data does, and two bytes.
 */
export function decodeUtf32(
  bytes: Uint8Array,
  start: number,
  end: number,
  out: Uint8Array,
  from: number,
  to: number,
): number {
  utf32Pieces.clear();
  const units = (end - start) >> 2;
  if (units < 2 || from + 4 * units + 2 > to) return from;
  const first = unitAt(bytes, start, 0);
  const isLittle = first === 0xfffe_0000 || unitAt(bytes, start, 3) < 0x80;
  const flip = isLittle ? 3 : 0;
  const hasMark = unitAt(bytes, start, flip) === 0xfeff;
  if (!hasMark && units < MIN_UNITS) return from;
  let outAt = from;
  let written = 0;
  for (let at = hasMark ? start + 4 : start; at + 3 < end; at += 4) {
    const point = unitAt(bytes, at, flip);
    if (point >= 0x80 || (point < 0x20 && (point < 0x09 || point > 0x0d))) {
      if (!hasMark || point > 0x10ffff) return from;
      outAt = putCharacter(out, outAt, point);
      continue;
    }
    if ((point >= 0x61 && point <= 0x7a) || point === 0x20) written++;
    out[outAt++] = point;
  }
  if (outAt === from) return from;
  const isDoubtful = !hasMark && written * 2 < outAt - from;
  utf32Pieces.add(from, outAt, start, false, isDoubtful ? DOUBTFUL : 0);
  out[outAt++] = BOUNDARY;
  return outAt;
}

/** The number at `at`, its most significant byte at `flip`. */
function unitAt(bytes: Uint8Array, at: number, flip: number): number {
  let value = 0;
  for (let i = 0; i < 4; i++) value = value * 256 + (bytes[at + (i ^ flip)] as number);
  return value;
}
