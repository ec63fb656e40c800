import { readVectors } from "./vector.ts";
import { type Props, readProps } from "./vector_props.ts";
import type { VectorFile } from "./vector_runner.ts";

const FOLDER = new URL("../vectors/", import.meta.url);
const PROPS = "_props";

/** Names of the files of vectors, without `.json`: all of the folder but configurations, and what vectors refer to. */
export function vectorFileNames(): string[] {
  return [...Deno.readDirSync(FOLDER)].map(({ name }) => name).filter((name) => name.endsWith(".json"))
    .map((name) => name.slice(0, -".json".length)).filter((name) => name !== "configs" && !name.endsWith(PROPS)).sort();
}

/** One file of vectors with the configurations and props that it refers to. Throws for one that cannot be read. */
export function readVectorFile(name: string): VectorFile {
  const { base, ...configs } = JSON.parse(read("configs"));
  return { name, vectors: readVectors(read(name), `${name}.json`), configs, base, props: propsOf(name) };
}

/** The props of the files whose name begins as theirs does, or null. */
function propsOf(name: string): Props | null {
  try {
    return readProps(read(`${name.split("_")[0]}${PROPS}`));
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return null;
    throw error;
  }
}

function read(name: string): string {
  return Deno.readTextFileSync(new URL(`${name}.json`, FOLDER));
}
