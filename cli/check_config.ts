import { compileConfig } from "../agent/compile_config.ts";
import { type Config, formatPath, type Path, type Place, type Problem } from "../agent/config/mod.ts";
import { type FileFacts, REAL_FILES, runLints, type Warning } from "./lint/mod.ts";
import { RuleCover } from "./lint/rule_cover.ts";
import { loadWritten, type LoadWrittenOptions } from "./load_written.ts";

export interface CheckOptions extends Omit<LoadWrittenOptions, "read"> {
  /** Milliseconds since the epoch: what has expired, and what tests are run at. */
  readonly nowMs: number;
  readonly files?: FileFacts;
  /** What keeps the providers of `auth` from working; asked only where everything else is right. */
  readonly providerProblems?: ProviderProblems;
}

/** Tries to make the providers of a configuration; each message as start would write it. */
export type ProviderProblems = (config: Config) => Promise<readonly string[]>;

/** One thing that start would refuse the configuration for. */
export interface CheckProblem {
  readonly kind: Problem["kind"] | "provider";
  readonly place: Place | null;
  readonly path: Path;
  /** What is wrong, without its place. */
  readonly text: string;
  /** All of it, as start writes it. */
  readonly message: string;
}

export interface CheckResult {
  /** Nothing that start would refuse. */
  readonly ok: boolean;
  readonly problems: readonly CheckProblem[];
  readonly warnings: readonly Warning[];
}

/**
 * All that start would refuse a configuration for, at once, and what is doubtful about it. Reads files and nothing else:
 * it opens no socket and writes nothing, unless `providerProblems` does.
 */
export async function checkConfig(options: CheckOptions): Promise<CheckResult> {
  const { nowMs, files = REAL_FILES } = options;
  const result = loadWritten({ ...options, withVersion: false, read: files.read });
  const { compiled, problems: found } = await compileConfig("problems" in result ? result : result.loaded, {
    number: 1,
    testsAtMs: nowMs,
    buildRegexes: false,
  });
  if ("problems" in result) return { ok: false, problems: found, warnings: [] };
  const { loaded } = result;
  const problems: CheckProblem[] = [...found];
  // Providers may open files and start threads: not for a configuration that is refused anyway.
  if (problems.length === 0 && options.providerProblems !== undefined) {
    problems.push(...(await options.providerProblems(loaded.config)).map(ofProvider));
  }
  const [, rulesFile = null] = loaded.files;
  const warnings = runLints({
    config: loaded.config,
    cover: compiled === null ? null : new RuleCover(compiled.policy.acl, nowMs),
    get written() {
      return result.written;
    },
    file: loaded.files[0] ?? null,
    rulesFile,
    files,
    nowMs,
  });
  return { ok: problems.length === 0, problems, warnings };
}

function ofProvider(message: string): CheckProblem {
  return { kind: "provider", place: null, path: [], text: message, message };
}

/** A problem or warning as scripts read it. Members are never left out; what there is not is null. */
export function asJson(result: CheckResult): unknown {
  return {
    ok: result.ok,
    problems: result.problems.map(({ kind, place, path, text, message }) => ({
      kind,
      ...placeJson(place),
      path: formatPath(path),
      text,
      message,
    })),
    warnings: result.warnings.map(({ code, place, path, text, advice }) => ({
      code,
      ...placeJson(place),
      path: formatPath(path),
      text,
      advice,
    })),
  };
}

function placeJson(place: Place | null): { file: string | null; line: number | null; column: number | null } {
  return { file: place?.file ?? null, line: place?.line ?? null, column: place?.column ?? null };
}
