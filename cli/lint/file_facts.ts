import { type ReadText, readText } from "../../agent/config/mod.ts";

/** What lints may learn of files. */
export interface FileFacts {
  readonly read: ReadText;
  /** Permission bits, or null where there is no such file or the system has none. */
  mode(path: string): number | null;
}

export const REAL_FILES: FileFacts = {
  read: readText,
  mode(path) {
    try {
      const { mode } = Deno.statSync(path);
      return mode === null ? null : mode & 0o7777;
    } catch {
      return null;
    }
  },
};
