import {
  type Environment,
  loadConfig,
  type LoadedConfig,
  type NotYetTable,
  type ReadText,
  readText,
  type RefusedConfig,
} from "../agent/config/mod.ts";
import { type SourceText, WrittenConfig } from "../agent/config/written.ts";

export interface LoadWrittenOptions {
  /** Path of the configuration file; without one, or with an empty one, the defaults. */
  readonly file: string | undefined;
  readonly env: Environment;
  /** What the proxy pushed, as JSON; undefined: nothing. */
  readonly pushJson?: string | undefined;
  /** False: the configuration has no version. */
  readonly withVersion?: boolean;
  /** For tests: how files are read, and which keys are not built yet. */
  readonly read?: ReadText;
  readonly notYet?: NotYetTable;
}

/** A configuration that loads, with what its files say in their own words; or all that is wrong with it. */
export interface LoadedWritten {
  readonly loaded: LoadedConfig;
  /** Made when it is asked for: it reads the files' text once more. */
  readonly written: WrittenConfig;
}

/** Loads a configuration as the agent does, and keeps the text that it was loaded from. */
export function loadWritten(options: LoadWrittenOptions): LoadedWritten | RefusedConfig {
  const { file, env, pushJson, notYet, withVersion = true, read = readText } = options;
  const texts = new Map<string, string>();
  const loaded = loadConfig({
    ...(file === undefined || file === "" ? {} : { file: { path: file } }),
    env,
    withVersion,
    ...(pushJson === undefined ? {} : { pushJson }),
    ...(notYet === undefined ? {} : { notYet }),
    read: (path) => {
      const found = read(path);
      if ("text" in found) texts.set(path, found.text);
      return found;
    },
  });
  if ("problems" in loaded) return loaded;
  const [configFile = null, rulesFile = null] = loaded.files.map((path): SourceText | null => {
    const text = texts.get(path);
    return text === undefined ? null : { path, text };
  });
  let written: WrittenConfig | null = null;
  return {
    loaded,
    get written() {
      return written ??= new WrittenConfig(
        loaded.config,
        configFile,
        rulesFile,
        pushJson === undefined ? undefined : JSON.parse(pushJson),
      );
    },
  };
}
