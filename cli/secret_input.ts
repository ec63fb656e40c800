/** Standard input as far as passwords come from it: bytes, since a password need not be text. */
export interface SecretInput {
  /** Whether a person sits there. */
  readonly isTerminal: boolean;
  /** A line without its end, or null at the end of the input or when the person gives up. Whoever has it wipes it. */
  read(prompt: string): Promise<Uint8Array | null>;
}

/** What reading needs of a terminal or a pipe. */
export interface InputDevice {
  isTerminal(): boolean;
  setRaw(on: boolean): void;
  read(into: Uint8Array): Promise<number | null>;
  show(text: string): void;
}

export const STANDARD_INPUT: InputDevice = {
  isTerminal: () => Deno.stdin.isTerminal(),
  setRaw: (on) => Deno.stdin.setRaw(on),
  read: (into) => Deno.stdin.read(into),
  // Not standard output: a script may take the secret from there.
  show: (text) => void Deno.stderr.writeSync(new TextEncoder().encode(text)),
};

/** More than an MQTT password can have: what is longer is cut, and refused for its length. */
const MAX_BYTES = 65_536;

const KEY = {
  interrupt: 3,
  end: 4,
  backspace: 8,
  newLine: 10,
  enter: 13,
  clear: 21,
  escape: 27,
  space: 32,
  delete: 127,
};

/** Reads lines, from a terminal without showing what is typed. */
export class SecretReader implements SecretInput {
  readonly isTerminal: boolean;
  readonly #device: InputDevice;
  /** Read and not used yet: two lines may come in one piece. */
  #ahead: Uint8Array = new Uint8Array(0);

  constructor(device: InputDevice = STANDARD_INPUT) {
    this.#device = device;
    this.isTerminal = device.isTerminal();
  }

  async read(prompt: string): Promise<Uint8Array | null> {
    if (!this.isTerminal) return await this.#readLine();
    // Before it is asked for: what is typed at once must not be shown either.
    this.#device.setRaw(true);
    try {
      this.#device.show(prompt);
      return await this.#readTyped();
    } finally {
      this.#device.setRaw(false);
      this.#device.show("\n");
    }
  }

  async #readLine(): Promise<Uint8Array | null> {
    const line = new Uint8Array(MAX_BYTES);
    let length = 0;
    for (;;) {
      const byte = await this.#next();
      if (byte === null && length === 0) return null;
      if (byte === null || byte === KEY.newLine) {
        const end = length > 0 && byte !== null && line[length - 1] === KEY.enter ? length - 1 : length;
        return taken(line, end);
      }
      if (length < MAX_BYTES) line[length++] = byte;
    }
  }

  async #readTyped(): Promise<Uint8Array | null> {
    const line = new Uint8Array(MAX_BYTES);
    let length = 0;
    for (;;) {
      const byte = await this.#next();
      switch (byte) {
        case KEY.enter:
        case KEY.newLine:
          return taken(line, length);
        case null:
        case KEY.interrupt:
        case KEY.end:
          line.fill(0);
          return null;
        case KEY.backspace:
        case KEY.delete:
          length = lastCharacter(line, length);
          break;
        case KEY.clear:
          length = 0;
          break;
        case KEY.escape:
          await this.#skipSequence();
          break;
        default:
          if (byte >= KEY.space && length < MAX_BYTES) line[length++] = byte;
      }
    }
  }

  /** An arrow or function key (ECMA-48: ESC [, parameters, a final byte from @ to ~; ESC O and one more). */
  async #skipSequence(): Promise<void> {
    const second = await this.#next();
    if (second !== 0x5b && second !== 0x4f) return;
    for (let byte = await this.#next(); byte !== null && byte < 0x40; byte = await this.#next());
  }

  async #next(): Promise<number | null> {
    if (this.#ahead.length === 0) {
      const buffer = new Uint8Array(1024);
      const read = await this.#device.read(buffer);
      if (read === null) return null;
      this.#ahead = buffer.subarray(0, read);
    }
    const byte = this.#ahead[0] ?? 0;
    this.#ahead[0] = 0;
    this.#ahead = this.#ahead.subarray(1);
    return byte;
  }
}

/** The beginning of a line as bytes of its own; the rest of the room is wiped. */
function taken(line: Uint8Array, length: number): Uint8Array {
  const bytes = line.slice(0, length);
  line.fill(0);
  return bytes;
}

/** Where the last UTF-8 character begins: bytes 10xxxxxx continue one. */
function lastCharacter(line: Uint8Array, length: number): number {
  let start = Math.max(0, length - 1);
  while (start > 0 && ((line[start] ?? 0) & 0xc0) === 0x80) start--;
  return start;
}
