import type { Direction, ProtocolLevel } from "../packet.ts";

/** One packet and what is to be made of it, at each of `levels`. */
export interface Vector {
  /** What is told apart, as the end of "… is refused", "… is read" or "… is noted". */
  readonly what: string;
  readonly from: Direction;
  readonly levels: readonly ProtocolLevel[];
  /** In the notation of `testBytes`. */
  readonly bytes: string;
  /** From a client: the CONNECT before it, where it is not the plain one of the level. */
  readonly connect?: string;
  /** Code of the violation; absent where the packet is read. */
  readonly refused?: string;
  /** The first so many bytes must be enough to refuse it. */
  readonly refusedAfter?: number;
  /** Some of the fields that must be read. */
  readonly fields?: Readonly<Record<string, unknown>>;
  /** The payload of a PUBLISH as hexadecimal. */
  readonly payload?: string;
  /** Code of the note on a broker's packet. */
  readonly note?: string;
}

export const ALL: readonly ProtocolLevel[] = [3, 4, 5];
/** The levels without properties. */
export const OLD: readonly ProtocolLevel[] = [3, 4];
export const V3: readonly ProtocolLevel[] = [3];
export const V4: readonly ProtocolLevel[] = [4];
export const V5: readonly ProtocolLevel[] = [5];

type More = Partial<Vector>;

/** A client's packet that breaks the standard. */
export function refused(levels: Vector["levels"], what: string, bytes: string, code: string, more?: More): Vector {
  return { what, from: "client", levels, bytes, refused: code, ...more };
}

/** A client's packet that must be read. */
export function read(
  levels: Vector["levels"],
  what: string,
  bytes: string,
  fields: Vector["fields"] = {},
  more?: More,
): Vector {
  return { what, from: "client", levels, bytes, fields, ...more };
}

/** A broker's packet that must be read without a note. */
export function delivered(
  levels: Vector["levels"],
  what: string,
  bytes: string,
  fields: Vector["fields"] = {},
  more?: More,
): Vector {
  return { what, from: "broker", levels, bytes, fields, ...more };
}

/** A broker's packet that is odd, and must be read with a note. */
export function noted(
  levels: Vector["levels"],
  what: string,
  bytes: string,
  note: string,
  fields: Vector["fields"] = {},
  more?: More,
): Vector {
  return { what, from: "broker", levels, bytes, note, fields, ...more };
}

/** A broker's packet that cannot be read. */
export function unreadable(levels: Vector["levels"], what: string, bytes: string, code: string, more?: More): Vector {
  return { what, from: "broker", levels, bytes, refused: code, ...more };
}
