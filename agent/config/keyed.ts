import { define } from "./jsonc.ts";
import type { Path } from "./problem.ts";
import type { AnyShape, Keyed, ListShape, ObjectShape, Shape } from "./shape.ts";
import { sortedSteps } from "./sorted.ts";
import { finished, type Steps } from "./steps.ts";

export type Bag = Readonly<Record<string, unknown>>;

export function isBag(value: unknown): value is Bag {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/**
 * How a list is written: as a list; as one text or number that stands for a list of one; or, of objects, as one entry or
 * as an object keyed by name. The proxy's KDL can write neither a list of one nor a list of objects.
 */
export type ListForm = "list" | "scalar" | "entry" | "keyed" | "none";

export function listForm(shape: ListShape, raw: unknown): ListForm {
  if (Array.isArray(raw)) return "list";
  if (shape.keyed === null) return typeof raw === "string" || typeof raw === "number" ? "scalar" : "none";
  if (!isBag(raw)) return "none";
  return shape.keyed.single && shape.item.kind === "object" && hasKeyOf(shape.item, raw) ? "entry" : "keyed";
}

function hasKeyOf(shape: ObjectShape, raw: Bag): boolean {
  return Object.keys(raw).some((key) => shape.spellings.has(key));
}

/**
 * The names of an object keyed by name, in the order of the list that it stands for: by priority, highest first, then
 * by name, since the proxy sorts keys.
 */
export function keyedOrder(raw: Bag): readonly string[] {
  return orders.get(raw) ?? finished(keyedOrderSteps(raw));
}

/** As {@link keyedOrder}, in steps. */
export function* keyedOrderSteps(raw: Bag): Steps<readonly string[]> {
  const known = orders.get(raw);
  if (known !== undefined) return known;
  const byPriority = new Map<number, string[]>();
  for (const name of yield* sortedSteps(Object.keys(raw))) {
    const priority = priorityOf(raw[name]);
    const names = byPriority.get(priority);
    if (names === undefined) byPriority.set(priority, [name]);
    else names.push(name);
  }
  const priorities = [...byPriority.keys()].sort((a, b) => b - a);
  const order = priorities.flatMap((priority) => byPriority.get(priority) ?? []);
  orders.set(raw, order);
  return order;
}

/**
 * By what the source says: each place in a list is looked up by it, and sorting a hundred thousand names for each of a
 * hundred thousand of them would take hours. No source changes after it was read.
 */
const orders = new WeakMap<Bag, readonly string[]>();

function priorityOf(entry: unknown): number {
  const priority = isBag(entry) && Object.hasOwn(entry, "priority") ? entry["priority"] : 0;
  return typeof priority === "number" ? priority : 0;
}

/** An entry of an object keyed by name as it would stand in a list: with its name, and without a priority of its place. */
export function keyedEntry(keyed: Keyed, name: string, entry: Bag, hasPriority: boolean): Bag {
  const item: Record<string, unknown> = {};
  for (const key of [keyed.name, ...keyed.defaults]) item[key] = name;
  for (const key of Object.keys(entry)) {
    if (key === "priority" && !hasPriority) continue;
    define(item, key, entry[key]);
  }
  return item;
}

/** Whether entries of a list have a `priority` of their own, or only one that orders them. */
export function hasPriority(item: AnyShape): boolean {
  return item.kind === "object" && item.properties.has("priority");
}

/** The path at which a source writes what is at `path` once its lists are lists and its keys are spelled as ours. */
export function rawPath(shape: Shape, raw: unknown, path: Path): Path {
  const found: (string | number)[] = [];
  let at: AnyShape | null = shape;
  let value = raw;
  for (const part of path) {
    const step: Step | null = at === null ? plainStep(value, part) : stepInto(at, value, part);
    if (step === null) break;
    found.push(...step.raw);
    value = step.value;
    at = step.shape;
  }
  return found;
}

interface Step {
  readonly raw: Path;
  readonly value: unknown;
  readonly shape: AnyShape | null;
}

function stepInto(shape: AnyShape, value: unknown, part: string | number): Step | null {
  switch (shape.kind) {
    case "list":
      return typeof part === "number" ? itemStep(shape, value, part) : null;
    case "word-or-list":
      return stepInto(shape.list, value, part);
    case "object":
      return typeof part === "string" && isBag(value) ? keyStep(shape, value, part) : null;
    case "variants": {
      const tag = isBag(value) ? value[shape.tag] : undefined;
      const variant = typeof tag === "string" ? shape.cases.get(tag) : undefined;
      return variant === undefined ? plainStep(value, part) : stepInto(variant, value, part);
    }
    case "map":
      return plainStep(value, part, shape.value);
    default:
      return plainStep(value, part);
  }
}

function itemStep(shape: ListShape, value: unknown, index: number): Step | null {
  switch (listForm(shape, value)) {
    case "scalar":
    case "entry":
      return { raw: [], value, shape: shape.item };
    case "keyed": {
      const name = isBag(value) ? keyedOrder(value)[index] : undefined;
      return name === undefined ? null : plainStep(value, name, keyedItem(shape.item, name));
    }
    default:
      return plainStep(value, index, shape.item);
  }
}

/** A provider that says no type has its name for one; if it says one, its keys are found in any case. */
function keyedItem(item: AnyShape, name: string): AnyShape {
  return item.kind === "variants" ? item.cases.get(name) ?? item : item;
}

function keyStep(shape: ObjectShape, value: Bag, key: string): Step | null {
  const property = shape.properties.get(key);
  for (const spelling of [key, key.replaceAll("-", "_")]) {
    if (Object.hasOwn(value, spelling)) return plainStep(value, spelling, property?.shape ?? null);
  }
  return null;
}

function plainStep(value: unknown, part: string | number, shape: AnyShape | null = null): Step | null {
  if (Array.isArray(value)) return typeof part === "number" ? { raw: [part], value: value[part], shape } : null;
  if (!isBag(value) || typeof part !== "string" || !Object.hasOwn(value, part)) return null;
  return { raw: [part], value: value[part], shape };
}
