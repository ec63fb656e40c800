import type { Environment } from "./config/mod.ts";

export type StateDirectory =
  /** Where what is to outlive a restart is kept; null: nowhere, and why. */
  | { readonly path: string }
  | { readonly path: null; readonly why: string }
  /** It was asked for, and can not be used. */
  | { readonly problem: string };

const NAME = "sentinel-mqtt-agent";

/**
 * Finds the state directory, and makes it, for its owner alone. `given` is what the command line says, null for nothing;
 * then `AGENT_STATE_DIR`, then systemd's `STATE_DIRECTORY` (the first of several), then the user's own place for state
 * (XDG Base Directory Specification). Only what nobody asked for may be missing.
 */
export async function openStateDirectory(given: string | null, env: Environment): Promise<StateDirectory> {
  const place = statePlace(given, env);
  if (place === null) return { path: null, why: "neither --state-dir nor XDG_STATE_HOME nor HOME says where" };
  const { path, isAsked } = place;
  const fault = await makeUsable(path);
  if (fault === null) return { path };
  return isAsked ? { problem: `Cannot keep state in "${path}": ${fault}` } : { path: null, why: `"${path}": ${fault}` };
}

/** Where state is kept, whether there is such a place or not, and whether somebody asked for it; null: nowhere. */
export function statePlace(
  given: string | null,
  env: Environment,
): { readonly path: string; readonly isAsked: boolean } | null {
  const asked = given ?? (env("AGENT_STATE_DIR") || env("STATE_DIRECTORY")?.split(":")[0] || null);
  if (asked !== null) return { path: asked, isAsked: true };
  const own = ownPlace(env);
  return own === null ? null : { path: own, isAsked: false };
}

function ownPlace(env: Environment): string | null {
  const state = env("XDG_STATE_HOME");
  // The specification has a relative path ignored.
  if (state?.startsWith("/")) return `${state}/${NAME}`;
  const home = env("HOME");
  return home?.startsWith("/") ? `${home}/.local/state/${NAME}` : null;
}

/** Null: it is there and can be written to. Nothing is left in it. */
async function makeUsable(path: string): Promise<string | null> {
  try {
    await Deno.mkdir(path, { recursive: true, mode: 0o700 });
    const probe = `${path}/.probe-${crypto.randomUUID()}`;
    await Deno.writeTextFile(probe, "", { createNew: true, mode: 0o600 });
    await Deno.remove(probe);
    return null;
  } catch (error) {
    if (error instanceof Deno.errors.PermissionDenied) return "permission denied";
    if (error instanceof Deno.errors.NotCapable) return "this process was started without the right to it";
    if (error instanceof Deno.errors.AlreadyExists || error instanceof Deno.errors.NotADirectory) {
      return "it is no directory";
    }
    return error instanceof Error ? error.message : String(error);
  }
}
