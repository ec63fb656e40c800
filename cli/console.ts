import { type Command, CommanderError } from "commander";

/** Exit codes: 0 ok, 1 failure, 2 bad arguments, 3 bad configuration, 4 tests of the rules failed. */
export const EXIT = { OK: 0, FAILURE: 1, ARGUMENTS: 2, CONFIGURATION: 3, TESTS: 4 } as const;

/** Where a command writes, and what it knows of its surroundings. */
export interface Console {
  /** What was asked for: standard output. */
  out(text: string): void;
  /** What a person should know: standard error. */
  note(text: string): void;
  readonly env: (name: string) => string | undefined;
  /** Milliseconds since the epoch. */
  readonly wallMs: () => number;
}

/** Standard output and error, environment and clock of the process, except for what is given. */
export function consoleOf(given: Partial<Console> = {}): Console {
  return {
    out: (text) => console.log(text),
    note: (text) => console.error(text),
    env: (name) => Deno.env.get(name),
    wallMs: Date.now,
    ...given,
  };
}

/** Ends a command with an exit code, and a message if there is one. */
export class Ending extends Error {
  override readonly name = "Ending";
  constructor(readonly code: number, message = "") {
    super(message);
  }
}

/** A command that writes to `on`, and throws instead of ending the process. */
export function prepared(command: Command, on: Console): Command {
  return command
    .helpOption("-h, --help", "print this help")
    .allowExcessArguments(false)
    .configureOutput({ writeOut: (text) => on.out(text.trimEnd()), writeErr: (text) => on.note(text.trimEnd()) })
    .exitOverride();
}

/** Runs a command with the arguments behind its name; resolves to the exit code. */
export async function runCommand(command: Command, args: readonly string[], on: Console): Promise<number> {
  try {
    await command.parseAsync(args, { from: "user" });
    return EXIT.OK;
  } catch (error) {
    return exitCodeOf(error, on);
  }
}

/** The exit code of what a command threw, its message written; what no command throws is thrown again. */
export function exitCodeOf(error: unknown, on: Console): number {
  // Help ends here too, with 0; what is wrong with the arguments was written.
  if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.OK : EXIT.ARGUMENTS;
  if (!(error instanceof Ending)) throw error;
  if (error.message !== "") on.note(error.message);
  return error.code;
}
