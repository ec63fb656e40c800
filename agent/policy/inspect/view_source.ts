import { stoppedAt, unescapeText } from "./unescape.ts";
import type { View } from "./views.ts";

/** Where in the text as it came the byte `at` of the view comes from: exactly for escapes, about for encoded runs. */
export function sourceOffset(view: View, at: number): number {
  const { parent } = view;
  if (parent === null) return at - view.start;
  if (view.kind === "narrow") {
    const { places } = view;
    let n = 0;
    while (n + 2 < places.length && (places[n + 2] as number) <= at) n += 2;
    return sourceOffset(parent, (places[n + 1] as number) + at - (places[n] as number));
  }
  if (view.kind === "escapes") {
    const out = new Uint8Array(view.end - view.start + 16);
    unescapeText(parent.bytes, parent.start, parent.end, view.modes, out, 0, at - view.start);
    return sourceOffset(parent, stoppedAt);
  }
  const piece = view.pieces.find((one) => at <= one.outEnd) ?? view.pieces[0];
  if (piece === undefined) return sourceOffset(parent, parent.start);
  const inPiece = Math.max(0, at - piece.outStart);
  const scale = view.kind === "runs" ? 4 / 3 : view.kind === "utf16" ? 2 : 1;
  return sourceOffset(parent, Math.min(parent.end, piece.sourceStart + Math.floor(inPiece * scale)));
}

/** The decodings that a view lies within, outermost first. */
export function chainOf(view: View): string[] {
  const chain: string[] = [];
  for (let one: View | null = view; one !== null; one = one.parent) if (one.label !== "") chain.unshift(one.label);
  return chain;
}
