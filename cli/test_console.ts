import type { Console } from "./console.ts";

/** A console for tests, which keeps what was written. */
export interface Captured extends Console {
  output(): string;
  notes(): string;
}

export const NOW_MS = Date.UTC(2026, 5, 1);

export function captured(env: Readonly<Record<string, string>> = {}): Captured {
  const out: string[] = [];
  const notes: string[] = [];
  return {
    out: (text) => void out.push(text),
    note: (text) => void notes.push(text),
    env: (name) => env[name],
    wallMs: () => NOW_MS,
    output: () => out.join("\n"),
    notes: () => notes.join("\n"),
  };
}
