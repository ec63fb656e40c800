import type { Config, Path, Place } from "../../agent/config/mod.ts";
import type { WrittenConfig } from "../../agent/config/written.ts";
import type { FileFacts } from "./file_facts.ts";
import type { RuleCover } from "./rule_cover.ts";

/** What lints look at: a configuration that loads. */
export interface LintGround {
  readonly config: Config;
  /** The compiled rules; null where they do not compile. */
  readonly cover: RuleCover | null;
  /** What the files say in their own words. Made when it is first asked for. */
  readonly written: WrittenConfig;
  /** Paths of the configuration file and of its rules file, or null. */
  readonly file: string | null;
  readonly rulesFile: string | null;
  readonly files: FileFacts;
  readonly nowMs: number;
}

/** One thing that a lint doubts. */
export interface Doubt {
  /** In the effective configuration; empty where only a file is meant. */
  readonly path: Path;
  /** Where it is, if that is not where the path is written. */
  readonly place?: Place;
  /** What is so, as a sentence without its full stop. */
  readonly text: string;
  /** Where another advice than the lint's is right. */
  readonly advice?: string;
}

/** A named doubt about configurations that are valid: likely not what was meant, or weaker than it looks. */
export interface Lint {
  /** Stable, kebab-case. */
  readonly code: string;
  /** What it finds, for the help text. */
  readonly summary: string;
  readonly advice: string;
  find(on: LintGround): Iterable<Doubt>;
}
