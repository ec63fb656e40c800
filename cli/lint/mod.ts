/** Doubts about configurations that are valid, each by its name. */
import type { Path, Place } from "../../agent/config/mod.ts";
import { FILE_LINTS } from "./file_lints.ts";
import { LIMIT_LINTS } from "./limit_lints.ts";
import type { Doubt, Lint, LintGround } from "./lint.ts";
import { RULE_LINTS } from "./rule_lints.ts";
import { SECRET_LINTS } from "./secret_lints.ts";
import { SETTING_LINTS } from "./setting_lints.ts";

export { type FileFacts, REAL_FILES } from "./file_facts.ts";
export type { Doubt, Lint, LintGround } from "./lint.ts";

export const LINTS: readonly Lint[] = [...SETTING_LINTS, ...LIMIT_LINTS, ...RULE_LINTS, ...SECRET_LINTS, ...FILE_LINTS];

/** Something doubtful: what, where, and what to do about it. */
export interface Warning {
  /** Of the lint that found it. */
  readonly code: string;
  readonly place: Place;
  /** In the effective configuration; empty where a whole file is meant. */
  readonly path: Path;
  readonly text: string;
  readonly advice: string;
}

/** So many of one kind are told; the rest is counted. */
export const MAX_OF_ONE_KIND = 100;

const DEFAULTS: Place = { source: "the defaults" };

/** What all lints find: file by file, the configuration's first, and by place. */
export function runLints(on: LintGround): Warning[] {
  const found = LINTS.flatMap((lint) => doubtsOf(lint, on).map((doubt) => ({ lint, doubt })));
  if (found.length === 0) return [];
  const places = on.written.places(
    found.map(({ doubt }) => doubt.place === undefined ? on.written.at(doubt.path) : null),
  );
  const warnings = found.map(({ lint, doubt }, index): Warning => ({
    code: lint.code,
    place: doubt.place ?? places[index] ?? DEFAULTS,
    path: doubt.path,
    text: doubt.text,
    advice: doubt.advice ?? lint.advice,
  }));
  return sortByPlace(warnings, on);
}

function doubtsOf(lint: Lint, on: LintGround): Doubt[] {
  const doubts = [...lint.find(on)];
  const untold = doubts.length - MAX_OF_ONE_KIND;
  const [next] = doubts.slice(MAX_OF_ONE_KIND);
  if (next === undefined) return doubts;
  return [...doubts.slice(0, MAX_OF_ONE_KIND), { ...next, text: `${untold} more like this, from here on` }];
}

function sortByPlace(warnings: readonly Warning[], { file, rulesFile }: LintGround): Warning[] {
  const sources = new Set([file, rulesFile, ...warnings.map(({ place }) => place.file ?? null)]);
  const rank = new Map([...sources].map((source, index) => [source, index]));
  const by = ({ place }: Warning): readonly number[] => [
    rank.get(place.file ?? null) ?? 0,
    place.line ?? 0,
    place.column ?? 0,
  ];
  return warnings.map((warning) => ({ warning, key: by(warning) }))
    .sort(({ key: a }, { key: b }) => a.reduce((order, part, at) => order || part - (b[at] ?? 0), 0))
    .map(({ warning }) => warning);
}
