import { holdsSecrets, isSecret, type Leaf, leaves } from "../../agent/config/leaves.ts";
import { CONFIG } from "../../agent/config/schema/config.ts";
import type { Doubt, Lint, LintGround } from "./lint.ts";

/** Secrets where whoever reads the file reads them. */
export const SECRET_LINTS: readonly Lint[] = [
  {
    code: "secret-in-file",
    summary: "a secret that is written in the configuration file",
    advice: "Write ${NAME} in its place and set the variable where the agent is started",
    find: secretsInFiles,
  },
];

/** Secrets that are written out; what comes from the environment is none of these. */
export function secretsInFiles(on: LintGround): Doubt[] {
  const all = leaves(CONFIG, on.config, [], { into: holdsSecrets });
  return [...all].filter(({ shape }) => isSecret(shape)).flatMap((leaf) => written(leaf, on));
}

function written(leaf: Leaf, on: LintGround): Doubt[] {
  const { path, shape } = leaf;
  const raw = on.written.at(path)?.value;
  if (shape.kind === "json") return inTemplate(raw).map((inner) => said([...path, ...inner]));
  if (typeof raw !== "string" || !isWrittenOut(raw)) return [];
  const isAddress = shape.kind === "text" && shape.form?.name === "address";
  if (isAddress) return holdsPassword(raw) ? [{ path, text: "a password or key is written in the address" }] : [];
  const isHeader = path.at(-2) === "headers";
  return isHeader && !SECRET_NAME.test(String(path.at(-1))) ? [] : [said(path)];
}

function said(path: Leaf["path"]): Doubt {
  return { path, text: "a secret is written in the file" };
}

/** Names of headers and fields that carry a credential. */
const SECRET_NAME = /auth|cookie|token|secret|passw|passphrase|credential|signature|api[-_]?key|private[-_]?key/i;

const REFERENCE = /\$\$\{|\$\{([A-Za-z_][A-Za-z0-9_]*)(:-[^}]*)?\}/g;

/** Whether there is something in it that no environment and no client gives; a default that is not empty counts. */
function isWrittenOut(raw: string): boolean {
  let given = false;
  const rest = raw.replaceAll(REFERENCE, (all, name: string | undefined, fallback: string | undefined) => {
    if (all === "$${") return all;
    if (name !== undefined && (fallback === undefined || fallback === ":-")) given = true;
    return fallback ?? "";
  });
  // "Bearer ${TOKEN}": the secret is in the environment, what stands around it is not one.
  return !given && rest !== "";
}

/** A user name with a password, or a field of the query that is named like a secret. */
function holdsPassword(raw: string): boolean {
  if (!URL.canParse(raw)) return false;
  const { password, searchParams } = new URL(raw);
  return password !== "" || [...searchParams].some(([name, value]) => SECRET_NAME.test(name) && isWrittenOut(value));
}

/** Paths of texts in the template of a request whose keys are named like secrets. */
function inTemplate(raw: unknown): (string | number)[][] {
  if (typeof raw !== "object" || raw === null) return [];
  return Object.entries(raw).flatMap(([key, value]) => {
    const part = Array.isArray(raw) ? Number(key) : key;
    if (typeof value === "string") return SECRET_NAME.test(key) && isWrittenOut(value) ? [[part]] : [];
    return inTemplate(value).map((inner) => [part, ...inner]);
  });
}
