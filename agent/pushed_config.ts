import type { StateFile } from "./state_file.ts";

/** What a proxy pushed last. */
export interface Push {
  readonly json: string;
  /** Whose push it is. */
  readonly from: string;
  /** Milliseconds since the epoch. */
  readonly atMs: number;
}

/** In the state directory. */
export const PUSH_FILE = "push.json";
const STATE_VERSION = 1;
/** Characters of the push that are written at a time. */
const PIECE_CHARACTERS = 65_536;

/** The text of the file that keeps a push over a restart, in pieces: one line of JSON. */
export function* keptPush({ json, from, atMs }: Push): Iterable<string> {
  const tail = JSON.stringify({ from, atMs }).slice(1);
  yield `{"version":${STATE_VERSION},"json":"`;
  for (let at = 0; at < json.length; at += PIECE_CHARACTERS) {
    // A surrogate pair that is cut here is written as two escapes, which are read as the pair again.
    yield JSON.stringify(json.slice(at, at + PIECE_CHARACTERS)).slice(1, -1);
  }
  yield `",${tail}\n`;
}

/** The push that was kept, null for none; or why it cannot be told. Never rejects. */
export async function readPush(
  state: StateFile,
): Promise<{ readonly push: Push | null } | { readonly problem: string }> {
  const found = await state.read();
  const fail = (fault: string) => ({ problem: `Cannot read the proxy's configuration from "${state.path}": ${fault}` });
  if ("fault" in found) return fail(found.fault);
  if (found.text === null) return { push: null };
  const read = parsePush(found.text);
  return "fault" in read ? fail(read.fault) : read;
}

/** Reads what {@link keptPush} wrote; the fault is the end of a sentence. */
export function parsePush(text: string): { readonly push: Push } | { readonly fault: string } {
  try {
    const kept: unknown = JSON.parse(text);
    if (typeof kept !== "object" || kept === null) return { fault: "it is no object" };
    const { version, json, from, atMs } = kept as Record<string, unknown>;
    if (version !== STATE_VERSION) {
      return { fault: `it is of version ${String(version)}, and this agent knows ${STATE_VERSION}` };
    }
    if (typeof json !== "string" || typeof from !== "string" || typeof atMs !== "number") {
      return { fault: "a part is missing" };
    }
    JSON.parse(json);
    return { push: { json, from, atMs } };
  } catch {
    return { fault: "it is not JSON" };
  }
}
