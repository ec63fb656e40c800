import type { Hit, Severity } from "../../agent/policy/inspect/mod.ts";
import type { CorpusItem, Kind } from "./corpus_files.ts";
import { type FamilyResult, type ItemResult, THRESHOLDS } from "./measure.ts";
import type { FormResult } from "./measure_forms.ts";

/** One section of the report: attacks or benign, of the corpus or of what others wrote. */
interface Section {
  readonly title: string;
  readonly kind: Kind;
  readonly isIndependent: boolean;
}

const SECTIONS: readonly Section[] = [
  { title: "attacks: refused", kind: "attacks", isIndependent: false },
  { title: "benign: false alarms", kind: "benign", isIndependent: false },
  { title: "independent attacks: refused", kind: "attacks", isIndependent: true },
  { title: "independent benign: false alarms", kind: "benign", isIndependent: true },
];

/** Bytes of an item that a person is shown. */
const SHOWN_BYTES = 160;

/** Items, and how many of them were refused at each threshold. */
export interface Totals {
  readonly items: number;
  readonly refused: Readonly<Record<Severity, number>>;
}

/** The sum over families. */
export function totalsOf(families: readonly FamilyResult[]): Totals {
  const refused = { low: 0, medium: 0, high: 0, critical: 0 };
  let items = 0;
  for (const { results, refused: counts } of families) {
    items += results.length;
    for (const threshold of THRESHOLDS) refused[threshold] += counts[threshold];
  }
  return { items, refused };
}

/** The results for people: a table for each section, one line a family, then the sum. */
export function tables(measured: readonly FamilyResult[]): string {
  const lines: string[] = [];
  for (const { title, kind, isIndependent } of SECTIONS) {
    const families = measured.filter(({ family }) => family.kind === kind && family.isIndependent === isIndependent);
    const head = kind === "attacks" ? [...THRESHOLDS, "other category"] : THRESHOLDS;
    lines.push(`${title.padEnd(34)}${"items".padStart(6)}${head.map((name) => name.padStart(16)).join("")}`);
    for (const result of families) {
      const others = kind === "attacks" ? String(foundAsOther(result)).padStart(16) : "";
      lines.push(row(result.family.family, totalsOf([result])) + others);
    }
    lines.push(row(families.length === 0 ? "nothing yet" : "total", totalsOf(families)), "");
  }
  return lines.join("\n");
}

function row(name: string, { items, refused }: Totals): string {
  const cells = THRESHOLDS.map((threshold) => {
    const share = items === 0 ? "" : ` ${(100 * refused[threshold] / items).toFixed(1).padStart(5)} %`;
    return `${refused[threshold]}${share}`.padStart(16);
  });
  return `  ${name.padEnd(32)}${String(items).padStart(6)}${cells.join("")}`;
}

/** Attacks that are refused at the default threshold as something else than what they are. */
function foundAsOther({ results }: FamilyResult): number {
  return results.filter(({ item, refusedBy: { medium } }) => medium !== null && medium.category !== item.category)
    .length;
}

/** An item that was judged wrongly at a threshold. */
export interface Miss {
  readonly family: string;
  readonly kind: Kind;
  readonly isIndependent: boolean;
  readonly label: string;
  readonly part: string;
  /** Its beginning, in printable ASCII. */
  readonly shown: string;
  /** What refused it, or null for an attack that passed. */
  readonly hit: Hit | null;
}

/** Attacks that pass and benign items that are refused at `threshold`. */
export function missesAt(threshold: Severity, measured: readonly FamilyResult[]): Miss[] {
  return measured.flatMap(({ family: { family, kind, isIndependent }, results }) =>
    results.filter((result) => isMiss(kind, threshold, result)).map(({ item, refusedBy }) => ({
      family,
      kind,
      isIndependent,
      label: item.label,
      part: item.part,
      shown: shown(item),
      hit: refusedBy[threshold],
    }))
  );
}

function isMiss(kind: Kind, threshold: Severity, { refusedBy }: ItemResult): boolean {
  return (kind === "attacks") === (refusedBy[threshold] === null);
}

/** The misses for people, one line each. */
export function missLines(misses: readonly Miss[]): string {
  return misses.map(({ family, kind, isIndependent, label, part, shown, hit }) => {
    const whose = isIndependent ? "independent " : "";
    const where = part === "payload" ? "" : ` (${part})`;
    return `${whose}${kind}/${family} ${label}${where}: ${hit === null ? "passed" : hitText(hit)}\n    ${shown}\n`;
  }).join("");
}

function hitText({ category, pattern, severity, views, form, offset }: Hit): string {
  const path = [...views, ...(form === null ? [] : [`form ${form}`])].join(" > ") || "as it came";
  return `${category}/${pattern}, ${severity}, at byte ${offset}, ${path}`;
}

/** What is judged wrongly in each form only, most first, then the sum; with `isLong`, each text that is. */
export function formLines(forms: readonly FormResult[], kind: Kind, isLong: boolean): string {
  const lines: string[] = [];
  let items = 0;
  let wrong = 0;
  for (const result of forms.toSorted((a, b) => b.wrong.length - a.wrong.length)) {
    items += result.items;
    wrong += result.wrong.length;
    if (result.wrong.length === 0) continue;
    lines.push(`${String(result.wrong.length).padStart(6)} of ${result.items}  ${result.family}: ${result.form}`);
    if (isLong) {
      for (const { item, hit } of result.wrong) {
        lines.push(`            ${item.label}: ${hit === null ? "passed" : hitText(hit)}: ${shown(item)}`);
      }
    }
  }
  const share = items === 0 ? "" : `, ${(100 * wrong / items).toFixed(2)} %`;
  return `${kind}, wrong in a form only: ${wrong} of ${items}${share}\n${lines.join("\n")}\n`;
}

/** The first bytes of an item in printable ASCII: the rest is escaped, so that no terminal obeys it. */
function shown({ content }: CorpusItem): string {
  let text = "";
  for (const byte of content.subarray(0, SHOWN_BYTES)) {
    text += byte >= 0x20 && byte < 0x7f ? String.fromCharCode(byte) : `\\x${byte.toString(16).padStart(2, "0")}`;
  }
  return content.length > SHOWN_BYTES ? `${text}… ${content.length} bytes` : text;
}
