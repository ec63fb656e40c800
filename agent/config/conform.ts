import type { ConfigDocument, Spot } from "./document.ts";
import { type Environment, expand } from "./expand.ts";
import { hint } from "./hint.ts";
import { define } from "./jsonc.ts";
import { type Bag, hasPriority, isBag, keyedEntry, keyedOrder, keyedOrderSteps, listForm } from "./keyed.ts";
import type { NotYetTable } from "./not_yet.ts";
import { formatPath, type Path, type ProblemKind } from "./problem.ts";
import { quote } from "./quote.ts";
import { sortedSteps } from "./sorted.ts";
import { finished, type Steps } from "./steps.ts";
import {
  type AnyShape,
  type ChoiceShape,
  type JsonShape,
  type ListShape,
  type MapShape,
  type NumberShape,
  type ObjectShape,
  type Placeholders,
  type TextShape,
  type VariantsShape,
  type WordOrListShape,
} from "./shape.ts";

/** A problem before its place is looked up. */
export interface Finding extends Spot {
  readonly kind: ProblemKind;
  readonly path: Path;
  readonly text: string;
}

export interface Conformed {
  /** Lists are lists, keys are spelled as ours, the environment is filled in; defaults are not. Frozen. */
  readonly value: unknown;
  readonly findings: readonly Finding[];
  /** How many more there are than `findings` tells. */
  readonly untold: number;
}

/** A configuration with more wrong than this is another file; the rest is counted. */
const MAX_FINDINGS = 1000;
/** Names the JSON Schema of a file to editors. */
export const EDITOR_KEY = "$schema";
const MAX_JSON_DEPTH = 100;
const FAILED = undefined;

/** Entries of a long list that one step conforms: half a millisecond of rules. */
const STEP_ENTRIES = 128;

/** Brings what a source says into one form and tells all that is wrong with it. */
export function conform(shape: AnyShape, source: ConfigDocument, env: Environment, notYet: NotYetTable): Conformed {
  return finished(conformSteps(shape, source, env, notYet));
}

/** As {@link conform}, in steps: a long list or map by `STEP_ENTRIES`, all the rest at last in one. */
export function* conformSteps(
  shape: AnyShape,
  source: ConfigDocument,
  env: Environment,
  notYet: NotYetTable,
): Steps<Conformed> {
  const conformer = new Conformer(env, notYet);
  yield* conformer.longParts(shape, source.value);
  for (const { path } of source.duplicates) conformer.duplicate(path);
  const value = conformer.root(shape, source);
  return { value, findings: conformer.findings, untold: conformer.untold };
}

/** A long list or map that was conformed before what it stands in. */
interface LongPart {
  readonly value: unknown;
  readonly findings: readonly Finding[];
  readonly untold: number;
}

class Conformer {
  findings: Finding[] = [];
  untold = 0;
  /** By what the source says. */
  readonly #longParts = new Map<unknown, LongPart>();
  readonly #env: Environment;
  readonly #notYet: NotYetTable;
  readonly #path: (string | number)[] = [];
  readonly #raw: (string | number)[] = [];
  /** Whether the text just expanded holds a value of the environment, which no message may quote. */
  #fromEnvironment = false;

  constructor(env: Environment, notYet: NotYetTable) {
    this.#env = env;
    this.#notYet = notYet;
  }

  duplicate(raw: Path): void {
    const text = `the key ${quote(String(raw.at(-1)))} is there twice`;
    this.#add({ kind: "key", path: raw.slice(0, -1), raw, of: "key", text });
  }

  /**
   * Conforms the long lists and maps in a value, in steps, and keeps what they come to for `value`: that one goes through
   * objects in objects and can not be left halfway.
   */
  *longParts(shape: AnyShape, raw: unknown): Steps<void> {
    switch (shape.kind) {
      case "list":
        if (lengthOf(shape, raw) > STEP_ENTRIES) yield* this.#longPart(raw, this.#listSteps(shape, raw));
        return;
      case "map":
        if (!isBag(raw)) return;
        if (Object.keys(raw).length > STEP_ENTRIES) return yield* this.#longPart(raw, this.#mapSteps(shape, raw));
        for (const key of Object.keys(raw)) yield* this.#longPartsAt(shape.value, raw[key], key, key);
        return;
      case "object":
        if (!isBag(raw)) return;
        for (const spelling of Object.keys(raw)) {
          const known = shape.spellings.get(spelling);
          if (known !== undefined) yield* this.#longPartsAt(known.property.shape, raw[spelling], known.key, spelling);
        }
        return;
      default:
        return;
    }
  }

