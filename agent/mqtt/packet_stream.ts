import { cursor } from "./cursor.ts";
import { decodeBody } from "./decode.ts";
import { decodePublishHead, HEAD_FAULTS, publish, publishHeadBytes } from "./decode_publish.ts";
import {
  AUTH_METHOD_CHANGED,
  AUTH_UNEXPECTED,
  BYTES_SKIPPED,
  PAYLOAD_FORMAT,
  REMAINING_LENGTH,
  REMAINING_LENGTH_MINIMAL,
  SESSION_EXPIRY_RAISED,
  UNBUFFERABLE,
} from "./faults.ts";
import { firstByteFault, isUnreadable, remainingLengthFault } from "./fixed_header.ts";
import { type Direction, PACKET as TYPE, type Packet, type ProtocolLevel, type Publish } from "./packet.ts";
import { continueUtf8, UTF8_BROKEN, UTF8_COMPLETE } from "./utf8.ts";
import type { Violation } from "./violation.ts";

/** What {@link PacketStream.next} found. */
export const NEED_MORE = 0, PUBLISH_HEAD = 1, PUBLISH_END = 2, PACKET = 3, VIOLATION = 4, TOO_LARGE = 5;

/** More than any packet can have (MQTT 5.0 section 2.1.4: 268,435,460), and a small integer, which takes no room of its own. */
const NO_LIMIT = 0x3fffffff;
/** What is kept of one packet until it can be judged never exceeds this, or `maxPacketBytes` where that is more. */
const MAX_HELD_BYTES = 1 << 20;
/** The first bytes of a packet that was cut are held in at least so much. */
const MIN_HELD_BYTES = 64;
/** Up to here a loop copies faster than `set`. */
const FEW_BYTES = 16;

const NOTHING = new Uint8Array(0);

/** Where a stream stands in the packet it reads. */
const AT_START = 0, IN_LENGTH = 1, IN_BODY = 2, IN_PAYLOAD = 3, FAILED = 4;
/** In place of a state of `continueUtf8`: the payload is not looked at. */
const NOT_TEXT = -1;

let held = 0;

/** Bytes that all streams together hold for unfinished packets: what was allocated, which is at most twice what came, and never less than 64 per packet. */
export function heldBytes(): number {
  return held;
}

/**
 * Makes packets of the bytes of one direction of a connection, however they are cut.
 *
 * A PUBLISH is reported as soon as its topic and properties are there, its payload is counted; everything else is reported whole. What breaks the standard is refused
 * with the first byte that shows it. What a client sends is held to every rule that a receiver can check; what a broker sends is refused only where it cannot
 * be read, and otherwise carries a `note`.
 *
 * ```ts
 * import { equal } from "node:assert/strict";
 * import { heldBytes, NEED_MORE, PACKET, PacketStream } from "./packet_stream.ts";
 * import { PUBLISH_END, PUBLISH_HEAD, TOO_LARGE, VIOLATION } from "./packet_stream.ts";
 *
 * const stream = new PacketStream("broker");
 * const told: string[] = [];
 * function read(...bytes: number[]): void {
 *   stream.push(new Uint8Array(bytes), 0, bytes.length);
 *   for (let found = stream.next(); found !== NEED_MORE; found = stream.next()) {
 *     if (found === PUBLISH_HEAD) told.push(`topic ${stream.publish.topic}`);
 *     if (found === PUBLISH_END) told.push("end of its payload");
 *     if (found === PACKET) told.push(`packet of type ${stream.packet?.type}`);
 *     if (found === TOO_LARGE) told.push(`${stream.packetBytes} bytes are more than ${stream.maxPacketBytes}`);
 *     if (found === VIOLATION) return void told.push(`refused: ${stream.violation?.code}`);
 *   }
 * }
 * read(0xd0, 0x00, 0x30, 0x04, 0x00); // PINGRESP, and the beginning of a PUBLISH
 * equal(heldBytes() > 0, true);
 * read(0x01, 0x61, 0x78);
 * read(0x00, 0x00); // a packet type that is none
 * equal(told.join(), "packet of type 13,topic a,end of its payload,refused: mqtt-packet-type");
 * equal(heldBytes(), 0);
 * ```
 *
 * Costs O(bytes), whatever the cuts. At rest it holds no buffer.
 */
