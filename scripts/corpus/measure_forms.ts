import { BINARY_EVASIONS } from "./binary_evasions.ts";
import type { CorpusFamily, CorpusItem } from "./corpus_files.ts";
import type { Form } from "./evasion.ts";
import { type FamilyResult, measure } from "./measure.ts";
import { TEXT_EVASIONS } from "./text_evasions.ts";

/** What became of the attacks in one form. */
export interface FormResult {
  readonly family: string;
  readonly form: string;
  readonly items: number;
  /** Attacks that are refused at medium as they are, and pass in this form. */
  readonly lost: readonly CorpusItem[];
}

const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
const encoder = new TextEncoder();
/** Longer ones would not fit in every form: some have one byte for a length. */
const MAX_BYTES = 200;

/**
 * Puts every payload that is refused at medium as it is into every form of `evasion-*`, some 170 times the corpus. Not all
 * that is lost is a fault: a short attack that fills a field is one there, and may be a word among others in a log line.
 */
export function measureForms(measured: readonly FamilyResult[]): FormResult[] {
  const attacks = measured.flatMap(({ family, results }) =>
    results.flatMap(({ item, refusedBy }) => {
      if (family.kind !== "attacks" || family.family.startsWith("evasion-") || item.part !== "payload") return [];
      const text = refusedBy.medium === null || item.content.length > MAX_BYTES ? null : textOf(item.content);
      return text === null ? [] : [{ text, item: { ...item, label: `${family.family} ${item.label}` } }];
    })
  );
  return [...TEXT_EVASIONS, ...BINARY_EVASIONS].flatMap(({ family, forms }) =>
    forms.map((form) => {
      const items = attacks.filter(({ text, item }) => fits(form, text, item)).map(({ text, item }) => {
        const made = form.make(text);
        const content = typeof made === "string" ? encoder.encode(made) : made;
        return { ...item, content, part: form.part ?? "payload" };
      });
      return { family, form: form.name, items: items.length, lost: lostOf(items) };
    })
  );
}

function lostOf(items: readonly CorpusItem[]): CorpusItem[] {
  const family: CorpusFamily = { family: "forms", about: "Made.", kind: "attacks", isIndependent: false, items };
  return measure([family]).flatMap(({ results }) =>
    results.filter(({ refusedBy }) => refusedBy.medium === null).map(({ item }) => item)
  );
}

function fits({ only, needs }: Form, text: string, { category }: CorpusItem): boolean {
  return (only === undefined || (category !== null && only.includes(category))) &&
    (needs === undefined || needs.test(text));
}

function textOf(content: Uint8Array): string | null {
  try {
    return decoder.decode(content);
  } catch {
    return null;
  }
}
