import { parseArgs } from "node:util";
import { readCorpus } from "./corpus/corpus_files.ts";
import { type FamilyResult, measure, THRESHOLDS } from "./corpus/measure.ts";
import { measureForms } from "./corpus/measure_forms.ts";
import { formLines, missesAt, missLines, tables } from "./corpus/report.ts";

const USAGE = `Usage: deno task corpus [--misses] [--at <severity>] [--family <name>] [--forms] [--json]

Runs the texts of tests/corpus/ through the payload inspection with everything on, and tells for each block-severity
how many attacks are refused and how many benign texts are.

  --misses         list the items that are judged wrongly
  --at <severity>  the block-severity that misses are told for: ${THRESHOLDS.join(", ")} (medium)
  --family <name>  only this family; may be given more than once
  --forms          put every text that is judged rightly as it is into every form of evasion-*, and tell in which it is
                   judged wrongly; a minute or two, with --misses each text
  --json           the same as JSON
`;

/** The whole measurement as plain data. */
function asJson(measured: readonly FamilyResult[]): unknown {
  return measured.map(({ family: { family, about, kind, isIndependent }, results, refused }) => ({
    family,
    about,
    kind,
    isIndependent,
    items: results.length,
    refused,
  }));
}

async function main(args: readonly string[]): Promise<void> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      misses: { type: "boolean", default: false },
      at: { type: "string", default: "medium" },
      family: { type: "string", multiple: true, default: [] },
      forms: { type: "boolean", default: false },
      json: { type: "boolean", default: false },
      help: { type: "boolean", short: "h", default: false },
    },
  });
  if (values.help) {
    console.log(USAGE);
    return;
  }
  const at = THRESHOLDS.find((threshold) => threshold === values.at);
  if (at === undefined) {
    throw new Error(`Cannot tell misses: "${values.at}" is none of ${THRESHOLDS.join(", ")}`);
  }
  const corpus = await readCorpus(new URL("../tests/corpus/", import.meta.url));
  for (const name of values.family) {
    if (!corpus.some(({ family }) => family === name)) throw new Error(`Cannot measure "${name}": no such family`);
  }
  const chosen = values.family.length === 0 ? corpus : corpus.filter(({ family }) => values.family.includes(family));
  const measured = measure(chosen);
  if (values.forms) {
    for (const kind of ["attacks", "benign"] as const) {
      console.log(formLines(measureForms(measured, kind), kind, values.misses));
    }
    return;
  }
  const misses = values.misses ? missesAt(at, measured) : [];
  if (values.json) {
    console.log(JSON.stringify({ families: asJson(measured), ...(values.misses ? { at, misses } : {}) }, null, 2));
    return;
  }
  console.log(tables(measured));
  if (values.misses) console.log(`Wrong at ${at}: ${misses.length}\n\n${missLines(misses)}`);
}

if (import.meta.main) {
  try {
    await main(Deno.args);
  } catch (error) {
    console.error((error as Error).message);
    Deno.exit(1);
  }
}