export class PacketStream {
  /** 0 until known. A client's stream sets it with CONNECT; a broker's, which the session sets, reads as 3.1.1 until then. */
  level: 0 | ProtocolLevel = 0;
  /** Whole packets, fixed header included; a larger one is reported as `TOO_LARGE`. */
  maxPacketBytes: number = NO_LIMIT;
  /** Goes up with every packet that is begun: whether the one that is unfinished now is the one that was before. */
  begun = 0;
  /** May be set after `PUBLISH_HEAD`: `PUBLISH_END` then offers the payload. Falls back with each packet. */
  keepPayload = false;

  readonly #direction: Direction;
  #state = AT_START;
  /** What was pushed and is not read yet; nothing between pushes. */
  #bytes: Uint8Array = NOTHING;
  #position = 0;
  #end = 0;
  /** What has come of a packet that must be kept, made when it is cut. */
  #held: Uint8Array | null = null;
  #heldCount = 0;

  #firstByte = 0;
  #lengthBytes = 0;
  /** Bytes behind the fixed header, then bytes of payload that have not come. */
  #remaining = 0;
  #packetBytes = 0;
  /** How long the head of a PUBLISH is, without fixed header, or how much of it must come before that is known. */
  #headBytes = 0;
  /** State of `continueUtf8` for a payload announced as text. */
  #utf8 = NOT_TEXT;

  /** What the client's CONNECT said and later packets must keep to. */
  #authenticationMethod: string | null = null;
  #expiresAtOnce = false;

  #packet: Packet | null = null;
  #payload: Uint8Array | null = null;
  #violation: Violation | null = null;
  #note: Violation | null = null;

  constructor(direction: Direction) {
    this.#direction = direction;
  }

  /** The PUBLISH last reported; one object for all streams, valid until any of them reports the next. */
  get publish(): Publish {
    return publish;
  }

  /** After `PACKET`, until `next()` is called again. */
  get packet(): Packet | null {
    return this.#packet;
  }

  /** After `PUBLISH_END` where `keepPayload` was set before the first byte of it was read; valid until `next()` or `push()` is called again. */
  get payload(): Uint8Array | null {
    return this.#payload;
  }

  get violation(): Violation | null {
    return this.#violation;
  }

  /** What a broker's packet has that it should not; null from a client. */
  get note(): Violation | null {
    return this.#note;
  }

  /** Type of the packet that is being read or was just reported. */
  get packetType(): number {
    return this.#firstByte >> 4;
  }

  /** Its size as announced, fixed header included; 0 until the remaining length has come. */
  get packetBytes(): number {
    return this.#packetBytes;
  }

  /** A packet was begun and is not finished. */
  get midPacket(): boolean {
    return this.#state !== AT_START && this.#state !== FAILED;
  }

  /** A PUBLISH was reported and its end was not. */
  get midPublishPayload(): boolean {
    return this.#state === IN_PAYLOAD;
  }

