import { clearImmediate, setImmediate } from "node:timers";
import { ConfigDocument } from "../config/document.ts";
import type { Problem } from "../config/problem.ts";
import { quoteWhole } from "../config/quote.ts";
import { readText } from "../config/read_text.ts";
import type { HashLimits } from "./password_hash.ts";
import type { Threads } from "./threads.ts";
import { readUsers, type UserRecord } from "./users_file.ts";
import { type UsersTable, UsersTableBuilder } from "./users_table.ts";

/** To the worker: what to read, and then that it may send more. */
export type UsersOrder =
  | { readonly kind: "read"; readonly path: string; readonly limits: HashLimits }
  | { readonly kind: "more" };

/** From the worker: the users piece by piece, each piece asked for; or what is wrong. */
export type UsersReport =
  | { readonly kind: "users"; readonly records: readonly UserRecord[]; readonly last: boolean }
  | { readonly kind: "problems"; readonly problems: readonly Problem[] };

export interface UsersLoad {
  readonly path: string;
  readonly limits: HashLimits;
  /** What the file said before: entries that say the same stay the same objects. */
  readonly previous: UsersTable;
  readonly threads: Threads;
  readonly signal: AbortSignal;
}

export type UsersLoadResult = { readonly table: UsersTable } | { readonly problems: readonly Problem[] };

/** A larger file, some 300 users, would take longer than the 2 ms that the frame path can spare. */
const INLINE_BYTES = 65_536;
/** Users put into the table at a time: 1 ms. */
export const PIECE_USERS = 500;

/**
 * Reads a users file whatever its size without holding up this thread: a small JSON file here, any other one in a thread
 * of its own that hands over its users piece by piece. Never rejects.
 */
export async function loadUsers(load: UsersLoad): Promise<UsersLoadResult> {
  const { path, limits, previous } = load;
  if (!(await isSmallJson(path))) return await loadInThread(load);
  const found = readText(path);
  if ("fault" in found) return { problems: [unreadable(path, found.fault)] };
  const reading = readUsers(ConfigDocument.ofText(path, found.text), limits);
  if ("problems" in reading) return reading;
  const builder = new UsersTableBuilder(previous);
  for (const record of reading.records) builder.add(record);
  return { table: builder.finish() };
}

/** The problem that a file cannot be read. */
export function unreadable(path: string, fault: string): Problem {
  const source = quoteWhole(path);
  const message = `Cannot read ${source}: ${fault}`;
  return { kind: "read", place: { source, file: path }, path: [], text: fault, message };
}

export function isYamlPath(path: string): boolean {
  return /\.ya?ml$/i.test(path);
}

async function isSmallJson(path: string): Promise<boolean> {
  if (isYamlPath(path)) return false;
  try {
    return (await Deno.stat(path)).size <= INLINE_BYTES;
  } catch {
    // Reading it will say why.
    return true;
  }
}

function loadInThread({ path, limits, previous, threads, signal }: UsersLoad): Promise<UsersLoadResult> {
  const stopped = { problems: [unreadable(path, "the agent stops")] };
  if (signal.aborted) return Promise.resolve(stopped);
  const { promise, resolve } = Promise.withResolvers<UsersLoadResult>();
  const builder = new UsersTableBuilder(previous);
  let turn: ReturnType<typeof setImmediate> | undefined;
  const end = (result: UsersLoadResult): void => {
    clearImmediate(turn);
    signal.removeEventListener("abort", abort);
    thread.stop();
    resolve(result);
  };
  const abort = (): void => end(stopped);
  const thread = threads.start("users", {
    onMessage: (data) => {
      const report = data as UsersReport;
      if (report.kind === "problems") return end(report);
      for (const record of report.records) builder.add(record);
      if (report.last) return end({ table: builder.finish() });
      // In another turn: pieces that are there already must not follow each other without a frame between them.
      turn = setImmediate(() => thread.post({ kind: "more" } satisfies UsersOrder));
    },
    onFailure: (why) => end({ problems: [unreadable(path, `the thread that read it failed: ${why}`)] }),
  });
  signal.addEventListener("abort", abort);
  thread.post({ kind: "read", path, limits } satisfies UsersOrder);
  return promise;
}
