import { define } from "./jsonc.ts";
import { type Bag, isBag } from "./keyed.ts";
import type { Path } from "./problem.ts";
import { type AnyShape, FILLED, Implied, type ObjectShape, OPTIONAL, REQUIRED } from "./shape.ts";

/** Later wins, key by key; what is no object with keys of its own, a list above all, replaces. */
export function merge(shape: AnyShape, low: unknown, high: unknown): unknown {
  if (high === undefined) return low;
  if (!isBag(low) || !isBag(high) || (shape.kind !== "object" && shape.kind !== "map")) return high;
  const merged: Record<string, unknown> = {};
  for (const key of new Set([...Object.keys(low), ...Object.keys(high)])) {
    const child = shape.kind === "map" ? shape.value : shape.properties.get(key)?.shape;
    if (child === undefined) continue;
    define(merged, key, merge(child, own(low, key), own(high, key)));
  }
  return merged;
}

/** Puts in all defaults, in the order of the schema, and freezes. */
export function fillDefaults(shape: AnyShape, value: unknown): unknown {
  switch (shape.kind) {
    case "object":
      return isBag(value) ? fillObject(shape, value) : value;
    case "map":
      return isBag(value) ? fillMap(shape.value, value) : value;
    case "list":
      if (!Array.isArray(value)) return value;
      return Object.freeze(hasDefaults(shape.item) ? value.map((item) => fillDefaults(shape.item, item)) : value);
    case "variants": {
      const variant = isBag(value) ? shape.cases.get(String(value[shape.tag])) : undefined;
      return variant === undefined ? value : fillDefaults(variant, value);
    }
    default:
      return value;
  }
}

function fillObject(shape: ObjectShape, value: Bag): Bag {
  const filled: Record<string, unknown> = {};
  for (const { key, property } of shape.keys) {
    const given = own(value, key);
    const { fallback } = property;
    if (given !== undefined) define(filled, key, fillDefaults(property.shape, given));
    else if (fallback === FILLED) define(filled, key, fillDefaults(property.shape, {}));
    else if (isDefault(fallback)) define(filled, key, fillDefaults(property.shape, fallback));
  }
  return Object.freeze(filled);
}

function fillMap(shape: AnyShape, value: Bag): Bag {
  const filled: Record<string, unknown> = Object.create(null);
  for (const key of Object.keys(value).sort()) filled[key] = fillDefaults(shape, value[key]);
  return Object.freeze(filled);
}

/** Whether anything is to be put into a value; of rules nothing is, and there are many of them. */
function hasDefaults(shape: AnyShape): boolean {
  switch (shape.kind) {
    case "object":
      return shape.keys.some(({ property: { fallback, shape: inner } }) =>
        fallback === FILLED || isDefault(fallback) || hasDefaults(inner)
      );
    case "variants":
      return [...shape.cases.values()].some(hasDefaults);
    case "list":
      return hasDefaults(shape.item);
    case "map":
      return hasDefaults(shape.value);
    default:
      return false;
  }
}

function isDefault(fallback: unknown): boolean {
  return fallback !== REQUIRED && fallback !== OPTIONAL && fallback !== FILLED && !(fallback instanceof Implied);
}

/** Whether a layer says what is at `path`: it has it, or the list or the plain value that it is part of. */
export function says(layer: unknown, path: Path): boolean {
  let value = layer;
  for (const part of path) {
    if (!isBag(value)) break;
    value = own(value, String(part));
  }
  return value !== undefined;
}

function own(value: Bag, key: string): unknown {
  return Object.hasOwn(value, key) ? value[key] : undefined;
}
