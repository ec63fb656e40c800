/** One piece of what a decoder found: where it is in the output, and where in the source it begins. */
export interface Piece {
  outStart: number;
  outEnd: number;
  sourceStart: number;
  /** It is not text, but compressed data perhaps: looked at alone, its bytes as they are. */
  binary: boolean;
  /**
   * It may be noise that happens to look like text: if it is shorter than this, patterns that take few characters do not
   * count in it. 0: it is none.
   */
  doubtBelow: number;
}

/** `doubtBelow` of a piece of fewer than sixteen bytes, and of one whose length says nothing: readings that fall among letters. */
export const DOUBTFUL = 16, GUESSED = 1 << 30;

/** Pieces that a decoder found, in order. It is reused, so that decoding allocates nothing. */
export class PieceList {
  count = 0;
  readonly #pieces: Piece[] = [];

  clear(): void {
    this.count = 0;
  }

  add(outStart: number, outEnd: number, sourceStart: number, binary: boolean, doubtBelow = 0): void {
    const piece = this.#pieces[this.count];
    if (piece === undefined) this.#pieces.push({ outStart, outEnd, sourceStart, binary, doubtBelow });
    else {
      piece.outStart = outStart;
      piece.outEnd = outEnd;
      piece.sourceStart = sourceStart;
      piece.binary = binary;
      piece.doubtBelow = doubtBelow;
    }
    this.count++;
  }

  /** The piece with this number, below `count`. */
  at(number: number): Piece {
    return this.#pieces[number] as Piece;
  }

  /** The same as plain data, to be kept. */
  copy(): Piece[] {
    return this.#pieces.slice(0, this.count).map((piece) => ({ ...piece }));
  }
}