  *#longPartsAt(shape: AnyShape, raw: unknown, key: string, spelling: string): Steps<void> {
    if (typeof raw !== "object" || raw === null) return;
    this.#path.push(key);
    this.#raw.push(spelling);
    yield* this.longParts(shape, raw);
    this.#raw.pop();
    this.#path.pop();
  }

  /** What is found wrong in it is told where `value` comes to it, or never, if it does not. */
  *#longPart(raw: unknown, steps: Steps<unknown>): Steps<void> {
    const { findings, untold } = this;
    this.findings = [];
    this.untold = 0;
    const value = yield* steps;
    this.#longParts.set(raw, { value, findings: this.findings, untold: this.untold });
    this.findings = findings;
    this.untold = untold;
  }

  /** The whole of a source. A file may say at its top level by what an editor completes it: that is for the editor alone. */
  root(shape: AnyShape, { file, value: raw }: ConfigDocument): unknown {
    if (file === null || !isBag(raw) || !Object.hasOwn(raw, EDITOR_KEY)) return this.value(shape, raw);
    const { [EDITOR_KEY]: named, ...rest } = raw;
    if (typeof named !== "string") {
      this.#failAt(EDITOR_KEY, EDITOR_KEY, "value", `expected a text, found ${shown(named)}`);
    }
    return this.value(shape, rest);
  }

  value(shape: AnyShape, raw: unknown): unknown {
    if (this.#longParts.size > 0) {
      const done = this.#longParts.get(raw);
      if (done !== undefined) return this.#take(done);
    }
    switch (shape.kind) {
      case "boolean":
        return typeof raw === "boolean" ? raw : this.#fail(`expected true or false, found ${shown(raw)}`);
      case "number":
        return this.#number(shape, raw);
      case "text":
        return this.#text(shape, raw);
      case "choice":
        return this.#choice(shape, raw);
      case "list":
        return this.#list(shape, raw);
      case "object":
        return isBag(raw) ? this.#object(shape, raw) : this.#fail(`expected an object, found ${kindOf(raw)}`);
      case "map":
        return isBag(raw) ? this.#map(shape, raw) : this.#fail(`expected an object, found ${kindOf(raw)}`);
      case "variants":
        return this.#variants(shape, raw);
      case "word-or-list":
        return this.#wordOrList(shape, raw);
      case "json":
        return this.#json(shape, raw, 0);
      default:
        return shape satisfies never;
    }
  }

  #take({ value, findings, untold }: LongPart): unknown {
    for (const finding of findings) this.#add(finding);
    this.untold += untold;
    return value;
  }

  #number({ integer, min, max, above }: NumberShape, raw: unknown): unknown {
    if (typeof raw !== "number" || (integer && !Number.isInteger(raw))) {
      return this.#fail(`expected ${integer ? "a whole number" : "a number"}, found ${shown(raw)}`);
    }
    if (above ? raw <= min : raw < min) return this.#fail(`${raw} is not ${above ? "above" : "at least"} ${min}`);
    if (raw > max) return this.#fail(`${raw} is above the maximum of ${max}`);
    return raw;
  }

  #text(shape: TextShape, raw: unknown): unknown {
    if (typeof raw !== "string") return this.#fail(`expected a text, found ${shape.secret ? kindOf(raw) : shown(raw)}`);
    const value = this.#expand(raw, shape.placeholders);
    if (value === null) return FAILED;
    if (value.length < shape.minLength) return this.#fail("the text is empty");
    if (value.length > shape.maxLength) return this.#fail(`the text is longer than ${shape.maxLength} characters`);
    if (!value.isWellFormed()) return this.#fail("the text holds half of a surrogate pair");
    const fault = shape.check === null ? null : shape.check(value);
    return fault === null ? value : this.#fail(`expected ${fault}${this.#found(value, shape.secret)}`);
  }

  #choice({ values }: ChoiceShape, raw: unknown): unknown {
    const value = typeof raw === "string" ? this.#expand(raw, null) : raw;
    if (value === null && raw !== null) return FAILED;
    for (const candidate of values) if (candidate === value) return value;
    const known = values.map((candidate) => typeof candidate === "string" ? quote(candidate) : candidate).join(", ");
    if (typeof value !== "string") return this.#fail(`expected one of ${known}, found ${shown(value)}`);
    if (this.#fromEnvironment) return this.#fail(`the value from the environment is none of ${known}`);
    const near = hint(value, values.filter((candidate) => typeof candidate === "string"));
    return this.#fail(`${quote(value)} is none of ${known}${near}`);
  }

  #list(shape: ListShape, raw: unknown): unknown {
    const form = listForm(shape, raw);
    if (form === "keyed" && isBag(raw)) return this.#keyed(shape, raw);
    if (form === "none") return this.#fail(`expected ${listName(shape)}, found ${kindOf(raw)}`);
    const list: readonly unknown[] = Array.isArray(raw) ? raw : [raw];
    return this.#endList(shape, this.#items(shape, list, list, 0, list.length, form === "list"));
  }

  *#listSteps(shape: ListShape, raw: unknown): Steps<unknown> {
    if (Array.isArray(raw)) {
      let items: readonly unknown[] = raw;
      for (let from = 0; from < raw.length; from += STEP_ENTRIES) {
        items = this.#items(shape, raw, items, from, Math.min(from + STEP_ENTRIES, raw.length), true);
        yield;
      }
      return this.#endList(shape, items);
    }
    if (!isBag(raw)) return this.#list(shape, raw);
    const names = yield* keyedOrderSteps(raw);
    const items: unknown[] = [];
    for (let from = 0; from < names.length; from += STEP_ENTRIES) {
      yield;
      this.#keyedItems(shape, raw, names.slice(from, from + STEP_ENTRIES), items);
    }
    return Object.freeze(items);
  }

  /** Conforms some entries of a list: the list itself as long as it need not be another, else what comes in its place. */
  #items(
    shape: ListShape,
    list: readonly unknown[],
    before: readonly unknown[],
    from: number,
    to: number,
    isWritten: boolean,
  ): readonly unknown[] {
    let items = before;
    for (let index = from; index < to; index++) {
      this.#path.push(index);
      if (isWritten) this.#raw.push(index);
      const conformed = this.value(shape.item, list[index]);
      if (isWritten) this.#raw.pop();
      this.#path.pop();
      if (items === list && conformed === list[index]) continue;
      if (items === list) items = list.slice(0, index);
      (items as unknown[]).push(conformed);
    }
    return items;
  }

  #endList(shape: ListShape, items: readonly unknown[]): unknown {
    if (items.length < shape.minItems) return this.#fail("the list is empty");
    if (shape.unique && items.length > 1) this.#checkUnique(items);
    return Object.freeze(items);
  }

  #checkUnique(items: readonly unknown[]): void {
    const seen = new Set<unknown>();
    for (let index = 0; index < items.length; index++) {
      const item = items[index];
      if (item !== FAILED && seen.has(item)) {
        this.#add({
          kind: "value",
          path: [...this.#path, index],
          raw: [...this.#raw, index],
          of: "value",
          text: "is there twice",
        });
      }
      seen.add(item);
    }
  }

  #keyed(shape: ListShape, raw: Bag): unknown {
    const items: unknown[] = [];
    this.#keyedItems(shape, raw, keyedOrder(raw), items);
    return Object.freeze(items);
  }

  #keyedItems({ keyed, item }: ListShape, raw: Bag, names: readonly string[], items: unknown[]): void {
    if (keyed === null) return;
    const withPriority = hasPriority(item);
    for (const name of names) {
      this.#path.push(items.length);
      this.#raw.push(name);
      const entry = raw[name];
      if (!isBag(entry)) items.push(this.#fail(`expected an object, found ${kindOf(entry)}`));
      else {
        this.#checkKeyedEntry(keyed.name, name, entry, withPriority);
        items.push(this.value(item, keyedEntry(keyed, name, entry, withPriority)));
      }
      this.#raw.pop();
      this.#path.pop();
    }
  }

  #checkKeyedEntry(nameKey: string, name: string, entry: Bag, withPriority: boolean): void {
    if (Object.hasOwn(entry, nameKey) && entry[nameKey] !== name) {
      this.#failAt(nameKey, nameKey, "value", `is another name than the key ${quote(name)}`);
    }
    const priority = Object.hasOwn(entry, "priority") ? entry["priority"] : 0;
    if (!withPriority && (typeof priority !== "number" || !Number.isInteger(priority))) {
      this.#failAt("priority", "priority", "value", `expected a whole number, found ${shown(priority)}`);
    }
  }

  #object(shape: ObjectShape, raw: Bag): unknown {
    const findingsBefore = this.findings.length + this.untold;
    const keys = Object.keys(raw);
    // As long as a source writes what we would, its own object is taken over: of 100,000 rules most are such.
    let value: Record<string, unknown> | null = null;
    let last = -1;
    let ordered = true;
    for (let at = 0; at < keys.length; at++) {
      const spelling = keys[at] ?? "";
      const known = shape.spellings.get(spelling);
      if (known === undefined) {
        this.#unknownKey(shape, spelling);
        continue;
      }
      const { key, index, property } = known;
      if (key !== spelling && Object.hasOwn(raw, key)) {
        this.#failAt(key, spelling, "key", `${quote(spelling)} and ${quote(key)} are the same key`, "key");
        continue;
      }
      this.#path.push(key);
      this.#raw.push(spelling);
      const conformed = this.value(property.shape, raw[spelling]);
      if (this.#path.length <= 2) this.#checkBuilt(conformed);
      this.#raw.pop();
      this.#path.pop();
      if (index < last) ordered = false;
      last = index;
      if (value === null) {
        if (key === spelling && conformed === raw[spelling]) continue;
        value = pick(raw, keys.slice(0, at));
      }
      if (conformed !== FAILED) put(value, key, conformed);
    }
    for (const key of shape.required) {
      if (!isSpelled(shape, raw, key)) this.#add(this.#here("value", "key", `${quote(key)} is missing`));
    }
    // In the order of the schema, so that equal configurations are equal texts.
    const conformed = ordered ? value ?? raw : pick(value ?? raw, shape.keys.map(({ key }) => key));
    // What is missing because it was refused is not complained of again.
    const sound = this.findings.length + this.untold === findingsBefore;
    const complaint = shape.check === null || !sound ? null : shape.check(conformed);
    if (complaint !== null) {
      if (complaint.key === null) this.#add(this.#here("value", "key", complaint.text));
      else this.#failAt(complaint.key, complaint.key, "key", complaint.text);
    }
    return Object.freeze(conformed);
  }

  #unknownKey(shape: ObjectShape, key: string): void {
    const text = `unknown key ${quote(key)}${hint(key, shape.properties.keys())}`;
    this.#add({ kind: "key", path: [...this.#path], raw: [...this.#raw, key], of: "key", text });
  }

  #checkBuilt(value: unknown): void {
    if (value === FAILED) return;
    const missing = this.#notYet.get(formatPath(this.#path));
    if (missing === undefined || ("unless" in missing && missing.unless === value)) return;
    this.#add(this.#here("not-yet", "key", missing.words));
  }

  #map(shape: MapShape, raw: Bag): unknown {
    const value: Record<string, unknown> = Object.create(null);
    this.#mapEntries(shape, raw, Object.keys(raw).sort(), value);
    return Object.freeze(value);
  }

  *#mapSteps(shape: MapShape, raw: Bag): Steps<unknown> {
    const value: Record<string, unknown> = Object.create(null);
    const keys = yield* sortedSteps(Object.keys(raw));
    for (let from = 0; from < keys.length; from += STEP_ENTRIES) {
      yield;
      this.#mapEntries(shape, raw, keys.slice(from, from + STEP_ENTRIES), value);
    }
    return Object.freeze(value);
  }

  #mapEntries({ value: shape }: MapShape, raw: Bag, keys: readonly string[], value: Record<string, unknown>): void {
    for (const key of keys) {
      this.#path.push(key);
      this.#raw.push(key);
      const conformed = this.value(shape, raw[key]);
      this.#raw.pop();
      this.#path.pop();
      if (conformed !== FAILED) value[key] = conformed;
    }
  }

  #variants({ tag, cases }: VariantsShape, raw: unknown): unknown {
    if (!isBag(raw)) return this.#fail(`expected an object, found ${kindOf(raw)}`);
    if (!Object.hasOwn(raw, tag)) return this.#fail(`${quote(tag)} is missing`, "key");
    this.#path.push(tag);
    this.#raw.push(tag);
    const chosen = this.#choice({ kind: "choice", values: [...cases.keys()] }, raw[tag]);
    this.#raw.pop();
    this.#path.pop();
    const shape = typeof chosen === "string" ? cases.get(chosen) : undefined;
    return shape === undefined ? FAILED : this.#object(shape, raw);
  }

  #wordOrList({ word, list }: WordOrListShape, raw: unknown): unknown {
    const value = typeof raw === "string" ? this.#expand(raw, null) : raw;
    if (value === null && raw !== null) return FAILED;
    if (value === word) return value;
    const items = this.#list(list, raw);
    if (Array.isArray(items) && items.includes(word)) return this.#fail(`${quote(word)} can not stand in a list`);
    return items;
  }

  #json(shape: JsonShape, raw: unknown, depth: number): unknown {
    if (typeof raw === "string") return this.#expand(raw, shape.placeholders) ?? FAILED;
    if (typeof raw !== "object" || raw === null) return raw;
    if (depth === MAX_JSON_DEPTH) return this.#fail(`nested deeper than ${MAX_JSON_DEPTH} levels`);
    const copy: unknown[] | Record<string, unknown> = Array.isArray(raw) ? [] : {};
    for (
      const [key, value] of Object.entries(raw).sort(([a], [b]) => Array.isArray(raw) || a === b ? 0 : a < b ? -1 : 1)
    ) {
      const part = Array.isArray(raw) ? Number(key) : key;
      this.#path.push(part);
      this.#raw.push(part);
      define(copy, key, this.#json(shape, value, depth + 1));
      this.#raw.pop();
      this.#path.pop();
    }
    return Object.freeze(copy);
  }

  #expand(raw: string, placeholders: Placeholders | null): string | null {
    const expanded = expand(raw, this.#env, placeholders);
    if ("fault" in expanded) {
      this.#add(this.#here("environment", "value", expanded.fault));
      return null;
    }
    this.#fromEnvironment = expanded.fromEnvironment;
    return expanded.text;
  }

  #found(value: string, secret: boolean): string {
    if (secret) return "";
    return this.#fromEnvironment ? ", found another value from the environment" : `, found ${quote(value)}`;
  }

  #here(kind: ProblemKind, of: "key" | "value", text: string): Finding {
    return { kind, path: [...this.#path], raw: [...this.#raw], of, text };
  }

  #fail(text: string, of: "key" | "value" = "value"): undefined {
    this.#add(this.#here("value", of, text));
  }

  #failAt(key: string, spelling: string, of: "key" | "value", text: string, kind: ProblemKind = "value"): void {
    this.#add({ kind, path: [...this.#path, key], raw: [...this.#raw, spelling], of, text });
  }

  #add(finding: Finding): void {
    if (this.findings.length < MAX_FINDINGS) this.findings.push(finding);
    else this.untold++;
  }
}

