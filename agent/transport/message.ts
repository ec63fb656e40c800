import type { Steps } from "../config/mod.ts";
import { parseJsoncSteps } from "../config/jsonc.ts";

/** A message of the proxy, but for frames, which have a reader of their own (frame_reader.ts). */
export type Message = Record<string, unknown>;

/** Why a connection to a proxy is given up. */
export class Garbage {
  constructor(readonly text: string) {}
}

/**
 * From so many bytes on a push is parsed in steps: `JSON.parse` takes a millisecond for as many, and what it makes is the
 * collector's all at once.
 */
export const LARGE_PUSH_BYTES = 131_072;
/** The kind of an event stands at its beginning. */
const HEAD_BYTES = 256;
const CONFIGURE_EVENT = /"event_type"\s*:\s*"configure"/;

const text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
/** A character may be cut at the end of a head. */
const head = new TextDecoder();

/** Whether it is a `configure` event over v1, of so many rules that parsing it at once would hold up others. */
export function isLargePush(bytes: Uint8Array): boolean {
  return bytes.length >= LARGE_PUSH_BYTES && CONFIGURE_EVENT.test(head.decode(bytes.subarray(0, HEAD_BYTES)));
}

/** Throws `Garbage` for what is no JSON object in UTF-8. */
export function parseMessage(bytes: Uint8Array): Message {
  return asMessage(parseText(decode(bytes)));
}

/** As {@link parseMessage}, in steps. The bytes are read at once; they may change afterwards. */
export function parseMessageSteps(bytes: Uint8Array): Steps<Message> {
  return stepsOf(decode(bytes));
}

function decode(bytes: Uint8Array): string {
  try {
    return text.decode(bytes);
  } catch {
    throw new Garbage("a message that is not JSON");
  }
}

function parseText(decoded: string): unknown {
  try {
    return JSON.parse(decoded);
  } catch {
    throw new Garbage("a message that is not JSON");
  }
}

function* stepsOf(decoded: string): Steps<Message> {
  const parsed = yield* parseJsoncSteps(decoded, { isStrict: true });
  // What that reader refuses beyond JSON, deep nesting and numbers that are too large, has to get the same answer as in a
  // small push: why the configuration can not come into force.
  return asMessage("fault" in parsed ? parseText(decoded) : parsed.value);
}

function asMessage(value: unknown): Message {
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw new Garbage("a message that is not a JSON object");
  }
  return value as Message;
}
