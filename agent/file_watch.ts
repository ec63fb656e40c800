/**
 * Says when files change, however they are changed: written in place, replaced by a rename as editors do, swapped by a
 * symbolic link as Kubernetes does with its `..data`, deleted, made again, or not there yet.
 */

export interface WatchOptions {
  /** So long nothing more may happen before a change is told; 100. */
  readonly debounceMs?: number;
  /** After so long it is told although things go on happening; 2000. */
  readonly maxDelayMs?: number;
  /** How often files are looked at, for what the system does not tell: network disks, links that lead over links; 2000. */
  readonly pollMs?: number;
  /** False: the system's events are not used. */
  readonly events?: boolean;
  /** What went wrong with the system's events (files are still looked at), and what `onChange` threw. */
  readonly onError?: (error: unknown) => void;
}

export interface FileWatch {
  /** Nothing is told any more once this is called. Resolves when nothing is under way any more. */
  close(): Promise<void>;
}

/**
 * Tells which of the files changed since the last call, or since `watchFiles` returned: who reads them after that misses
 * nothing. A file may be told although its content is what it was; what was last written is always told. Never throws.
 *
 * Why folders are watched and not the files: the system watches an inode, and a file that is replaced is another one.
 */
export function watchFiles(
  paths: readonly string[],
  onChange: (changed: readonly string[]) => void,
  options: WatchOptions = {},
): FileWatch {
  return new Watch(paths, onChange, options);
}

const DEFAULTS = { debounceMs: 100, maxDelayMs: 2000, pollMs: 2000, events: true, onError: () => {} } as const;

interface Look {
  /** Differs when the file does. */
  readonly mark: string;
  /** Where the file is once every link is followed, or null where there is none. */
  readonly realPath: string | null;
}

interface Folder {
  readonly mark: string;
  readonly watcher: Deno.FsWatcher;
  readonly ended: Promise<void>;
}

class Watch implements FileWatch {
  readonly #paths: readonly string[];
  readonly #onChange: (changed: readonly string[]) => void;
  readonly #options: Required<WatchOptions>;
  /** How each file looked when it was last told. */
  readonly #looks = new Map<string, Look>();
  readonly #folders = new Map<string, Folder>();
  /** Files that an event named: told even if they look as before, since times are kept in milliseconds. */
  readonly #named = new Set<string>();
  readonly #ended: Promise<void>[] = [];
  #untoldSinceMs: number | null = null;
  #debounce: ReturnType<typeof setTimeout> | undefined;
  #poll: ReturnType<typeof setTimeout> | undefined;
  /** One thing at a time, in order. */
  #last: Promise<void> = Promise.resolve();
  #closed = false;
  #toldNoEvents = false;

