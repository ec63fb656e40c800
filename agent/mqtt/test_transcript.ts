import {
  NEED_MORE,
  PACKET,
  type PacketStream,
  PUBLISH_END,
  PUBLISH_HEAD,
  TOO_LARGE,
  VIOLATION,
} from "./packet_stream.ts";

/** One report of a stream, as data that outlives it: binary fields as `hex:…`. */
export interface Report {
  kind: "head" | "end" | "packet" | "violation" | "too-large";
  /** Fields of the packet; null where there are none. */
  fields: Record<string, unknown> | null;
  payload: string | null;
  violation: string | null;
  note: string | null;
  packetType: number;
  packetBytes: number;
}

export interface TranscriptOptions {
  /** Sets `keepPayload` for each PUBLISH. */
  keepPayload?: boolean;
}

const KINDS: Record<number, Report["kind"]> = {
  [PUBLISH_HEAD]: "head",
  [PUBLISH_END]: "end",
  [PACKET]: "packet",
  [VIOLATION]: "violation",
  [TOO_LARGE]: "too-large",
};

/**
 * Everything that `stream` reports of `pieces`, pushed one after the other. A buffer is overwritten when it was read, since it is the caller's: a view that is kept too
 * long shows. The violation is told once.
 */
export function transcript(
  stream: PacketStream,
  pieces: Iterable<Uint8Array>,
  options: TranscriptOptions = {},
): Report[] {
  const reports: Report[] = [];
  for (const piece of pieces) {
    const bytes = new Uint8Array(piece.length + 6).fill(0xff);
    bytes.set(piece, 3);
    stream.push(bytes, 3, 3 + piece.length);
    for (;;) {
      const found = stream.next();
      if (found === NEED_MORE) break;
      reports.push(report(stream, found));
      if (found === VIOLATION) return reports;
      if (found === PUBLISH_HEAD && options.keepPayload) stream.keepPayload = true;
    }
    bytes.fill(0xaa);
  }
  return reports;
}

/** `bytes` as pieces of `size`. */
export function* cutEvery(bytes: Uint8Array, size: number): Generator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

function report(stream: PacketStream, found: number): Report {
  const fields = found === PUBLISH_HEAD ? stream.publish : found === PACKET ? stream.packet : null;
  return {
    kind: KINDS[found] as Report["kind"],
    fields: fields === null ? null : plain(fields) as Record<string, unknown>,
    payload: stream.payload === null ? null : plain(stream.payload) as string,
    violation: stream.violation?.code ?? null,
    note: stream.note?.code ?? null,
    packetType: stream.packetType,
    packetBytes: stream.packetBytes,
  };
}

function plain(value: unknown): unknown {
  if (value instanceof Uint8Array) return `hex:${value.toHex()}`;
  if (Array.isArray(value)) return value.map(plain);
  if (value === null || typeof value !== "object") return value;
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, plain(inner)]));
}
