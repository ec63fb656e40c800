import { watchFiles } from "../file_watch.ts";

/** What providers need of the world around them; tests put a clock and timers of their own in its place. */
export interface Surroundings {
  /** Milliseconds that only go forward; what they count from does not matter. */
  monotonicMs(): number;
  /** Calls back once after `ms`; the returned function cancels. */
  setTimer(callback: () => void, ms: number): () => void;
  /** Says when one of the files changed. */
  watch(paths: readonly string[], onChange: () => void): { close(): unknown };
  /** For whoever runs the agent: what a provider found out by itself, such as keys that cannot be fetched. No secrets. */
  tell(level: "info" | "warn", message: string, fields?: Readonly<Record<string, unknown>>): void;
}

/** The world as it is. Its timers keep no process alive. */
export function realSurroundings(tell: Surroundings["tell"]): Surroundings {
  return {
    tell,
    monotonicMs: () => performance.now(),
    setTimer: (callback, ms) => {
      const id = setTimeout(callback, ms);
      Deno.unrefTimer(id);
      return () => clearTimeout(id);
    },
    watch: (paths, onChange) =>
      watchFiles(paths, onChange, {
        onError: (error) =>
          tell("warn", "Cannot watch files of a provider: they are looked at every few seconds", {
            files: paths.join(" "),
            error: error instanceof Error ? error.message : String(error),
          }),
      }),
  };
}
