import type { Placeholders } from "./shape.ts";

/** The environment as a lookup: `(name) => Deno.env.get(name)`. */
export type Environment = (name: string) => string | undefined;

export type Expanded =
  | { readonly text: string; readonly fromEnvironment: boolean }
  | { readonly fault: string };

const REFERENCE = /\$\$\{|\$\{(?:([A-Za-z_][A-Za-z0-9_]*)(?::-([^}]*))?\}|(attr\.[^{}]+)\})?/g;

/** What each client has its own of. In a topic one literal level (design: access control), in a request its fields. */
const PLACEHOLDERS: Readonly<Record<Placeholders, ReadonlySet<string>>> = {
  topic: new Set(["clientid", "username", "ip"]),
  request: new Set(["clientid", "username", "password", "ip", "protocol"]),
};
const IN_TOPIC = /\$\{(?:clientid|username|ip|attr\.[^{}]+)\}/g;
const IN_REQUEST = /\$\{(?:clientid|username|password|ip|protocol)\}/g;

/**
 * Fills in `${NAME}` and `${NAME:-default}` (the default also for an empty value, as a shell does) and turns `$${` into
 * `${`. What is put in is data: it is not searched for references again. No fault holds a value.
 */
export function expand(text: string, env: Environment, placeholders: Placeholders | null): Expanded {
  if (!text.includes("${")) return { text, fromEnvironment: false };
  let fault: string | null = null;
  let fromEnvironment = false;
  let kept = 0;
  const expanded = text.replace(REFERENCE, (all: string, name?: string, fallback?: string, attribute?: string) => {
    if (all === "$${") return "${";
    if (attribute !== undefined && placeholders === "topic") return kept++, all;
    if (name === undefined) {
      fault ??= `holds "\${" that begins no "\${NAME}"; the text itself is written "$\${"`;
      return "";
    }
    if (placeholders !== null && fallback === undefined && PLACEHOLDERS[placeholders].has(name)) return kept++, all;
    const value = lookUp(env, name);
    fromEnvironment = true;
    if (fallback?.includes("${")) fault ??= `the default of "${name}" holds another "\${"`;
    if (value !== undefined && (value !== "" || fallback === undefined)) return value;
    if (fallback === undefined) fault ??= `the environment has no "${name}"`;
    return fallback ?? "";
  });
  if (fault !== null) return { fault };
  // A value of the environment, or an escaped "${", must not be taken for a placeholder when the rules are compiled.
  if (placeholders !== null) {
    const found = expanded.match(placeholders === "topic" ? IN_TOPIC : IN_REQUEST)?.length ?? 0;
    if (found !== kept) {
      return { fault: "holds what would be taken for a placeholder after the environment is filled in" };
    }
  }
  return { text: expanded, fromEnvironment };
}

/** Deno throws where a process may not read a variable: to it, the variable is not there. */
function lookUp(env: Environment, name: string): string | undefined {
  try {
    return env(name);
  } catch {
    return undefined;
  }
}
