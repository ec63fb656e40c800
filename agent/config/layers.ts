import { createHash } from "node:crypto";
import { crossCheckSteps } from "./checks.ts";
import { conformSteps, type Finding } from "./conform.ts";
import { ConfigDocument } from "./document.ts";
import type { Environment } from "./expand.ts";
import { parseJsoncSteps, type TextPieces } from "./jsonc.ts";
import { jsonPieces } from "./json_pieces.ts";
import { type Bag, isBag } from "./keyed.ts";
import { fillDefaults, merge } from "./merge.ts";
import { NOT_YET, type NotYetTable } from "./not_yet.ts";
import { type Fault, type Path, type Problem, problem } from "./problem.ts";
import { quoteWhole } from "./quote.ts";
import { readPiecesSteps, type ReadText, readTextSteps } from "./read_text.ts";
import { RULES, RULES_FILE } from "./schema/acl.ts";
import { CONFIG, type Config } from "./schema/config.ts";
import type { AnyShape } from "./shape.ts";
import { soundPart, soundRules } from "./sound_part.ts";
import { byPlace, type Layer, type LayerName, type Origin, type RulesLayer, Sources } from "./sources.ts";
import { finished, type Steps } from "./steps.ts";

export interface LayerOptions {
  readonly file?: { readonly path: string; readonly text: TextPieces } | undefined;
  /**
   * What the proxy pushed, as JSON.parse gives it; undefined, null and `{}` change nothing. It is taken over: parts of it
   * become parts of the configuration and are frozen.
   */
  readonly push?: unknown;
  /** In the place of `push`: its JSON text, which is read in steps. */
  readonly pushJson?: string;
  readonly env: Environment;
  /** Reads `acl.rules-file`: in steps, unless told otherwise. */
  readonly read?: ReadText;
  /** False: `version` is empty, for who only wants to know what is wrong: it takes as long as a tenth of the rest. */
  readonly withVersion?: boolean;
  /** For tests: other keys that are refused as not built yet. */
  readonly notYet?: NotYetTable;
}

export interface LoadedConfig {
  readonly config: Config;
  /** First 12 hex digits of the SHA-256 of the effective configuration. */
  readonly version: string;
  /** What a watcher watches: the configuration file first, then the rules file and the files of schemas. */
  readonly files: readonly string[];
  /** JSON Schemas by the file that they were read from, as `inspection.json-schema` names it; any JSON value. */
  readonly schemas: ReadonlyMap<string, unknown>;
  /** The layer that a value comes from, and its place there. */
  originOf(path: Path): Origin;
  /** Words faults that only compiling finds, each with its place. */
  problemsAt(faults: readonly Fault[]): Problem[];
  problemsAtSteps(faults: readonly Fault[]): Steps<Problem[]>;
}

export interface RefusedConfig {
  readonly problems: readonly Problem[];
  /**
   * The configuration without the parts that `problems` are about, where these are known: who compiles it finds what else
   * is wrong. Null where a source could not be read at all. It must not come into force.
   */
  readonly whole: LoadedConfig | null;
  /** As of a configuration that loads, files that are missing included: one of them may be put right. */
  readonly files: readonly string[];
}

export type LoadResult = LoadedConfig | RefusedConfig;

/** Lays the sources over each other: all of the configuration, or all that is wrong with it. Touches nothing but `read`. */
export function resolveLayers(options: LayerOptions): LoadResult {
  return finished(resolveLayersSteps(options));
}

