const encoder = new TextEncoder();

/** Room that a buffer keeps when it is empty; what grew beyond it for one burst is given back. */
const REST_BYTES = 1 << 16;

/** Length-prefixed messages, one behind another, to be written at once. */
export class OutBuffer {
  #bytes = new Uint8Array(REST_BYTES);
  #length = 0;

  get length(): number {
    return this.#length;
  }

  /** What was added since the last `clear()`. A view: valid until the next call. */
  get bytes(): Uint8Array {
    return this.#bytes.subarray(0, this.#length);
  }

  /** Adds `u32 length, [type byte,] text as UTF-8`, big-endian; `type` -1 is for v1, which has none. */
  addText(type: number, text: string): void {
    this.#reserve(5 + text.length * 3);
    const bytes = this.#bytes;
    let at = this.#length + 4;
    if (type >= 0) bytes[at++] = type;
    const { written } = encoder.encodeInto(text, bytes.subarray(at));
    this.#finish(at + written);
  }

  /** Adds a message whose payload is `payload`. */
  addBytes(type: number, payload: Uint8Array): void {
    this.#reserve(5 + payload.length);
    let at = this.#length + 4;
    if (type >= 0) this.#bytes[at++] = type;
    this.#bytes.set(payload, at);
    this.#finish(at + payload.length);
  }

  clear(): void {
    this.#length = 0;
    if (this.#bytes.length > 16 * REST_BYTES) this.#bytes = new Uint8Array(REST_BYTES);
  }

  #finish(end: number): void {
    const start = this.#length;
    const length = end - start - 4;
    const bytes = this.#bytes;
    bytes[start] = length >>> 24;
    bytes[start + 1] = length >>> 16;
    bytes[start + 2] = length >>> 8;
    bytes[start + 3] = length;
    this.#length = end;
  }

  #reserve(more: number): void {
    const need = this.#length + more;
    if (need <= this.#bytes.length) return;
    const grown = new Uint8Array(Math.max(need, this.#bytes.length * 2));
    grown.set(this.#bytes.subarray(0, this.#length));
    this.#bytes = grown;
  }
}