  /**
   * Takes `bytes` from `start` up to `end`. What was pushed before must have been read until `NEED_MORE`; they are looked at until then, and copied where they
   * are needed longer.
   */
  push(bytes: Uint8Array, start: number, end: number): void {
    if (this.#state === FAILED) return;
    // Bytes that nobody read shift every packet behind them: another stream would be judged than the broker sees.
    if (this.#position !== this.#end) {
      this.#fail(BYTES_SKIPPED);
      return;
    }
    this.#bytes = bytes;
    this.#position = start;
    this.#end = end;
  }

  /** What comes next: `NEED_MORE`, `PUBLISH_HEAD`, `PUBLISH_END`, `PACKET`, `VIOLATION` (for good) or `TOO_LARGE` (once per packet; it can be read on). */
  next(): number {
    this.#packet = null;
    this.#payload = null;
    switch (this.#state) {
      case AT_START:
      case IN_LENGTH:
        return this.#readFixedHeader();
      case IN_BODY:
        return this.#readBody();
      case IN_PAYLOAD:
        return this.#readPayload();
      default:
        return VIOLATION;
    }
  }

  /** Gives back what is held, when the connection is gone. Where that was part of a packet, nothing can be read any more. */
  release(): void {
    if (this.midPacket || this.#position !== this.#end) this.#fail(BYTES_SKIPPED);
    this.#packet = null;
    this.#payload = null;
  }

  #readFixedHeader(): number {
    const bytes = this.#bytes;
    const end = this.#end;
    let at = this.#position;
    if (this.#state === AT_START) {
      if (at === end) return this.#drained();
      const firstByte = bytes[at++] as number;
      this.#position = at;
      this.#begin(firstByte);
      const fault = firstByteFault(this.#direction, this.level, firstByte);
      if (fault !== null && this.#refuses(fault)) return VIOLATION;
    }
    for (;;) {
      if (at === end) return this.#drained();
      const byte = bytes[at++] as number;
      this.#position = at;
      this.#remaining += (byte & 0x7f) << 7 * this.#lengthBytes++;
      if (byte < 0x80) {
        // 3.1.1 does not demand the shortest form, but nothing sends another, and parsers differ in what they make of it.
        if (byte === 0 && this.#lengthBytes > 1 && this.#refuses(REMAINING_LENGTH_MINIMAL)) return VIOLATION;
        break;
      }
      if (this.#lengthBytes === 4) return this.#fail(REMAINING_LENGTH);
    }
    return this.#measure();
  }

  #begin(firstByte: number): void {
    // Wraps long before it would stop being a small integer; whoever compares looks at neighbours only.
    this.begun = (this.begun + 1) & 0xffff;
    this.#state = IN_LENGTH;
    this.#firstByte = firstByte;
    this.#lengthBytes = 0;
    this.#remaining = 0;
    this.#packetBytes = 0;
    this.#note = null;
    this.keepPayload = false;
  }

  /** The size is known: refuses what cannot be, and what could only be judged by keeping too much. */
  #measure(): number {
    this.#state = IN_BODY;
    this.#packetBytes = 1 + this.#lengthBytes + this.#remaining;
    // Too large is told before too long for its fields: it says more to whoever set the limit.
    if (this.#packetBytes > this.maxPacketBytes) return TOO_LARGE;
    const fault = remainingLengthFault(this.level, this.#firstByte, this.#remaining);
    if (fault !== null && this.#refuses(fault)) return VIOLATION;
    return this.#readBody();
  }

  #readBody(): number {
    return this.packetType === TYPE.PUBLISH ? this.#readPublishHead() : this.#readWhole();
  }

  #readWhole(): number {
    if (this.#mayNotHold(this.#packetBytes)) return this.#fail(UNBUFFERABLE);
    const size = this.#remaining;
    const start = this.#position;
    if (this.#held === null && this.#end - start >= size) {
      this.#position = start + size;
      return this.#decodeWhole(this.#bytes, start, start + size);
    }
    if (!this.#hold(size)) return this.#drained();
    const bytes = this.#held as Uint8Array;
    this.#dropHeld();
    return this.#decodeWhole(bytes, 0, size);
  }

  #decodeWhole(bytes: Uint8Array, start: number, end: number): number {
    cursor.open(bytes, start, end, this.#direction === "client");
    const packet = decodeBody(this.packetType, this.level);
    if (!this.#closeCursor()) return VIOLATION;
    if (this.#direction === "client") {
      const fault = this.#follow(packet as Packet);
      if (fault !== null) return this.#fail(fault);
    }
    this.#state = AT_START;
    this.#packet = packet;
    return PACKET;
  }

  /** What a client's packet breaks that its CONNECT has promised, or null. */
  #follow(packet: Packet): Violation | null {
    switch (packet.type) {
      case TYPE.CONNECT:
        this.level = packet.level;
        this.#authenticationMethod = packet.authenticationMethod;
        this.#expiresAtOnce = packet.sessionExpirySecs === 0;
        return null;
      case TYPE.AUTH:
        if (this.#authenticationMethod === null) return AUTH_UNEXPECTED;
        return packet.authenticationMethod === this.#authenticationMethod ? null : AUTH_METHOD_CHANGED;
      case TYPE.DISCONNECT:
        return this.#expiresAtOnce && (packet.sessionExpirySecs ?? 0) !== 0 ? SESSION_EXPIRY_RAISED : null;
      default:
        return null;
    }
  }

  #readPublishHead(): number {
    for (;;) {
      const start = this.#position;
      const inPlace = this.#held === null;
      const available = inPlace ? this.#end - start : this.#heldCount;
      this.#headBytes = publishHeadBytes(
        inPlace ? this.#bytes : this.#held as Uint8Array,
        inPlace ? start : 0,
        available,
        this.#firstByte,
        this.#remaining,
        this.level,
      );
      if (this.#headBytes < 0) return this.#fail(HEAD_FAULTS[-this.#headBytes] as Violation);
      if (this.#mayNotHold(1 + this.#lengthBytes + this.#headBytes)) return this.#fail(UNBUFFERABLE);
      if (this.#headBytes <= available) return this.#decodeHead(inPlace, start);
      if (!this.#hold(this.#headBytes)) return this.#drained();
    }
  }

  #decodeHead(inPlace: boolean, start: number): number {
    const head = this.#headBytes;
    const payloadBytes = this.#remaining - head;
    if (inPlace) {
      this.#position = start + head;
      cursor.open(this.#bytes, start, start + head, this.#direction === "client");
    } else {
      cursor.open(this.#held as Uint8Array, 0, head, this.#direction === "client");
      this.#dropHeld();
    }
    decodePublishHead(this.#firstByte, this.level, payloadBytes);
    if (!this.#closeCursor()) return VIOLATION;
    this.#state = IN_PAYLOAD;
    this.#remaining = payloadBytes;
    this.#utf8 = publish.payloadFormat === 1 ? UTF8_COMPLETE : NOT_TEXT;
    return PUBLISH_HEAD;
  }

  #readPayload(): number {
    const start = this.#position;
    const taken = Math.min(this.#remaining, this.#end - start);
    const isLast = taken === this.#remaining;
    if (this.#utf8 !== NOT_TEXT && !this.#checkText(start, start + taken, isLast)) return VIOLATION;
    const isFirst = 1 + this.#lengthBytes + this.#headBytes + this.#remaining === this.#packetBytes;
    if (this.keepPayload && isFirst && isLast) {
      this.#payload = this.#bytes.subarray(start, start + taken);
    } else if (this.keepPayload && isFirst || this.#held !== null) {
      this.#hold(this.#heldCount + taken);
    }
    this.#position = start + taken;
    this.#remaining -= taken;
    if (!isLast) return this.#drained();
    if (this.#held !== null) {
      this.#payload = this.#held.subarray(0, this.#heldCount);
      this.#dropHeld();
    }
    this.#state = AT_START;
    return PUBLISH_END;
  }

  /** Follows a payload that is announced as UTF-8; false if it is none and that ends the stream. */
  #checkText(start: number, end: number, isLast: boolean): boolean {
    this.#utf8 = continueUtf8(this.#utf8, this.#bytes, start, end);
    if (this.#utf8 !== UTF8_BROKEN && (!isLast || this.#utf8 === UTF8_COMPLETE)) return true;
    this.#utf8 = NOT_TEXT;
    return !this.#refuses(PAYLOAD_FORMAT);
  }

  /** Fetches what is there of the first `size` bytes that must be kept; true if that is all of them. */
  #hold(size: number): boolean {
    const taken = Math.min(size - this.#heldCount, this.#end - this.#position);
    if (taken > 0) {
      const count = this.#heldCount + taken;
      const buffer = this.#room(count, size);
      if (taken > FEW_BYTES) {
        buffer.set(this.#bytes.subarray(this.#position, this.#position + taken), this.#heldCount);
      } else {
        for (let at = 0; at < taken; at++) buffer[this.#heldCount + at] = this.#bytes[this.#position + at] as number;
      }
      this.#heldCount = count;
      this.#position += taken;
    }
    return this.#heldCount === size;
  }

  /** Grows by what came and never by what is only announced: otherwise five bytes could reserve a megabyte. Doubling makes that O(bytes) in all. */
  #room(count: number, size: number): Uint8Array {
    const old = this.#held;
    if (old !== null && count <= old.length) return old;
    const grown = new Uint8Array(Math.max(count, old === null ? MIN_HELD_BYTES : Math.min(2 * old.length, size)));
    if (old !== null) grown.set(old.subarray(0, this.#heldCount));
    held += grown.length - (old?.length ?? 0);
    this.#held = grown;
    return grown;
  }

  #dropHeld(): void {
    if (this.#held === null) return;
    held -= this.#held.length;
    this.#held = null;
    this.#heldCount = 0;
  }

  #mayNotHold(bytes: number): boolean {
    return bytes > MAX_HELD_BYTES && (this.maxPacketBytes >= NO_LIMIT || bytes > this.maxPacketBytes);
  }

  /** Takes over what the cursor found; false if that ends the stream. */
  #closeCursor(): boolean {
    cursor.close();
    if (cursor.failure !== null) {
      this.#fail(cursor.failure);
      return false;
    }
    this.#note ??= cursor.note;
    return true;
  }

  /** True if `fault` ends the stream: it came from a client, or the bytes cannot be read. Otherwise it is noted. */
  #refuses(fault: Violation): boolean {
    if (this.#direction === "client" || isUnreadable(fault)) {
      this.#fail(fault);
      return true;
    }
    this.#note ??= fault;
    return false;
  }

  #fail(fault: Violation): number {
    this.#state = FAILED;
    this.#violation = fault;
    this.#dropHeld();
    this.#drained();
    return VIOLATION;
  }

  #drained(): number {
    this.#bytes = NOTHING;
    this.#position = 0;
    this.#end = 0;
    return NEED_MORE;
  }
}
