export type Replaced = { readonly done: true } | { readonly fault: string };

const CHANGED = "it was changed by somebody else meanwhile: nothing was written, try again";
const NEW_MODE = 0o600;
const MODE_BITS = 0o7777;

/**
 * Replaces a file's text in one step, so that whoever reads it sees the old or the new one and never a part: a new file
 * beside it, flushed to the disk, then renamed. Mode and owner stay; a link stays one, what it leads to is replaced. A
 * file that did not exist (`before` is null) is made for its owner alone.
 *
 * Refuses when the file does not hold `before` any more. Runs of this program wait for each other by a lock; an editor
 * knows no lock, and is missed if it writes between the last look and the rename, some microseconds.
 */
export async function replaceFile(path: string, before: string | null, text: string): Promise<Replaced> {
  if (before === null) return await writeBeside(path, text, null, (made) => linkNew(made, path));
  const target = await Deno.realPath(path);
  using file = await Deno.open(target);
  await file.lock(true);
  const info = await file.stat();
  return await writeBeside(target, text, info, async (made) => {
    if (await textOf(target) !== before) return { fault: CHANGED };
    await Deno.rename(made, target);
    return { done: true };
  });
}

async function writeBeside(
  target: string,
  text: string,
  like: Deno.FileInfo | null,
  publish: (made: string) => Promise<Replaced>,
): Promise<Replaced> {
  const slash = target.lastIndexOf("/") + 1;
  const made = `${target.slice(0, slash)}.${target.slice(slash)}.${crypto.randomUUID().slice(0, 8)}.tmp`;
  try {
    {
      using file = await Deno.open(made, { write: true, createNew: true, mode: NEW_MODE });
      await writeAll(file, new TextEncoder().encode(text));
      if (like !== null) await keepOwnerAndMode(made, like);
      await file.sync();
    }
    const replaced = await publish(made);
    if ("done" in replaced) await syncFolder(target.slice(0, slash) || ".");
    return replaced;
  } finally {
    // Renamed it is not there any more.
    await Deno.remove(made).catch(() => {});
  }
}

/** A link to the new file, since a rename would take the place of one that was made meanwhile. */
async function linkNew(made: string, path: string): Promise<Replaced> {
  try {
    await Deno.link(made, path);
    return { done: true };
  } catch (error) {
    if (error instanceof Deno.errors.AlreadyExists) return { fault: CHANGED };
    throw error;
  }
}

/** The agent has to be able to read what root wrote. The owner first: a change of owner takes bits from the mode. */
async function keepOwnerAndMode(made: string, like: Deno.FileInfo): Promise<void> {
  const own = await Deno.stat(made);
  if (own.uid !== like.uid || own.gid !== like.gid) await Deno.chown(made, like.uid, like.gid);
  if (like.mode !== null) await Deno.chmod(made, like.mode & MODE_BITS);
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

async function textOf(path: string): Promise<string | null> {
  return await Deno.readTextFile(path).catch(() => null);
}
