import type { Hit } from "../../agent/policy/inspect/mod.ts";
import { BINARY_EVASIONS } from "./binary_evasions.ts";
import type { CorpusItem, Kind } from "./corpus_files.ts";
import type { Form } from "./evasion.ts";
import { type FamilyResult, hitsAt } from "./measure.ts";
import { TEXT_EVASIONS } from "./text_evasions.ts";

/** What became of the texts of one kind in one form. */
export interface FormResult {
  readonly family: string;
  readonly form: string;
  readonly items: number;
  /** Those that are judged rightly at medium as they are, and wrongly in this form. */
  readonly wrong: readonly WrongInForm[];
}

/** A text in a form, and what refused it; null for an attack that passed. */
export interface WrongInForm {
  readonly item: CorpusItem;
  readonly hit: Hit | null;
}

const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
const encoder = new TextEncoder();
/** Longer ones would not fit in every form: some have one byte for a length. */
const MAX_BYTES = 200;

/**
 * Puts every payload of a kind that is judged rightly at medium as it is into every form of `evasion-*`, some 170 times the
 * corpus. Not all that is wrong is a fault: a short attack that fills a field is one there, and may be a word among others in
 * a log line.
 */
export function measureForms(measured: readonly FamilyResult[], kind: Kind): FormResult[] {
  const texts = measured.flatMap(({ family, results }) =>
    results.flatMap(({ item, refusedBy }) => {
      if (family.kind !== kind || family.family.startsWith("evasion-") || item.part !== "payload") return [];
      const isRight = (refusedBy.medium !== null) === (kind === "attacks");
      const text = isRight && item.content.length <= MAX_BYTES ? textOf(item.content) : null;
      return text === null ? [] : [{ text, item: { ...item, label: `${family.family} ${item.label}` } }];
    })
  );
  return [...TEXT_EVASIONS, ...BINARY_EVASIONS].flatMap(({ family, forms }) =>
    forms.map((form) => {
      const items = texts.filter(({ text, item }) => fits(form, text, item)).map(({ text, item }) => {
        const made = form.make(text);
        const content = typeof made === "string" ? encoder.encode(made) : made;
        return { ...item, content, part: form.part ?? "payload" };
      });
      return { family, form: form.name, items: items.length, wrong: wrongOf(items, kind) };
    })
  );
}

function wrongOf(items: readonly CorpusItem[], kind: Kind): WrongInForm[] {
  return hitsAt("medium", items).flatMap((hit, n) =>
    (hit === null) === (kind === "attacks") ? [{ item: items[n] as CorpusItem, hit }] : []
  );
}

function fits({ only, needs }: Form, text: string, { category }: CorpusItem): boolean {
  return (only === undefined || category === null || only.includes(category)) &&
    (needs === undefined || needs.test(text));
}

function textOf(content: Uint8Array): string | null {
  try {
    return decoder.decode(content);
  } catch {
    return null;
  }
}