/** As {@link resolveLayers}, in steps. */
export function* resolveLayersSteps(options: LayerOptions): Steps<LoadResult> {
  const problems: Problem[] = [];
  const layers: Layer[] = [];
  const wrongPaths = new Map<ConfigDocument, readonly Path[]>();
  /** Whether what is wrong is known by its places. */
  let isReadable = true;
  const { file } = options;
  const files = file === undefined ? [] : [file.path];
  if (file !== undefined) {
    layers.push(yield* toLayer("file", yield* ConfigDocument.ofTextSteps(file.path, file.text), CONFIG));
  }
  const push = options.pushJson === undefined ? options.push : yield* parsedPush(options.pushJson);
  if (push !== undefined && push !== null) {
    layers.push(yield* toLayer("push", ConfigDocument.ofValue(PUSH, push), CONFIG));
  }
  const schemas = new Map<string, unknown>();
  const laid = withProviderPaths(layers.reduce((low: unknown, { value }) => merge(CONFIG, low, value), {}));
  const rules = yield* rulesLayer(laid);
  const merged = yield* withSchemas(laid);
  if (problems.length > 0) return yield* refused();
  const config = fillDefaults(CONFIG, rules === null ? merged : appendRules(merged, rules)) as Config;
  const sources = new Sources(layers, rules);
  const faults = yield* crossCheckSteps(config);
  const loaded: LoadedConfig = {
    config,
    version: options.withVersion === false
      ? ""
      : yield* versionSteps(schemas.size === 0 ? config : [config, ...schemas]),
    files,
    schemas,
    ...lookUps(sources),
  };
  return faults.length === 0 ? loaded : { problems: yield* sources.problemsAtSteps(faults), files, whole: loaded };

  /** All that is wrong, and what is left without it: what else is wrong there is told as well. */
  function* refused(): Steps<RefusedConfig> {
    if (!isReadable) return { problems, files, whole: null };
    const soundLayers = layers.map((layer) => ({
      ...layer,
      value: soundPart(layer.value, wrongPaths.get(layer.document) ?? []),
    }));
    // Which files it names does not matter to who compiles it; schemas may be missing.
    const { inspection: _, ...laid } = soundLayers.reduce(
      (low: unknown, { value }) => merge(CONFIG, low, value),
      {},
    ) as Bag;
    const further = rules &&
      { ...rules, value: soundRules(rules.value, wrongPaths.get(rules.document) ?? [], "file ") };
    const config = fillDefaults(CONFIG, further === null ? laid : appendRules({ acl: {}, ...laid }, further)) as Config;
    const sources = new Sources(layers, rules);
    problems.push(...yield* sources.problemsAtSteps(yield* crossCheckSteps(config)));
    const whole: LoadedConfig = { config, version: "", files, schemas, ...lookUps(sources) };
    return { problems, files, whole };
  }

  function* parsedPush(json: string): Steps<unknown> {
    const parsed = yield* parseJsoncSteps(json);
    if ("value" in parsed) return parsed.value;
    isReadable = false;
    problems.push(problem("syntax", { source: PUSH }, [], parsed.fault.text));
    return undefined;
  }

  function* toLayer(name: LayerName, document: ConfigDocument, shape: AnyShape): Steps<Layer> {
    if (document.fault !== null) {
      isReadable = false;
      problems.push(problem("syntax", document.placeAt(document.fault.offset), [], document.fault.text));
      return { name, document, shape, value: undefined };
    }
    const { value, findings, untold } = yield* conformSteps(shape, document, options.env, options.notYet ?? NOT_YET);
    problems.push(...yield* placed(document, findings));
    wrongPaths.set(document, findings.map(({ path }) => path));
    if (untold > 0) isReadable = false;
    if (untold > 0) problems.push(problem("check", { source: document.source }, [], `${untold} more problems`));
    return { name, document, shape, value };
  }

  /** Files that providers name: beside the file that names them, and absolute where the proxy does. */
  function withProviderPaths(merged: unknown): unknown {
    const auth = isBag(merged) ? merged["auth"] : undefined;
    const providers = isBag(auth) ? auth["providers"] : undefined;
    if (!isBag(merged) || !isBag(auth) || !Array.isArray(providers)) return merged;
    const before = new Sources(layers, null);
    const resolved = providers.map((provider: unknown, index) => {
      if (!isBag(provider)) return provider;
      const paths: Record<string, string> = {};
      for (const key of PROVIDER_FILES) {
        const named = provider[key];
        if (typeof named !== "string" || named.startsWith("/")) continue;
        const path = ["auth", "providers", index, key];
        if (before.layerOf(path) === "file") paths[key] = resolveBeside(options.file?.path ?? "", named);
        else problems.push(...before.problemsAt([{ path, message: "what the proxy pushes must be an absolute path" }]));
      }
      return { ...provider, ...paths };
    });
    return { ...merged, auth: { ...auth, providers: resolved } };
  }

  /** Schemas that are in files of their own: beside the file that names them, and absolute where the proxy does. */
  function* withSchemas(merged: unknown): Steps<unknown> {
    const inspection = isBag(merged) ? merged["inspection"] : undefined;
    const entries = isBag(inspection) ? inspection["json-schema"] : undefined;
    if (!isBag(merged) || !isBag(inspection) || !Array.isArray(entries)) return merged;
    const before = new Sources(layers, null);
    const resolved: unknown[] = [];
    for (const [index, entry] of entries.entries()) {
      const named: unknown = isBag(entry) ? entry["schema-file"] : undefined;
      resolved.push(entry);
      if (!isBag(entry) || typeof named !== "string") continue;
      const path = ["inspection", "json-schema", index, "schema-file"];
      const refuse = (message: string) => problems.push(...before.problemsAt([{ path, message }]));
      if (before.layerOf(path) !== "file" && !named.startsWith("/")) {
        refuse("what the proxy pushes must be an absolute path");
        continue;
      }
      const file = resolveBeside(options.file?.path ?? "", named);
      resolved[index] = { ...entry, "schema-file": file };
      if (schemas.has(file)) continue;
      files.push(file);
      const read = options.read === undefined ? yield* readTextSteps(file) : options.read(file);
      if ("fault" in read) {
        refuse(`cannot read ${quoteWhole(file)}: ${read.fault}`);
        continue;
      }
      const document = yield* ConfigDocument.ofTextSteps(file, read.text);
      if (document.fault === null) schemas.set(file, document.value);
      else problems.push(problem("syntax", document.placeAt(document.fault.offset), [], document.fault.text));
    }
    return { ...merged, inspection: { ...inspection, "json-schema": resolved } };
  }

  function* rulesLayer(merged: unknown): Steps<RulesLayer | null> {
    const acl = isBag(merged) && isBag(merged["acl"]) ? merged["acl"] : {};
    const named = acl["rules-file"];
    if (typeof named !== "string") return null;
    const path = ["acl", "rules-file"];
    const before = new Sources(layers, null);
    const fromFile = before.layerOf(path) === "file";
    if (!fromFile && !named.startsWith("/")) {
      problems.push(...before.problemsAt([{ path, message: "what the proxy pushes must be an absolute path" }]));
      return null;
    }
    const resolved = resolveBeside(options.file?.path ?? "", named);
    files.push(resolved);
    const read = options.read === undefined ? yield* readPiecesSteps(resolved) : options.read(resolved);
    if ("fault" in read) {
      problems.push(...before.problemsAt([{ path, message: `cannot read ${quoteWhole(resolved)}: ${read.fault}` }]));
      return null;
    }
    const document = yield* ConfigDocument.ofTextSteps(resolved, "text" in read ? read.text : read.pieces);
    const isList = Array.isArray(document.value);
    const layer = yield* toLayer("rules-file", document, isList ? RULES : RULES_FILE);
    problems.push(...yield* placed(document, groupsTwice(acl["groups"], layer.value)));
    return {
      ...layer,
      rulesPath: isList ? [] : ["rules"],
      rulesBefore: lengthOf(acl["rules"]),
      testsBefore: lengthOf(acl["tests"]),
    };
  }
}

