/** One piece of what a decoder found: where it is in the output, and where in the source it begins. */
export interface Piece {
  outStart: number;
  outEnd: number;
  sourceStart: number;
  /** It is not text, but compressed data perhaps: looked at alone, its bytes as they are. */
  binary: boolean;
  /** It may be noise that happens to look like text. */
  doubtful: boolean;
}

/** Pieces that a decoder found, in order. It is reused, so that decoding allocates nothing. */
export class PieceList {
  count = 0;
  readonly #pieces: Piece[] = [];

  clear(): void {
    this.count = 0;
  }

  add(outStart: number, outEnd: number, sourceStart: number, binary: boolean, doubtful = false): void {
    const piece = this.#pieces[this.count];
    if (piece === undefined) this.#pieces.push({ outStart, outEnd, sourceStart, binary, doubtful });
    else {
      piece.outStart = outStart;
      piece.outEnd = outEnd;
      piece.sourceStart = sourceStart;
      piece.binary = binary;
      piece.doubtful = doubtful;
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
