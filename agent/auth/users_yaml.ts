/**
 * A users file as YAML 1.2. Only threads beside the frame path and the command line import this: the library takes 50 ms
 * to load and is 30 times slower than JSON's parser, but knows the place of everything and keeps comments.
 */
import {
  type Document,
  isAlias,
  isMap,
  isScalar,
  isSeq,
  LineCounter,
  type Node,
  parseDocument,
  type YAMLMap,
} from "yaml";
import type { DuplicateKey, SyntaxFault } from "../config/jsonc.ts";
import { define } from "../config/jsonc.ts";
import type { Spot } from "../config/document.ts";
import type { Path, Place } from "../config/problem.ts";
import { quoteWhole } from "../config/quote.ts";
import type { UsersDocument } from "./users_file.ts";

/** As deep as JSON may be nested. */
const MAX_DEPTH = 100;
const MAX_FAULT_CHARS = 120;

class Halt extends Error {
  constructor(readonly offset: number, message: string) {
    super(message);
  }
}

/** The text parsed; comments and places are in it. `uniqueKeys` would compare each key with all others. */
export function parseYaml(text: string, lines = new LineCounter()): Document.Parsed {
  // Errors in their short form: the long one quotes the line, and with it a hash.
  return parseDocument(text, { uniqueKeys: false, prettyErrors: false, lineCounter: lines, stringKeys: false });
}

/** The name that a key is, as it is written: `007` is a user's name, not the number 7. Null where it is no scalar. */
export function keyText(key: unknown): string | null {
  if (!isScalar(key)) return null;
  return typeof key.value === "string" ? key.value : key.source ?? String(key.value);
}

export class YamlDocument implements UsersDocument {
  readonly source: string;
  readonly value: unknown;
  readonly fault: SyntaxFault | null = null;
  readonly duplicates: readonly DuplicateKey[];
  readonly #path: string;
  readonly #lines = new LineCounter();
  readonly #document: Document.Parsed;

  constructor(path: string, text: string) {
    this.#path = path;
    this.source = quoteWhole(path);
    this.#document = parseYaml(text, this.#lines);
    const { contents, errors, warnings } = this.#document;
    const reader = new Reader(this.#document);
    this.duplicates = reader.duplicates;
    // A warning is a tag that nobody knows: what stands behind it is not what was meant.
    const wrong = errors[0] ?? warnings[0];
    try {
      if (wrong !== undefined) throw new Halt(wrong.pos[0], wrong.message.slice(0, MAX_FAULT_CHARS));
      this.value = reader.value(contents, 0);
    } catch (error) {
      if (!(error instanceof Halt)) throw error;
      this.fault = { offset: error.offset, text: error.message };
    }
  }

  placeAt(offset: number): Place {
    const { line, col } = this.#lines.linePos(offset);
    return { source: this.source, file: this.#path, line: Math.max(line, 1), column: Math.max(col, 1) };
  }

  places(spots: readonly Spot[]): Place[] {
    const indexes = new Map<YAMLMap, Map<string, Member>>();
    return spots.map((spot) => this.placeAt(this.#offsetOf(spot, indexes)));
  }

  /** Of a spot, or of the innermost thing around it that is written down. */
  #offsetOf({ raw, of }: Spot, indexes: Map<YAMLMap, Map<string, Member>>): number {
    let node: Node | null = this.#document.contents;
    let offset = node?.range?.[0] ?? 0;
    for (const [depth, part] of raw.entries()) {
      const at: Node | undefined | null = isAlias(node) ? node.resolve(this.#document) : node;
      if (isSeq(at) && typeof part === "number") {
        node = at.items[part] as Node | null;
      } else if (isMap(at) && typeof part === "string") {
        let index = indexes.get(at);
        if (index === undefined) indexes.set(at, index = indexOf(at));
        const found = index.get(part);
        if (found === undefined) return offset;
        node = found.value;
        if (node === null || (depth === raw.length - 1 && of === "key")) return found.keyOffset;
      } else return offset;
      offset = node?.range?.[0] ?? offset;
    }
    return offset;
  }
}

interface Member {
  readonly keyOffset: number;
  readonly value: Node | null;
}

/** Of two equal keys the second, which is the one to blame. */
function indexOf(map: YAMLMap): Map<string, Member> {
  const index = new Map<string, Member>();
  for (const { key, value } of map.items) {
    const name = keyText(key);
    if (name !== null) index.set(name, { keyOffset: (key as Node).range?.[0] ?? 0, value: value as Node | null });
  }
  return index;
}

/** Makes of nodes what JSON would have made. What aliases stand for is made once, so that they cannot multiply it. */
class Reader {
  readonly duplicates: DuplicateKey[] = [];
  readonly #document: Document.Parsed;
  readonly #path: (string | number)[] = [];
  readonly #anchored = new Map<Node, unknown>();

  constructor(document: Document.Parsed) {
    this.#document = document;
  }

  value(node: Node | null, depth: number): unknown {
    if (node === null) return null;
    const offset = node.range?.[0] ?? 0;
    if (depth > MAX_DEPTH) throw new Halt(offset, `nested deeper than ${MAX_DEPTH} levels`);
    if (isScalar(node)) return node.value;
    if (isAlias(node)) return this.#alias(node.resolve(this.#document), offset);
    if (isMap(node)) return this.#map(node, depth);
    if (!isSeq(node)) throw new Halt(offset, "expected a value");
    const items = node.items.map((item, index) => {
      this.#path.push(index);
      const value = this.value(item as Node | null, depth + 1);
      this.#path.pop();
      return value;
    });
    if (node.anchor !== undefined) this.#anchored.set(node, items);
    return items;
  }

  /** Once made, and not while it is being made: an alias within its own anchor would have no end. */
  #alias(target: Node | undefined, offset: number): unknown {
    if (target === undefined) throw new Halt(offset, "the alias has no anchor");
    if (isScalar(target)) return target.value;
    if (!this.#anchored.has(target)) throw new Halt(offset, "the alias stands within its own anchor");
    return this.#anchored.get(target);
  }

  #map(node: YAMLMap, depth: number): unknown {
    const object = {};
    for (const { key, value } of node.items) {
      const name = keyText(key);
      const offset = (key as Node | null)?.range?.[0] ?? node.range?.[0] ?? 0;
      if (name === null) throw new Halt(offset, "expected a text as key");
      this.#path.push(name);
      if (Object.hasOwn(object, name)) this.duplicates.push({ offset, path: [...this.#path] as Path });
      define(object, name, this.value(value as Node | null, depth + 1));
      this.#path.pop();
    }
    if (node.anchor !== undefined) this.#anchored.set(node, object);
    return object;
  }
}
