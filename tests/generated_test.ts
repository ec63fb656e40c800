import assert from "node:assert/strict";
import { reasonsPage } from "../scripts/reasons_md.ts";

Deno.test("docs/reasons.md is in step with the registry", async () => {
  const page = await Deno.readTextFile(new URL("../docs/reasons.md", import.meta.url));
  assert.equal(page, reasonsPage(), "run: deno task docs");
});
