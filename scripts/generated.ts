import { configSchema } from "../agent/config/json_schema.ts";
import { referencePage } from "../agent/config/reference_page.ts";
import { CONFIG } from "../agent/config/schema/config.ts";
import { reasonsPage } from "./reasons_md.ts";

const root = new URL("../", import.meta.url);

/** What is made from the code, by its path in the repository: `deno task docs` writes it, a test holds it in step. */
export const GENERATED: ReadonlyMap<string, () => Promise<string> | string> = new Map<
  string,
  () => Promise<string> | string
>([
  ["docs/reasons.md", reasonsPage],
  ["docs/configuration.md", async () => referencePage({ examples: await configExamples() })],
  ["config/schema.json", () => `${JSON.stringify(configSchema(), null, 2)}\n`],
]);

/** The examples of `config/examples/` by the section that they show. */
export async function configExamples(): Promise<Map<string, string>> {
  const examples = new Map<string, string>();
  for (const { key } of CONFIG.keys) {
    examples.set(key, await Deno.readTextFile(new URL(`config/examples/${key}.jsonc`, root)));
  }
  return examples;
}

if (import.meta.main) {
  for (const [path, make] of GENERATED) await Deno.writeTextFile(new URL(path, root), await make());
}
