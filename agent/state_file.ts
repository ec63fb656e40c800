/** What a state file holds, or null where there is none (yet). */
export type StateText = { readonly text: string | null } | { readonly fault: string };

/** Nothing that this process writes is larger. */
const MAX_BYTES = 64 * 1024 * 1024;
const MODE = 0o600;

/**
 * A file that this process alone writes, replaced as a whole: a new file beside it, flushed to the disk, then renamed, so
 * that a crash leaves the old or the new one and never a part. For its owner alone, since it names clients.
 *
 * Never takes the place of a file that it has neither read nor written: then somebody else writes it too, and one of the
 * two would lose what it keeps.
 */
export class StateFile {
  readonly path: string;
  readonly #folder: string;
  readonly #name: string;
  /** How the file looked when it was last read or written; null: there was none. */
  #seen: string | null = null;

  constructor(folder: string, name: string) {
    this.path = `${folder}/${name}`;
    this.#folder = folder;
    this.#name = name;
  }

  /** Reads the file and takes away what a crash left beside it. Never rejects. */
  async read(): Promise<StateText> {
    try {
      const info = await statOf(this.path);
      if (info === null) return { text: null };
      if (!info.isFile) return { fault: "it is no file" };
      if (info.size > MAX_BYTES) return { fault: "it is larger than 64 MiB" };
      const text = new TextDecoder("utf-8", { fatal: true }).decode(await Deno.readFile(this.path));
      this.#seen = markOf(info);
      return { text };
    } catch (error) {
      return { fault: faultOf(error) };
    } finally {
      await this.#removeLeftovers();
    }
  }

  /**
   * Writes the pieces as the file's text. Between two of them other work is done, so that they should be small. Null when
   * it is done, else what is wrong, and then the file is as it was. Never rejects.
   */
  async write(pieces: Iterable<string>): Promise<string | null> {
    const made = `${this.#folder}/.${this.#name}.${crypto.randomUUID().slice(0, 8)}.tmp`;
    try {
      {
        using file = await Deno.open(made, { write: true, createNew: true, mode: MODE });
        const encoder = new TextEncoder();
        for (const piece of pieces) await writeAll(file, encoder.encode(piece));
        await file.sync();
      }
      const there = await statOf(this.path);
      if (there !== null && markOf(there) !== this.#seen) {
        return "it was written by somebody else meanwhile, and one state directory serves one agent";
      }
      await Deno.rename(made, this.path);
      const written = await statOf(this.path);
      this.#seen = written === null ? null : markOf(written);
      await syncFolder(this.#folder);
      return null;
    } catch (error) {
      return faultOf(error);
    } finally {
      // Renamed it is not there any more.
      await Deno.remove(made).catch(() => {});
    }
  }

  async #removeLeftovers(): Promise<void> {
    try {
      for await (const { name, isFile } of Deno.readDir(this.#folder)) {
        const isOurs = name.startsWith(`.${this.#name}.`) &&
          /^[0-9a-f]{8}\.tmp$/.test(name.slice(this.#name.length + 2));
        if (isFile && isOurs) await Deno.remove(`${this.#folder}/${name}`).catch(() => {});
      }
    } catch {
      // They take room and do no harm.
    }
  }
}

async function statOf(path: string): Promise<Deno.FileInfo | null> {
  try {
    return await Deno.stat(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return null;
    throw error;
  }
}

/** Differs when the file does: each replacement is another inode. */
function markOf({ dev, ino, size, mtime }: Deno.FileInfo): string {
  return `${dev} ${ino} ${size} ${mtime?.getTime()}`;
}

async function writeAll(file: Deno.FsFile, bytes: Uint8Array): Promise<void> {
  for (let at = 0; at < bytes.length;) at += await file.write(bytes.subarray(at));
}

/** So that the rename outlives a loss of power too. Not every file system can. */
async function syncFolder(folder: string): Promise<void> {
  try {
    using handle = await Deno.open(folder);
    await handle.sync();
  } catch {
    // The file itself is flushed.
  }
}

function faultOf(error: unknown): string {
  if (error instanceof Deno.errors.PermissionDenied) return "permission denied";
  if (error instanceof Deno.errors.NotCapable) return "this process was started without the right to it";
  if (error instanceof Deno.errors.NotFound) return "there is no such directory";
  if (error instanceof Deno.errors.NotADirectory) return "its directory is none";
  if (error instanceof TypeError) return "it is not valid UTF-8";
  return error instanceof Error ? error.message : String(error);
}
