/** What the agent keeps over a restart, read beside it: nothing is written, locked or tidied up. */
import { Option } from "commander";
import { BANS_FILE } from "../agent/bans/mod.ts";
import { type Environment, readText } from "../agent/config/mod.ts";
import { quoteWhole } from "../agent/config/quote.ts";
import { parsePush, type Push, PUSH_FILE } from "../agent/pushed_config.ts";
import { statePlace } from "../agent/state_directory.ts";

export interface KeptState {
  readonly directory: string;
  /** What the proxy pushed last; null for nothing. */
  readonly push: Push | null;
  readonly pushFile: string;
  /** The text of the file of run-time bans; null where there is none. */
  readonly bansText: string | null;
  readonly bansFile: string;
}

/** `--state-dir`, for commands that tell what a running agent does. */
export function stateOption(): Option {
  return new Option(
    "--state-dir <path>",
    "where the agent keeps bans and the proxy's push (default: as for the agent; env: AGENT_STATE_DIR)",
  );
}

/**
 * Reads the state directory that the agent would use; null where there is none and nobody asked for one. A problem is
 * one of what was asked for, or of what is there and cannot be understood, since the agent would not start with it.
 */
export function readKeptState(
  given: string | undefined,
  env: Environment,
): { readonly state: KeptState | null } | { readonly problem: string } {
  const place = statePlace(given || null, env);
  if (place === null) return { state: null };
  const { path: directory, isAsked } = place;
  const fault = directoryFault(directory);
  if (fault !== null) {
    return isAsked ? { problem: `Cannot read state from ${quoteWhole(directory)}: ${fault}` } : { state: null };
  }
  const [pushFile, bansFile] = [`${directory}/${PUSH_FILE}`, `${directory}/${BANS_FILE}`];
  const pushText = readIfThere(pushFile);
  const bansText = readIfThere(bansFile);
  if ("fault" in pushText) return { problem: `Cannot read ${quoteWhole(pushFile)}: ${pushText.fault}` };
  if ("fault" in bansText) return { problem: `Cannot read ${quoteWhole(bansFile)}: ${bansText.fault}` };
  const push = pushText.text === null ? { push: null } : parsePush(pushText.text);
  if ("fault" in push) return { problem: `Cannot read ${quoteWhole(pushFile)}: ${push.fault}` };
  return { state: { directory, push: push.push, pushFile, bansText: bansText.text, bansFile } };
}

function directoryFault(path: string): string | null {
  try {
    return Deno.statSync(path).isDirectory ? null : "it is no directory";
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return "there is no such directory";
    return error instanceof Deno.errors.PermissionDenied ? "permission denied" : String(error);
  }
}

function readIfThere(path: string): { readonly text: string | null } | { readonly fault: string } {
  const found = readText(path);
  if ("text" in found) return found;
  return found.fault === NOT_THERE ? { text: null } : found;
}

/** As `readText` says it. */
const NOT_THERE = "no such file";
