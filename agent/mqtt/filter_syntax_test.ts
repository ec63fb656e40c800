import { strictEqual } from "node:assert/strict";
import { filterFault, isShared } from "./filter_syntax.ts";
import { isValidFilter, sharedFilterStart } from "./topic_filter.ts";

const encoder = new TextEncoder();

function fault(filter: string): string | null {
  const bytes = encoder.encode(`#${filter}+`);
  return filterFault(bytes, 1, bytes.length - 1)?.code ?? null;
}

/** All texts of up to `length` of the characters. */
function* texts(characters: string, length: number): Generator<string> {
  yield "";
  if (length === 0) return;
  for (const rest of texts(characters, length - 1)) for (const character of characters) yield character + rest;
}

Deno.test("filterFault() agrees with topic_filter on every short filter", () => {
  for (const filter of texts("a/+#$", 6)) strictEqual(fault(filter) === null, isValidFilter(filter), filter);
});

Deno.test("filterFault() agrees with topic_filter on every short shared subscription", () => {
  for (const rest of texts("a/+#", 5)) {
    const filter = `$share/${rest}`;
    const start = sharedFilterStart(filter, 0);
    strictEqual(fault(filter) === null, start > 0 && isValidFilter(filter.slice(start)), filter);
  }
});

Deno.test("isShared() takes $share/ exactly", () => {
  const shared = (filter: string) => isShared(encoder.encode(filter), 0, filter.length);
  for (const filter of ["$share/", "$share/g/x", "$share//"]) strictEqual(shared(filter), true, filter);
  for (const filter of ["$share", "$SHARE/g/x", "$sharex/", "share/g/x", "", "/$share/g/x"]) {
    strictEqual(shared(filter), false, filter);
  }
});
