import { ConfigDocument } from "../config/document.ts";
import type { Problem } from "../config/problem.ts";
import { quoteWhole } from "../config/quote.ts";
import { readPiecesSteps } from "../config/read_text.ts";
import { type Steps, turnGiver } from "../config/steps.ts";
import type { HashLimits } from "./password_hash.ts";
import type { Threads } from "./threads.ts";
import { readUsersSteps, type UserRecord } from "./users_file.ts";
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
  /** Lets whoever waits in this thread go first, between two steps. */
  readonly yieldTurn?: () => Promise<void>;
}

export type UsersLoadResult = { readonly table: UsersTable } | { readonly problems: readonly Problem[] };

/** Users put into the table in one step: a fifth of a millisecond. */
const STEP_USERS = 64;
/** Users that the thread hands over at a time: a millisecond, with what it takes to receive them. */
export const PIECE_USERS = 192;

/**
 * Reads a users file whatever its size without holding up this thread: JSON here, in steps; YAML, whose library knows no
 * steps, in a thread of its own that hands over its users piece by piece. Never rejects.
 *
 * Why JSON is not read in a thread: the engine of a new one has to stand first, and what it hands over has to be made anew
 * here.
 */
export async function loadUsers(load: UsersLoad): Promise<UsersLoadResult> {
  if (isYamlPath(load.path)) return await loadInThread(load);
  const { signal, yieldTurn = turnGiver() } = load;
  const steps = loadHere(load);
  for (;;) {
    const step = steps.next();
    if (step.done === true) return step.value;
    await yieldTurn();
    if (signal.aborted) return stopped(load);
  }
}

function* loadHere({ path, limits, previous }: UsersLoad): Steps<UsersLoadResult> {
  const found = yield* readPiecesSteps(path);
  if ("fault" in found) return { problems: [unreadable(path, found.fault)] };
  const document = yield* ConfigDocument.ofTextSteps(path, found.pieces, "users");
  const reading = yield* readUsersSteps(document, limits);
  if ("problems" in reading) return reading;
  const builder = new UsersTableBuilder(previous);
  const { records } = reading;
  for (let from = 0; from < records.length; from += STEP_USERS) {
    for (const record of records.slice(from, from + STEP_USERS)) builder.add(record);
    yield;
  }
  return { table: builder.finish() };
}

function stopped({ path }: UsersLoad): UsersLoadResult {
  return { problems: [unreadable(path, "the agent stops")] };
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

function loadInThread(load: UsersLoad): Promise<UsersLoadResult> {
  const { path, limits, previous, threads, signal } = load;
  if (signal.aborted) return Promise.resolve(stopped(load));
  const { promise, resolve } = Promise.withResolvers<UsersLoadResult>();
  const builder = new UsersTableBuilder(previous);
  let turn: ReturnType<typeof setTimeout> | undefined;
  const end = (result: UsersLoadResult): void => {
    clearTimeout(turn);
    signal.removeEventListener("abort", abort);
    thread.stop();
    resolve(result);
  };
  const abort = (): void => end(stopped(load));
  const thread = threads.start("users", {
    onMessage: (data) => {
      const report = data as UsersReport;
      if (report.kind === "problems") return end(report);
      for (const record of report.records) builder.add(record);
      if (report.last) return end({ table: builder.finish() });
      // In another turn (turnGiver): pieces must not follow each other without a frame between them.
      turn = setTimeout(() => thread.post({ kind: "more" } satisfies UsersOrder), 0);
    },
    onFailure: (why) => end({ problems: [unreadable(path, `the thread that read it failed: ${why}`)] }),
  });
  signal.addEventListener("abort", abort);
  thread.post({ kind: "read", path, limits } satisfies UsersOrder);
  return promise;
}
