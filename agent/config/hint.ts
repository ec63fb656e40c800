import { quote } from "./quote.ts";

/** ` (did you mean "max-qos"?)`, or nothing where no candidate is near. */
export function hint(wrong: string, candidates: Iterable<string>): string {
  if (wrong.length > 64) return "";
  const spelled = wrong.toLowerCase().replaceAll("_", "-");
  const furthest = Math.max(1, Math.floor(spelled.length / 3));
  let nearest: string | null = null;
  let least = furthest + 1;
  for (const candidate of candidates) {
    if (Math.abs(candidate.length - spelled.length) >= least) continue;
    const distance = editDistance(spelled, candidate.toLowerCase().replaceAll("_", "-"));
    if (distance < least) {
      least = distance;
      nearest = candidate;
    }
  }
  return nearest === null ? "" : ` (did you mean ${quote(nearest)}?)`;
}

/** Insertions, deletions, replacements and swaps of neighbours (optimal string alignment). */
function editDistance(a: string, b: string): number {
  let beforeLast: number[] = [];
  let last = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1];
      let cost = Math.min((last[j] ?? 0) + 1, (row[j - 1] ?? 0) + 1, (last[j - 1] ?? 0) + (same ? 0 : 1));
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) {
        cost = Math.min(cost, (beforeLast[j - 2] ?? 0) + 1);
      }
      row.push(cost);
    }
    beforeLast = last;
    last = row;
  }
  return last[b.length] ?? 0;
}
