import { finished, type Steps } from "./steps.ts";

/** A file's text, or why there is none: `Cannot read "acl.json": no such file`. */
export type ReadResult = { readonly text: string } | { readonly fault: string };

export type ReadText = (path: string) => ReadResult;

/** Larger files are no configuration, and reading one must not take the process's memory. */
export const MAX_FILE_BYTES = 64 * 1024 * 1024;

/** Read and decoded in one step: 0.2 ms. */
const PIECE_BYTES = 256 * 1024;

/** Reads a file as UTF-8, without its byte order mark. Never throws. */
export function readText(path: string): ReadResult {
  return finished(readTextSteps(path));
}

/** As {@link readText}, in steps; the last one joins what was read. */
export function* readTextSteps(path: string): Steps<ReadResult> {
  const found = yield* readPiecesSteps(path);
  return "fault" in found ? found : { text: found.pieces.join("") };
}

/** As {@link readTextSteps}, the text in pieces: to join those of 20 MB takes 15 ms. The file is open in between. */
export function* readPiecesSteps(
  path: string,
): Steps<{ readonly pieces: readonly string[] } | { readonly fault: string }> {
  try {
    using file = Deno.openSync(path);
    if (file.statSync().size > MAX_FILE_BYTES) return TOO_LARGE;
    const decoder = new TextDecoder("utf-8", { fatal: true });
    const piece = new Uint8Array(PIECE_BYTES);
    const texts: string[] = [];
    // A pipe has no size and a file may grow while it is read: what counts is what comes.
    for (let length = 0;;) {
      const read = file.readSync(piece);
      if (read === null) break;
      length += read;
      if (length > MAX_FILE_BYTES) return TOO_LARGE;
      texts.push(decoder.decode(piece.subarray(0, read), { stream: true }));
      if (read === PIECE_BYTES) yield;
    }
    texts.push(decoder.decode());
    return { pieces: texts };
  } catch (error) {
    return { fault: faultOf(error) };
  }
}

const TOO_LARGE = { fault: "larger than 64 MiB" };

/** What a message says of a file that cannot be read. */
function faultOf(error: unknown): string {
  if (error instanceof Deno.errors.NotFound) return "no such file";
  if (error instanceof Deno.errors.PermissionDenied) return "permission denied";
  if (error instanceof Deno.errors.NotCapable) return "this process was started without the right to read it";
  if (error instanceof Deno.errors.IsADirectory) return "it is a directory";
  if (error instanceof Deno.errors.NotADirectory) return "no such file";
  if (error instanceof TypeError) return "not valid UTF-8";
  return error instanceof Error ? error.message : String(error);
}