  constructor(paths: readonly string[], onChange: (changed: readonly string[]) => void, options: WatchOptions) {
    this.#paths = [...new Set(paths)];
    this.#onChange = onChange;
    this.#options = { ...DEFAULTS, ...options };
    // Synchronous, and folders before files: what happens from here on is either an event or another look.
    for (const folder of this.#wantedFolders()) this.#watchFolder(folder, markOf(statOrNull(folder)));
    for (const path of this.#paths) this.#looks.set(path, lookNow(path));
    for (const folder of this.#wantedFolders()) this.#watchFolder(folder, markOf(statOrNull(folder)));
    this.#schedulePoll();
  }

  async close(): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#debounce);
    clearTimeout(this.#poll);
    for (const folder of this.#folders.keys()) this.#leaveFolder(folder);
    await this.#last;
    await Promise.all(this.#ended);
  }

  #schedulePoll(): void {
    if (this.#closed) return;
    this.#poll = setTimeout(() => this.#then(() => this.#lookForChanges()), this.#options.pollMs);
    Deno.unrefTimer(this.#poll);
  }

  #then(step: () => Promise<void>): void {
    this.#last = this.#last.then(() => this.#closed ? undefined : step()).catch((error) =>
      this.#options.onError(error)
    );
  }

  async #lookForChanges(): Promise<void> {
    await this.#watchFolders();
    for (const path of this.#paths) {
      const { mark } = await look(path);
      if (mark !== this.#looks.get(path)?.mark) this.#changing();
    }
    this.#schedulePoll();
  }

  /** Something happens: it is told once it is over, since a file may be half written. */
  #changing(): void {
    if (this.#closed) return;
    const now = performance.now();
    this.#untoldSinceMs ??= now;
    const { debounceMs, maxDelayMs } = this.#options;
    clearTimeout(this.#debounce);
    const delayMs = Math.max(0, Math.min(debounceMs, this.#untoldSinceMs + maxDelayMs - now));
    this.#debounce = setTimeout(() => this.#then(() => this.#tell()), delayMs);
    Deno.unrefTimer(this.#debounce);
  }

  async #tell(): Promise<void> {
    this.#untoldSinceMs = null;
    const named = new Set(this.#named);
    this.#named.clear();
    const changed: string[] = [];
    for (const path of this.#paths) {
      const found = await look(path);
      const before = this.#looks.get(path);
      // A file that was not there and is not there has not changed, whatever its name did in between.
      const gone = found.realPath === null && before?.realPath === null;
      if (found.mark !== before?.mark || (named.has(path) && !gone)) changed.push(path);
      this.#looks.set(path, found);
    }
    await this.#watchFolders();
    if (this.#closed || changed.length === 0) return;
    try {
      this.#onChange(changed);
    } catch (error) {
      this.#options.onError(error);
    }
  }

  /** The folder that a path is in, and the one that its links lead to. */
  #wantedFolders(): Set<string> {
    const folders = new Set<string>();
    for (const path of this.#paths) {
      folders.add(folderOf(path));
      const realPath = this.#looks.get(path)?.realPath;
      if (realPath !== undefined && realPath !== null) folders.add(folderOf(realPath));
    }
    return folders;
  }

  /** Folders come, go and are replaced by others of the same name. */
  async #watchFolders(): Promise<void> {
    const wanted = this.#wantedFolders();
    for (const folder of this.#folders.keys()) if (!wanted.has(folder)) this.#leaveFolder(folder);
    for (const folder of wanted) {
      const mark = markOf(await Deno.stat(folder).catch(() => null));
      if (!this.#closed) this.#watchFolder(folder, mark);
    }
  }

  #watchFolder(folder: string, mark: string | null): void {
    if (!this.#options.events || this.#folders.get(folder)?.mark === mark) return;
    this.#leaveFolder(folder);
    if (mark === null) return;
    let watcher: Deno.FsWatcher;
    try {
      watcher = Deno.watchFs(folder, { recursive: false });
    } catch (error) {
      if (error instanceof Deno.errors.NotFound || this.#toldNoEvents) return;
      // Once: the system has no more watches to give, which does not change by asking every two seconds.
      this.#toldNoEvents = true;
      this.#options.onError(error);
      return;
    }
    this.#folders.set(folder, { mark, watcher, ended: this.#follow(watcher) });
  }

  #leaveFolder(folder: string): void {
    const left = this.#folders.get(folder);
    if (left === undefined) return;
    this.#folders.delete(folder);
    left.watcher.close();
    const ended = left.ended.then(() => {
      this.#ended.splice(this.#ended.indexOf(ended), 1);
    });
    this.#ended.push(ended);
  }

  async #follow(watcher: Deno.FsWatcher): Promise<void> {
    try {
      for await (const { kind, paths } of watcher) {
        // Reading, where the system tells it, and the closing that follows a writing, which was told itself.
        if (kind === "access") continue;
        const names = new Set(paths.map(nameOf));
        for (const path of this.#paths) {
          const realPath = this.#looks.get(path)?.realPath ?? path;
          if (names.has(nameOf(path)) || names.has(nameOf(realPath))) this.#named.add(path);
        }
        this.#changing();
      }
    } catch (error) {
      if (!this.#closed) this.#options.onError(error);
    }
  }
}

async function look(path: string): Promise<Look> {
  try {
    const realPath = await Deno.realPath(path);
    return { mark: `${realPath}|${markOf(await Deno.stat(realPath))}`, realPath };
  } catch (error) {
    return lookOfNone(error);
  }
}

function lookNow(path: string): Look {
  try {
    const realPath = Deno.realPathSync(path);
    return { mark: `${realPath}|${markOf(Deno.statSync(realPath))}`, realPath };
  } catch (error) {
    return lookOfNone(error);
  }
}

/** A file that may not be read is another change than one that is not there. */
function lookOfNone(error: unknown): Look {
  return { mark: error instanceof Error ? error.name : "unknown", realPath: null };
}

/** Of a folder only what it is: its times change with everything in it. */
function markOf(info: Deno.FileInfo | null): string | null {
  if (info === null) return null;
  const identity = `${info.dev}:${info.ino}`;
  return info.isDirectory ? identity : `${identity}:${info.size}:${info.mtime?.getTime()}:${info.ctime?.getTime()}`;
}

function statOrNull(path: string): Deno.FileInfo | null {
  try {
    return Deno.statSync(path);
  } catch {
    return null;
  }
}

function folderOf(path: string): string {
  const slash = path.lastIndexOf("/");
  return slash < 0 ? "." : slash === 0 ? "/" : path.slice(0, slash);
}

function nameOf(path: string): string {
  return path.slice(path.lastIndexOf("/") + 1);
}
