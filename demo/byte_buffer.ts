/** Joins pieces of bytes into one. A single piece is returned as it is, without a copy. */
export function concatBytes(pieces: readonly Uint8Array[]): Uint8Array {
  const [only] = pieces;
  if (pieces.length === 1 && only !== undefined) return only;
  let length = 0;
  for (const piece of pieces) length += piece.length;
  const whole = new Uint8Array(length);
  let offset = 0;
  for (const piece of pieces) {
    whole.set(piece, offset);
    offset += piece.length;
  }
  return whole;
}

/** Bytes that have arrived and are not used up yet; growing it costs amortised O(1) a byte. */
export class ByteBuffer {
  #bytes = new Uint8Array(4096);
  #start = 0;
  #end = 0;

  /** A view of what is there; valid until the next `append`. */
  get bytes(): Uint8Array {
    return this.#bytes.subarray(this.#start, this.#end);
  }

  append(bytes: Uint8Array): void {
    const length = this.#end - this.#start;
    if (this.#end + bytes.length > this.#bytes.length) {
      const needed = length + bytes.length;
      const target = needed > this.#bytes.length
        ? new Uint8Array(Math.max(needed, 2 * this.#bytes.length))
        : this.#bytes;
      if (target === this.#bytes) target.copyWithin(0, this.#start, this.#end);
      else target.set(this.#bytes.subarray(this.#start, this.#end));
      this.#bytes = target;
      this.#start = 0;
      this.#end = length;
    }
    this.#bytes.set(bytes, this.#end);
    this.#end += bytes.length;
  }

  /** Takes `length` bytes off the front. */
  consume(length: number): void {
    this.#start += length;
    if (this.#start >= this.#end) this.#start = this.#end = 0;
  }
}