/** How many entries a list has; 0 for what is none, or is a list of one. */
function lengthOf(shape: ListShape, raw: unknown): number {
  if (Array.isArray(raw)) return raw.length;
  return listForm(shape, raw) === "keyed" && isBag(raw) ? Object.keys(raw).length : 0;
}

/** Those of the keys that an object has, in their order. */
function pick(from: Bag, keys: readonly string[]): Record<string, unknown> {
  const picked: Record<string, unknown> = {};
  for (const key of keys) if (Object.hasOwn(from, key)) put(picked, key, from[key]);
  return picked;
}

function put(object: Record<string, unknown>, key: string, value: unknown): void {
  if (key === "__proto__") define(object, key, value);
  else object[key] = value;
}

function isSpelled(shape: ObjectShape, raw: Bag, key: string): boolean {
  if (Object.hasOwn(raw, key)) return true;
  const snake = key.replaceAll("-", "_");
  return shape.spellings.has(snake) && Object.hasOwn(raw, snake);
}

function listName({ keyed, item }: ListShape): string {
  if (keyed !== null) return "a list or an object keyed by name";
  return item.kind === "choice" || item.kind === "text" ? "a list or one text" : "a list";
}

/** A value in a message. Only where a scalar was expected: what stands elsewhere by mistake might be a secret. */
function shown(value: unknown): string {
  if (typeof value === "string") return value.includes("${") ? "a text" : `the text ${quote(value)}`;
  return typeof value === "number" || typeof value === "boolean" ? String(value) : kindOf(value);
}

function kindOf(value: unknown): string {
  if (value === null) return "null";
  if (Array.isArray(value)) return "a list";
  if (typeof value === "string") return "a text";
  if (typeof value === "boolean") return String(value);
  return typeof value === "number" ? "a number" : typeof value === "object" ? "an object" : typeof value;
}
