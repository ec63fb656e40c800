/** A file's text, or why there is none: `Cannot read "acl.json": no such file`. */
export type ReadResult = { readonly text: string } | { readonly fault: string };

export type ReadText = (path: string) => ReadResult;

/** Larger files are no configuration, and reading one must not take the process's memory. */
export const MAX_FILE_BYTES = 64 * 1024 * 1024;

/** Reads a file as UTF-8, without its byte order mark. Never throws. */
export function readText(path: string): ReadResult {
  try {
    const bytes = readBytes(path);
    if (bytes === null) return { fault: "larger than 64 MiB" };
    return { text: decodeUtf8(bytes) };
  } catch (error) {
    return { fault: faultOf(error) };
  }
}

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

function readBytes(path: string): Uint8Array | null {
  using file = Deno.openSync(path);
  const { size } = file.statSync();
  if (size > MAX_FILE_BYTES) return null;
  // A pipe has no size and a file may grow while it is read: what counts is what comes.
  let bytes = new Uint8Array(Math.max(size + 1, 65_536));
  let length = 0;
  for (;;) {
    const read = file.readSync(bytes.subarray(length));
    if (read === null) return bytes.subarray(0, length);
    length += read;
    if (length > MAX_FILE_BYTES) return null;
    if (length < bytes.length) continue;
    const larger = new Uint8Array(bytes.length * 2);
    larger.set(bytes);
    bytes = larger;
  }
}

function decodeUtf8(bytes: Uint8Array): string {
  return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
}
