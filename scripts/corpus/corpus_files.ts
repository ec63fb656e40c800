import { Buffer } from "node:buffer";
import type { Category, PartName } from "../../agent/policy/inspect/mod.ts";

/** What a corpus says of its items: that they attack, or that they are what honest devices and people send. */
export type Kind = "attacks" | "benign";

/** One text of the corpus, decoded. */
export interface CorpusItem {
  /** Its `name`, else `#` and its place in the file, from 0. */
  readonly label: string;
  readonly content: Uint8Array;
  /** Part of a packet that the content is. */
  readonly part: PartName;
  /** Topic of the message that it is a part of; empty where none is said. */
  readonly topic: string;
  /** What an attack is; null for what is benign. */
  readonly category: Category | null;
}

/** One file of the corpus. */
export interface CorpusFamily {
  readonly family: string;
  readonly about: string;
  readonly kind: Kind;
  /** Written by somebody who knew neither the patterns nor the rest of the corpus; told apart. */
  readonly isIndependent: boolean;
  readonly items: readonly CorpusItem[];
}

const CATEGORIES: readonly string[] = ["sqli", "command-injection", "script-injection", "path-traversal"];
const PARTS: readonly string[] = [
  "payload",
  "topic",
  "client-id",
  "username",
  "will",
  "user-properties",
  "response-topic",
];
const CONTENT_KEYS = ["text", "hex", "base64"] as const;
const ITEM_KEYS: readonly string[] = [...CONTENT_KEYS, "name", "topic", "part", "category"];

/** Folders of a corpus within its root, and what they hold. */
const FOLDERS: readonly { readonly path: string; readonly kind: Kind; readonly isIndependent: boolean }[] = [
  { path: "attacks/", kind: "attacks", isIndependent: false },
  { path: "benign/", kind: "benign", isIndependent: false },
  { path: "independent/attacks/", kind: "attacks", isIndependent: true },
  { path: "independent/benign/", kind: "benign", isIndependent: true },
];

/**
 * Reads all files of the corpus at `root`, a folder's URL that ends in `/`, in the order of their names. `tests/corpus/README.md`
 * has the format. Throws one error that tells every fault of every file.
 */
export async function readCorpus(root: URL): Promise<CorpusFamily[]> {
  const families: CorpusFamily[] = [];
  const problems: string[] = [];
  for (const { path, kind, isIndependent } of FOLDERS) {
    const names: string[] = [];
    for await (const { name } of Deno.readDir(new URL(path, root))) if (name.endsWith(".json")) names.push(name);
    for (const name of names.sort()) {
      const faults: string[] = [];
      const text = await Deno.readTextFile(new URL(path + name, root));
      const read = readFamily(text, name.slice(0, -".json".length), kind, faults);
      problems.push(...faults.map((fault) => `"${path}${name}": ${fault}`));
      if (read !== null) families.push({ ...read, kind, isIndependent });
    }
  }
  if (problems.length > 0) throw new Error(`Cannot read the corpus: ${problems.join("; ")}`);
  return families;
}

type Read = Pick<CorpusFamily, "family" | "about" | "items">;

/** One family from the text of its file; what is wrong is put into `faults`, and null given if nothing can be made of it. */
export function readFamily(text: string, expectedName: string, kind: Kind, faults: string[]): Read | null {
  let data: unknown;
  try {
    data = JSON.parse(text);
  } catch (error) {
    faults.push(`not JSON, ${(error as Error).message}`);
    return null;
  }
  if (!isRecord(data)) {
    faults.push("not an object");
    return null;
  }
  const { family, about, category, items, ...others } = data;
  for (const key of Object.keys(others)) faults.push(`unknown key "${key}"`);
  if (family !== expectedName) faults.push(`family is ${JSON.stringify(family)}, the file is named "${expectedName}"`);
  if (typeof about !== "string" || about === "") faults.push("about is not a sentence");
  if (kind === "benign" && category !== undefined) faults.push("category is for attacks only");
  if (kind === "attacks" && !isCategory(category)) faults.push(`category is ${JSON.stringify(category)}`);
  if (!Array.isArray(items)) {
    faults.push("items is not a list");
    return null;
  }
  const read: CorpusItem[] = [];
  items.forEach((item: unknown, n) => {
    const made = readItem(item, n, kind, isCategory(category) ? category : null, faults);
    if (made !== null) read.push(made);
  });
  return { family: expectedName, about: String(about), items: read };
}

function readItem(
  item: unknown,
  n: number,
  kind: Kind,
  inherited: Category | null,
  faults: string[],
): CorpusItem | null {
  const fault = (what: string): null => {
    faults.push(`item ${n}: ${what}`);
    return null;
  };
  if (!isRecord(item)) return fault("not an object");
  for (const key of Object.keys(item)) if (!ITEM_KEYS.includes(key)) return fault(`unknown key "${key}"`);
  const given = CONTENT_KEYS.filter((key) => item[key] !== undefined);
  const key = given[0];
  if (key === undefined || given.length > 1) return fault("needs one of text, hex and base64");
  const { name, topic = "", part = "payload", category = inherited } = item;
  if (name !== undefined && (typeof name !== "string" || name === "")) return fault("name is not a text");
  if (typeof topic !== "string") return fault("topic is not a text");
  if (typeof part !== "string" || !PARTS.includes(part)) return fault(`part is ${JSON.stringify(part)}`);
  if (kind === "benign" && category !== null) return fault("category is for attacks only");
  if (kind === "attacks" && !isCategory(category)) return fault(`category is ${JSON.stringify(category)}`);
  const content = contentOf(key, item[key]);
  if (content === null) return fault(`${key} is not ${key}`);
  return {
    label: name ?? `#${n}`,
    content,
    part: part as PartName,
    topic,
    category: category as Category | null,
  };
}

/** The bytes of an item, or null if they are not written as `key` says: hex may have spaces, base64 is exact. */
function contentOf(key: typeof CONTENT_KEYS[number], written: unknown): Uint8Array | null {
  if (typeof written !== "string") return null;
  if (key === "text") return written.isWellFormed() ? new TextEncoder().encode(written) : null;
  const compact = key === "hex" ? written.replaceAll(" ", "").toLowerCase() : written;
  const bytes = Buffer.from(compact, key);
  return bytes.toString(key) === compact ? new Uint8Array(bytes) : null;
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isCategory(value: unknown): value is Category {
  return typeof value === "string" && CATEGORIES.includes(value);
}
