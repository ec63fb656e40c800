import { define } from "../agent/config/jsonc.ts";
import { isSecret, leaves } from "../agent/config/leaves.ts";
import { formatPath, type Path, type Place } from "../agent/config/problem.ts";
import { CONFIG, type Config } from "../agent/config/schema/config.ts";
import type { AnyShape } from "../agent/config/shape.ts";
import type { WrittenConfig } from "../agent/config/written.ts";

const MASK = "***";

/** A value as it may be shown, and where it comes from. */
export interface ShownValue {
  readonly value: unknown;
  /** `gate.json:3:17`, or `default`. */
  readonly origin: string;
}

/** The effective configuration as it may be shown to anyone: every secret is `***`. */
export function shownConfig(config: Config, written: WrittenConfig): unknown {
  const root: { config?: unknown } = {};
  for (const leaf of leaves(CONFIG, config)) put(root, ["config", ...leaf.path], masked(leaf, written));
  return root.config;
}

/** Every value of the effective configuration by its path, with its origin. Secrets are `***`. */
export function shownOrigins(config: Config, written: WrittenConfig): Map<string, ShownValue> {
  const all = [...leaves(CONFIG, config)];
  const found = all.map(({ path }) => written.at(path));
  const places = written.places(found);
  const values = all.map((leaf, index): [string, ShownValue] => {
    const place = found[index]?.value === undefined ? null : places[index] ?? null;
    const origin = place === null ? "default" : placeWords(place);
    return [formatPath(leaf.path), { value: masked(leaf, written), origin }];
  });
  return new Map(values);
}

/** `gate.json:3:17` */
export function placeWords({ file, source, line, column }: Place): string {
  return line === undefined ? file ?? source : `${file ?? source}:${line}:${column ?? 1}`;
}

interface Shown {
  readonly path: Path;
  readonly shape: AnyShape;
  readonly value: unknown;
}

function masked({ path, shape, value }: Shown, written: WrittenConfig): unknown {
  if (shape.kind === "json") return isSecret(shape) ? maskedTemplate(value) : value;
  if (typeof value !== "string") return value;
  if (!isSecret(shape)) return withoutUserinfo(value);
  const isAddress = shape.kind === "text" && shape.form?.name === "address";
  return isAddress ? maskedAddress(value, written.at(path)?.value) : MASK;
}

const PLACEHOLDERS = /\$\{(?:clientid|username|password|ip|protocol)\}/g;

/** A request's template: what each client has of its own stays readable, everything else may be a key. */
function maskedTemplate(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(maskedTemplate);
  if (typeof value === "object" && value !== null) {
    const copy = {};
    for (const [key, inner] of Object.entries(value)) define(copy, key, maskedTemplate(inner));
    return copy;
  }
  if (typeof value === "string") return value.replaceAll(PLACEHOLDERS, "") === "" ? value : MASK;
  return typeof value === "number" ? MASK : value;
}

const ADDRESS = /^([A-Za-z][A-Za-z0-9+.-]*:[\\/]*)([^\\/?#]*@)?([^\\/?#]*)([^?#]*)(\?[^#]*)?(#.*)?$/s;

/** User name, password, query and fragment masked; the path too where the environment had a part in the address. */
function maskedAddress(address: string, written: unknown): string {
  // What a URL reader leaves out: without it, "https:\n//user:password@host" would not look like one with a password.
  const found = ADDRESS.exec(address.replaceAll(/[\t\n\r]/g, "").replace(/^[\0-\x20]+/, ""));
  if (found === null) return MASK;
  const [, scheme = "", userinfo, host = "", path = "", query, fragment] = found;
  const fromEnvironment = typeof written !== "string" || written.replaceAll(PLACEHOLDERS, "").includes("${");
  const shownPath = fromEnvironment && path.length > 1 ? `/${MASK}` : path;
  return scheme + (userinfo === undefined ? "" : `${MASK}@`) + host + shownPath +
    (query === undefined ? "" : `?${MASK}`) + (fragment === undefined ? "" : `#${MASK}`);
}

/** No shape says that a broker's address may hold a password, and it may. */
function withoutUserinfo(text: string): string {
  return text.replace(/^([A-Za-z][A-Za-z0-9+.-]*:\/\/)[^/?#]*@/, `$1${MASK}@`);
}

/** Sets what is at the path, making objects and lists on the way. */
function put(root: object, path: Path, value: unknown): void {
  let at: object = root;
  path.forEach((part, depth) => {
    const next = path[depth + 1];
    if (next === undefined) return define(at, String(part), value);
    if (!Object.hasOwn(at, part)) define(at, String(part), typeof next === "number" ? [] : {});
    at = (at as Record<string | number, object>)[part] as object;
  });
}
