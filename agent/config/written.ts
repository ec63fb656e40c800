import { ConfigDocument, type Spot } from "./document.ts";
import { isBag, keyedEntry, keyedOrder, listForm } from "./keyed.ts";
import type { Path, Place } from "./problem.ts";
import { PUSH } from "./layers.ts";
import { RULES, RULES_FILE } from "./schema/acl.ts";
import { CONFIG, type Config } from "./schema/config.ts";
import type { AnyShape, Keyed, ListShape } from "./shape.ts";

/** What is written at one place of the effective configuration, and where. */
export interface Written {
  readonly document: ConfigDocument;
  /** What the place may hold; null inside of free JSON. */
  readonly shape: AnyShape | null;
  /** As it is written: spelled as the source does, the environment not filled in. Undefined where nothing is. */
  readonly value: unknown;
  /** The place, or the innermost one around it that is written. */
  readonly spot: Spot;
}

/** A file with its text. */
export interface SourceText {
  readonly path: string;
  readonly text: string;
}

/**
 * The files of a configuration that loads, read once more: which values they give, in what words and where. For
 * commands that explain a configuration; places of many values are found by one reading.
 */
export class WrittenConfig {
  readonly #file: Written | null;
  readonly #push: Written | null;
  /** What the rules file gives, by what it is in the effective `acl`. */
  readonly #rules: ReadonlyMap<string, Written>;
  /** How many rules and tests stand before those of the rules file. */
  readonly #before: ReadonlyMap<string, number>;

  /** `push`: what the proxy pushed, as JSON.parse gives it; undefined for nothing. */
  constructor(config: Config, file: SourceText | null, rulesFile: SourceText | null, push: unknown = undefined) {
    this.#push = push === undefined ? null : rootOf(ConfigDocument.ofValue(PUSH, push), CONFIG);
    this.#file = file === null ? null : rootOf(ConfigDocument.ofText(file.path, file.text), CONFIG);
    const rules = new Map<string, Written>();
    const before = new Map<string, number>();
    if (rulesFile !== null) {
      const document = ConfigDocument.ofText(rulesFile.path, rulesFile.text);
      const isList = Array.isArray(document.value);
      const root = rootOf(document, isList ? RULES : RULES_FILE);
      if (isList) rules.set("rules", root);
      else for (const key of ["rules", "tests", "groups"]) rules.set(key, childOf(root, key));
      for (const key of ["rules", "tests"] as const) {
        before.set(key, config.acl[key].length - lengthOf(rules.get(key)));
      }
    }
    this.#rules = rules;
    this.#before = before;
  }

  /** What is written at the path; null where no file says anything near it. */
  at(path: Path): Written | null {
    const [section, key, entry, ...rest] = path;
    if (section === "acl" && entry !== undefined) {
      const further = this.#rules.get(String(key));
      const before = this.#before.get(String(key)) ?? 0;
      if (further !== undefined) {
        if (typeof entry === "number" && entry >= before) return descend(further, [entry - before, ...rest]);
        if (isBag(further.value) && key === "groups" && Object.hasOwn(further.value, entry)) {
          return descend(further, [entry, ...rest]);
        }
      }
    }
    const pushed = this.#pushed(path);
    if (pushed !== null) return pushed;
    return this.#file === null ? null : descend(this.#file, path);
  }

  /** What the push says, or null: a list that it gives stands in the place of the whole list of the file. */
  #pushed(path: Path): Written | null {
    if (this.#push === null) return null;
    const entry = path.findIndex((part) => typeof part === "number");
    const isSaid = descend(this.#push, entry === -1 ? path : path.slice(0, entry)).value !== undefined;
    return isSaid ? descend(this.#push, path) : null;
  }

  /** Where each of them is written; null for null. One reading of each file. */
  places(written: readonly (Written | null)[]): (Place | null)[] {
    const places: (Place | null)[] = written.map(() => null);
    for (const document of new Set(written.flatMap((one) => one === null ? [] : [one.document]))) {
      const indexes = written.flatMap((one, index) => one?.document === document ? [index] : []);
      const found = document.places(indexes.map((index) => written[index]?.spot ?? { raw: [], of: "value" }));
      indexes.forEach((index, at) => places[index] = found[at] ?? null);
    }
    return places;
  }
}

function rootOf(document: ConfigDocument, shape: AnyShape): Written {
  return { document, shape, value: document.value, spot: { raw: [], of: "value" } };
}

function descend(from: Written, path: Path): Written {
  return path.reduce<Written>((at, part) => childOf(at, part), from);
}

/** What is written of one key or element, as the effective configuration calls it. */
function childOf(at: Written, part: string | number): Written {
  const { shape, value } = at;
  if (value === undefined) return nothing(at, null);
  switch (shape?.kind) {
    case "object": {
      const inner = shape.properties.get(String(part))?.shape ?? null;
      const spelling = isBag(value) ? [part, String(part).replaceAll("-", "_")].find((key) => owns(value, key)) : null;
      return spelling === undefined || spelling === null ? nothing(at, inner) : step(at, spelling, inner);
    }
    case "variants": {
      const tag = isBag(value) ? value[shape.tag] : undefined;
      return childOf({ ...at, shape: shape.cases.get(String(tag)) ?? null }, part);
    }
    case "word-or-list":
      return childOf({ ...at, shape: shape.list }, part);
    case "list":
      return elementOf(at, shape, Number(part));
    case "map":
      return owns(value, part) ? step(at, part, shape.value) : nothing(at, shape.value);
    default:
      return owns(value, part) ? step(at, part, null) : nothing(at, null);
  }
}

function elementOf(at: Written, shape: ListShape, index: number): Written {
  const { value } = at;
  switch (listForm(shape, value)) {
    case "list":
      return step(at, index, shape.item);
    case "scalar":
    case "entry":
      return index === 0 ? { ...at, shape: shape.item } : nothing(at, shape.item);
    case "keyed": {
      if (!isBag(value) || shape.keyed === null) return nothing(at, shape.item);
      const name = keyedOrder(value)[index];
      return name === undefined ? nothing(at, shape.item) : keyedElement(at, shape.item, shape.keyed, name);
    }
    default:
      return nothing(at, shape.item);
  }
}

/** With the keys that its name stands for. */
function keyedElement(at: Written, item: AnyShape, keyed: Keyed, name: string): Written {
  const found = step(at, name, item);
  return isBag(found.value) ? { ...found, value: keyedEntry(keyed, name, found.value, true) } : found;
}

function step(at: Written, part: string | number, shape: AnyShape | null): Written {
  const value = (at.value as Record<string | number, unknown>)[part];
  return { document: at.document, shape, value, spot: { raw: [...at.spot.raw, part], of: "value" } };
}

function nothing({ document, spot }: Written, shape: AnyShape | null): Written {
  return { document, shape, value: undefined, spot };
}

function owns(value: unknown, key: string | number): boolean {
  return typeof value === "object" && value !== null && Object.hasOwn(value, key);
}

function lengthOf(list: Written | undefined): number {
  const value = list?.value;
  if (Array.isArray(value)) return value.length;
  return isBag(value) ? Object.keys(value).length : 0;
}
