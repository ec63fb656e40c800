import {
  CONTROL_CHARACTER,
  FIELD_PAST_END,
  NONCHARACTER as NONCHARACTER_FAULT,
  PACKET_ID,
  UTF8,
  UTF8_NULL,
  VARIABLE_INTEGER,
  VARIABLE_INTEGER_MINIMAL,
} from "./faults.ts";
import { CONTROL, decodeText, ILL_FORMED, NONCHARACTER, NUL, scanText, WILDCARD } from "./utf8.ts";
import type { Violation } from "./violation.ts";

const NOTHING = new Uint8Array(0);

/** What must not stand in any text ([MQTT-1.5.4-1], [MQTT-1.5.4-2]). */
const PLAIN_TEXT = ILL_FORMED | NUL;
/** Topics, filters, client ids and user names: section 1.5.4 lets a receiver refuse control characters and non-characters, and we do. */
const NAME = PLAIN_TEXT | CONTROL | NONCHARACTER;

/**
 * Reads the fields of one packet, front to back. There is one for all streams: a packet is decoded without a break, and so nothing is allocated per packet.
 *
 * A failure is a value and sticks: the first is kept, `end` falls to `position`, and every later read gives 0 or "". Readers need to look at `failure` in loops
 * and when they are done, not after every field.
 *
 * `strict` tells the two directions apart. What is odd but leaves no doubt where the next field begins fails a client's packet and is noted in a broker's;
 * what cannot be read fails both.
 */
class Cursor {
  bytes: Uint8Array = NOTHING;
  position = 0;
  end = 0;
  strict = true;
  failure: Violation | null = null;
  /** The first odd thing in a broker's packet. */
  note: Violation | null = null;
  /** The last text read holds `+` or `#`. */
  wildcard = false;

  open(bytes: Uint8Array, start: number, end: number, strict: boolean): void {
    this.bytes = bytes;
    this.position = start;
    this.end = end;
    this.strict = strict;
    this.failure = null;
    this.note = null;
  }

  /** Lets go of the bytes, which belong to whoever pushed them. */
  close(): void {
    this.bytes = NOTHING;
  }

  /** It cannot be read. */
  fail(fault: Violation): void {
    this.failure ??= fault;
    this.end = this.position;
  }

  /** It can be read, but should not be there. */
  odd(fault: Violation): void {
    if (this.strict) this.fail(fault);
    else this.note ??= fault;
  }

  atEnd(): boolean {
    return this.position === this.end;
  }

  u8(): number {
    if (this.position >= this.end) return this.#pastEnd();
    return this.bytes[this.position++] as number;
  }

  u16(): number {
    const { bytes, position } = this;
    if (position + 2 > this.end) return this.#pastEnd();
    this.position = position + 2;
    return (bytes[position] as number) << 8 | bytes[position + 1] as number;
  }

  u32(): number {
    const { bytes, position } = this;
    if (position + 4 > this.end) return this.#pastEnd();
    this.position = position + 4;
    return ((bytes[position] as number) << 24 | (bytes[position + 1] as number) << 16 |
      (bytes[position + 2] as number) << 8 | bytes[position + 3] as number) >>> 0;
  }

  /** Variable byte integer, section 1.5.5. */
  varint(): number {
    let value = 0;
    for (let shift = 0; shift < 28; shift += 7) {
      const byte = this.u8();
      value |= (byte & 0x7f) << shift;
      if (byte < 0x80) {
        if (byte === 0 && shift > 0) this.odd(VARIABLE_INTEGER_MINIMAL);
        return value;
      }
    }
    this.fail(VARIABLE_INTEGER);
    return 0;
  }

  /** Text in which only that is refused which no text may hold. */
  text(): string {
    return this.#text(PLAIN_TEXT);
  }

  /** Topic, filter, client id or user name. */
  name(): string {
    return this.#text(NAME);
  }

  /** Binary data with its length before it, as a view. */
  binary(): Uint8Array {
    const length = this.u16();
    const start = this.position;
    if (start + length > this.end) {
      this.#pastEnd();
      return NOTHING;
    }
    this.position = start + length;
    return this.bytes.subarray(start, start + length);
  }

  /** Packet identifier of a packet that must have one. */
  packetId(): number {
    const packetId = this.u16();
    if (packetId === 0) this.odd(PACKET_ID);
    return packetId;
  }

  #text(forbidden: number): string {
    const length = this.u16();
    const start = this.position;
    const end = start + length;
    if (end > this.end) {
      this.#pastEnd();
      return "";
    }
    this.position = end;
    const found = scanText(this.bytes, start, end);
    this.wildcard = (found & WILDCARD) !== 0;
    if ((found & forbidden) !== 0) {
      this.odd(textFault(found));
      if (this.failure !== null) return "";
    }
    return decodeText(this.bytes, start, end, found);
  }

  #pastEnd(): number {
    this.fail(FIELD_PAST_END);
    return 0;
  }
}

function textFault(found: number): Violation {
  if ((found & ILL_FORMED) !== 0) return UTF8;
  if ((found & NUL) !== 0) return UTF8_NULL;
  return (found & CONTROL) !== 0 ? CONTROL_CHARACTER : NONCHARACTER_FAULT;
}

/** The one cursor: {@link Cursor}. */
export const cursor: Cursor = new Cursor();
