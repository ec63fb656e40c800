import type { Path } from "../../agent/config/mod.ts";
import type { Doubt, Lint, LintGround } from "./lint.ts";

/** Single settings that let more through than they seem to. */
export const SETTING_LINTS: readonly Lint[] = [
  {
    code: "acl-off",
    summary: "access control is off",
    advice: "Leave acl.enabled out, unless something else judges topics",
    find: ({ config }) => when(!config.acl.enabled, ["acl", "enabled"], "no topic is judged and no rule applies"),
  },
  {
    code: "default-allow",
    summary: "what no rule applies to is allowed",
    advice: 'Set acl.default-action to "deny" and allow what is needed by rules',
    find: ({ config: { acl } }) =>
      when(
        acl.enabled && acl["default-action"] === "allow",
        ["acl", "default-action"],
        "whatever no rule denies is allowed",
      ),
  },
  {
    code: "detect-only",
    summary: "nothing is blocked",
    advice: "Set general.block-mode to true once the audit shows what is expected",
    find: ({ config: { general } }) =>
      when(!general["block-mode"], ["general", "block-mode"], "refusals are only told: every packet passes"),
  },
  {
    code: "fail-open",
    summary: "an internal error allows",
    advice: "Leave general.fail-open out, unless a fault of the agent must never stop a device",
    find: ({ config: { general } }) =>
      when(general["fail-open"], ["general", "fail-open"], "a packet that the agent fails on passes"),
  },
  {
    code: "extensions-unseen",
    summary: "compressed WebSocket frames pass unseen",
    advice: 'Set general.websocket-extensions to "refuse": clients then connect without compression',
    find: ({ config: { general } }) =>
      when(
        general["websocket-extensions"] === "allow-unseen",
        ["general", "websocket-extensions"],
        "what a client sends through an extension is judged by nobody",
      ),
  },
  {
    code: "auth-without-provider",
    summary: "authentication is on and nobody can prove anything",
    advice: "Add a provider to auth.providers, or turn auth.enabled off",
    find: ({ config: { auth } }) =>
      when(
        auth.enabled && auth.providers.length === 0,
        ["auth", "enabled"],
        "authentication is on without any provider: every CONNECT with credentials is refused",
      ),
  },
  {
    code: "inspection-idle",
    summary: "inspection is on and looks for nothing",
    advice: "Turn on a pattern of inspection.patterns, add a schema, or set a limit",
    find: (on) =>
      when(
        on.config.inspection.enabled && isIdle(on),
        ["inspection", "enabled"],
        "inspection is on, but no pattern, schema or limit is",
      ),
  },
];

function when(is: boolean, path: Path, text: string): Doubt[] {
  return is ? [{ path, text }] : [];
}

/** The limits that hold by default are not what somebody turns inspection on for: only written ones count. */
function isIdle({ config: { inspection }, written }: LintGround): boolean {
  const { "custom-patterns": custom, ...known } = inspection.patterns;
  if (custom.length > 0 || Object.values(known).includes(true)) return false;
  if (inspection["json-schema"].length > 0 || inspection["block-binary"]) return false;
  const isWritten = (key: string): boolean => written.at(["inspection", key])?.value !== undefined;
  return !isWritten("json-limits") && !(isWritten("max-payload-size") && inspection["max-payload-size"] > 0);
}
