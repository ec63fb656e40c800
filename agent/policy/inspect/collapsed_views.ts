import { collapsedAt, collapsePlus, collapseShell, collapseSql } from "./collapse.ts";
import { isJsonText } from "./tokens.ts";
import { addViewWork, arena } from "./view_state.ts";
import { hasBounds, type View } from "./views.ts";

/** Form of a text that one language reads it as. */
export type Collapse = "plus" | "sql" | "sql-joined" | "shell";

/** The view collapsed, behind everything decoded; null if nothing changes. It takes no part of `max-decoded-bytes`. */
export function collapsed(view: View, how: Collapse): { bytes: Uint8Array; start: number; end: number } {
  arena.reserve(view.end - view.start + 16);
  const start = arena.at;
  addViewWork(view.end - view.start);
  const end = collapseInto(view, how, arena.bytes, start, Infinity);
  return { bytes: arena.bytes, start, end };
}

function collapseInto(view: View, how: Collapse, out: Uint8Array, at: number, stop: number): number {
  switch (how) {
    case "plus":
      return collapsePlus(view.bytes, view.start, view.end, out, at, stop);
    case "sql":
    case "sql-joined":
      return collapseSql(view.bytes, view.start, view.end, how === "sql-joined", out, at, stop);
    case "shell":
      return collapseShell(
        view.bytes,
        view.start,
        view.end,
        isJsonText(view.bytes, view.start, view.end),
        hasBounds(view),
        out,
        at,
        stop,
      );
  }
}

/** Where in the view the byte stands that is at `offset` of its collapsed form. */
export function collapsedSource(view: View, how: Collapse, offset: number): number {
  collapseInto(view, how, new Uint8Array(view.end - view.start + 16), 0, offset);
  return collapsedAt;
}