/** What the proxy's layer is called. */
export const PUSH = "the proxy's push";

function lookUps(sources: Sources): Pick<LoadedConfig, "originOf" | "problemsAt" | "problemsAtSteps"> {
  return {
    originOf: (path) => sources.originOf(path),
    problemsAt: (faults) => sources.problemsAt(faults),
    problemsAtSteps: (faults) => sources.problemsAtSteps(faults),
  };
}

/** Keys of providers that name a file. */
const PROVIDER_FILES = ["path", "jwks-file", "public-key-file", "tls-ca-file", "trusted-ca-file"] as const;

/** The files that the providers of a configuration read, as its loading found their paths. */
export function providerFiles({ auth }: Pick<Config, "auth">): string[] {
  return auth.providers.flatMap((provider) => {
    const keys: Readonly<Record<string, unknown>> = provider;
    return PROVIDER_FILES.map((key) => keys[key]).filter((path) => typeof path === "string");
  });
}

/** Findings with their places, in the order of the text. */
function* placed(document: ConfigDocument, findings: readonly Finding[]): Steps<Problem[]> {
  const places = yield* document.placesSteps(findings);
  return findings
    .map(({ kind, path, text }, index) => problem(kind, places[index] ?? { source: document.source }, path, text))
    .sort(byPlace);
}

function groupsTwice(groups: unknown, rulesFile: unknown): Finding[] {
  const further = isBag(rulesFile) ? rulesFile["groups"] : undefined;
  if (!isBag(groups) || !isBag(further)) return [];
  const twice = Object.keys(further).filter((name) => Object.hasOwn(groups, name));
  return twice.map((name) => {
    const path = ["groups", name];
    return { kind: "check", path, raw: path, of: "key", text: "the configuration has a group of that name already" };
  });
}

function appendRules(merged: unknown, layer: RulesLayer): unknown {
  const further = Array.isArray(layer.value) ? { rules: layer.value } : layer.value;
  if (!isBag(merged) || !isBag(merged["acl"]) || !isBag(further)) return merged;
  const { acl } = merged;
  const joined = { ...acl, rules: join(acl["rules"], further["rules"]), tests: join(acl["tests"], further["tests"]) };
  return { ...merged, acl: merge(CONFIG.properties.get("acl")?.shape ?? CONFIG, joined, groupsOf(further)) };
}

function groupsOf(further: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
  return further["groups"] === undefined ? {} : { groups: further["groups"] };
}

function join(first: unknown, second: unknown): unknown[] {
  return [...(Array.isArray(first) ? first : []), ...(Array.isArray(second) ? second : [])];
}

function lengthOf(list: unknown): number {
  return Array.isArray(list) ? list.length : 0;
}

/** A relative path is taken from the directory of the file that names it, not from wherever the agent was started. */
function resolveBeside(file: string, path: string): string {
  return path.startsWith("/") ? path : file.slice(0, file.lastIndexOf("/") + 1) + path;
}

/**
 * First 12 hex digits of the SHA-256 of a value's JSON text, in steps. Keys of a configuration are in the order of the
 * schema and those of maps sorted, so JSON.stringify writes its canonical form; what is hashed is that text, but never
 * all of it at once.
 */
function* versionSteps(value: unknown): Steps<string> {
  const hash = createHash("sha256");
  for (const piece of jsonPieces(value)) {
    hash.update(piece);
    yield;
  }
  return hash.digest("hex").slice(0, 12);
}
