/** MQTT version of a play: 3 is 3.1, 4 is 3.1.1, 5 is 5.0. */
export type MqttVersion = 3 | 4 | 5;

/** What the placeholders of a play stand for. */
export interface HexContext {
  readonly version: MqttVersion;
  /** The client id behind `id`, unique to the play; `id2` is another one. */
  readonly clientId: string;
}

/** Bytes of one frame and where its packets end. */
export interface AnnotatedBytes {
  readonly bytes: Uint8Array;
  /** Offsets of the `|` in the text: where a packet ends and the next begins. */
  readonly boundaries: readonly number[];
}

const encoder = new TextEncoder();

/** Protocol name and level of CONNECT, by version. */
const CONNECT_NAME: Readonly<Record<MqttVersion, string>> = {
  3: "00 06 4D 51 49 73 64 70 03",
  4: "00 04 4D 51 54 54 04",
  5: "00 04 4D 51 54 54 05",
};

const TOKEN = /\s+|'[^']*'|\(([^()]*)\)\*(\d+)|\[(\d+):([^\]]*)\]|[a-z][a-z0-9]*|[0-9A-F]{2}|\|/gy;

/**
 * Bytes as the vectors write them. Tokens, spaces between them as one likes:
 *
 * - `C0`: hexadecimal digits, capital, in pairs.
 * - `'a/x'`: text, in UTF-8.
 * - `|`: a packet ends and the next one begins.
 * - `rl`: the remaining length, of what follows up to `|` or the end.
 * - `s'a/x'` as two tokens, `s 'a/x'`: the text with its length of two bytes in front.
 * - `cn`: protocol name and level of CONNECT in the version that is played.
 * - `p`: an empty property length, `00`, in version 5 and nothing before.
 * - `[5: 11 00 00 00 3C]`: these bytes in version 5 only; `[34: …]` in versions 3 and 4.
 * - `(C0 00)*200`: the same again and again.
 * - `id`, `id2`: a client id that only this play uses, its length in front.
 *
 * Everything else is an error: a vector that cannot be read must not pass for one that is judged.
 */
export function annotatedBytes(text: string, context: HexContext): AnnotatedBytes {
  const packets = splitPackets(text).map((packet) => packetBytes(packet, context));
  const boundaries: number[] = [];
  let length = 0;
  for (const packet of packets) {
    length += packet.length;
    boundaries.push(length);
  }
  boundaries.pop();
  return { bytes: concat(packets), boundaries };
}

/** `|` inside quotes is text. */
function splitPackets(text: string): string[] {
  const packets = [""];
  let quoted = false;
  for (const char of text) {
    if (char === "'") quoted = !quoted;
    if (char === "|" && !quoted) packets.push("");
    else packets[packets.length - 1] += char;
  }
  return packets;
}

function packetBytes(text: string, context: HexContext): Uint8Array {
  const out: number[] = [];
  let lengthAt = -1;
  let isString = false;
  const tokens = new RegExp(TOKEN);
  for (let at = 0; at < text.length; at = tokens.lastIndex) {
    const found = tokens.exec(text);
    if (found === null) {
      throw new Error(`Cannot read the bytes "${text}": at ${at} stands "${text.slice(at, at + 10)}"`);
    }
    const token = found[0];
    if (token.trim() === "") continue;
    if (token.startsWith("'")) {
      const bytes = encoder.encode(token.slice(1, -1));
      if (isString) pushString(out, bytes);
      else for (const byte of bytes) out.push(byte);
      isString = false;
      continue;
    }
    if (isString) throw new Error(`Cannot read the bytes "${text}": behind "s" stands "${token}" and no text`);
    if (found[2] !== undefined) {
      const piece = packetBytes(found[1] ?? "", context);
      for (let n = Number(found[2]); n > 0; n--) for (const byte of piece) out.push(byte);
    } else if (found[3] !== undefined) {
      if (!found[3].includes(String(context.version))) continue;
      for (const byte of packetBytes(found[4] ?? "", context)) out.push(byte);
    } else {
      switch (token) {
        case "rl":
          lengthAt = out.length;
          break;
        case "s":
          isString = true;
          break;
        case "p":
          if (context.version === 5) out.push(0);
          break;
        case "cn":
          for (const byte of fromHex(CONNECT_NAME[context.version])) out.push(byte);
          break;
        case "id":
          pushString(out, encoder.encode(context.clientId));
          break;
        case "id2":
          pushString(out, encoder.encode(`${context.clientId}-2`));
          break;
        default:
          if (!/^[0-9A-F]{2}$/.test(token)) {
            throw new Error(`Cannot read the bytes "${text}": unknown token "${token}"`);
          }
          out.push(parseInt(token, 16));
      }
    }
  }
  if (lengthAt === -1) return new Uint8Array(out);
  const length = variableByteInteger(out.length - lengthAt);
  return concat([new Uint8Array(out.slice(0, lengthAt)), length, new Uint8Array(out.slice(lengthAt))]);
}

function pushString(out: number[], bytes: Uint8Array): void {
  out.push(bytes.length >> 8, bytes.length & 0xff);
  for (const byte of bytes) out.push(byte);
}

/** MQTT 5.0 section 1.5.5, in the shortest form. */
export function variableByteInteger(value: number): Uint8Array {
  const bytes: number[] = [];
  let rest = value;
  do {
    bytes.push((rest & 0x7f) | (rest > 0x7f ? 0x80 : 0));
    rest >>= 7;
  } while (rest > 0);
  return new Uint8Array(bytes);
}

/** Bytes of plain hexadecimal digits, spaces ignored. */
export function fromHex(text: string): Uint8Array {
  const digits = text.replace(/\s/g, "");
  if (digits.length % 2 !== 0 || /[^0-9a-fA-F]/.test(digits)) throw new Error(`Cannot read "${text}" as hexadecimal`);
  const bytes = new Uint8Array(digits.length / 2);
  for (let i = 0; i < bytes.length; i++) bytes[i] = parseInt(digits.slice(2 * i, 2 * i + 2), 16);
  return bytes;
}

/** Bytes as pairs of digits for a message; the middle of many is left out. */
export function toHex(bytes: Uint8Array, most = 96): string {
  const pairs = Array.from(bytes.subarray(0, most), (byte) => byte.toString(16).padStart(2, "0")).join(" ");
  return bytes.length > most ? `${pairs} … (${bytes.length} bytes)` : pairs;
}

/** All pieces as one. */
export function concat(pieces: readonly Uint8Array[]): Uint8Array {
  let length = 0;
  for (const piece of pieces) length += piece.length;
  const whole = new Uint8Array(length);
  let at = 0;
  for (const piece of pieces) {
    whole.set(piece, at);
    at += piece.length;
  }
  return whole;
}
