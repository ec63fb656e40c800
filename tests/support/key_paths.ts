import { CONFIG } from "../../agent/config/schema/config.ts";
import type { AnyShape, ObjectShape, Property } from "../../agent/config/shape.ts";

/** One key of the configuration that holds no others: `acl.rules[].match.username`, `auth.providers[](jwt).issuer`. */
export interface KeyPath {
  readonly text: string;
  readonly parts: readonly Part[];
  readonly property: Property;
}

/** A key, the entries of a list, the values of a map, or those entries that have a `type`. */
export type Part =
  | { readonly kind: "key"; readonly key: string }
  | { readonly kind: "entries" }
  | { readonly kind: "variant"; readonly tag: string; readonly value: string };

/** All keys of the schema, in its order. */
export function keyPaths(): KeyPath[] {
  return CONFIG.keys.flatMap(({ key, property }) => [...below(property, key, [{ kind: "key", key }])]);
}

function* below(property: Property, text: string, parts: readonly Part[]): Generator<KeyPath> {
  const found = [...inside(property.shape, text, parts)];
  if (found.length === 0) yield { text, parts, property };
  else yield* found;
}

function* inside(shape: AnyShape, text: string, parts: readonly Part[]): Generator<KeyPath> {
  switch (shape.kind) {
    case "object":
      for (const { key, property } of shape.keys) {
        yield* below(property, `${text}.${key}`, [...parts, { kind: "key", key }]);
      }
      return;
    case "list":
      yield* inside(shape.item, `${text}[]`, [...parts, { kind: "entries" }]);
      return;
    case "map":
      yield* inside(shape.value, `${text}.*`, [...parts, { kind: "entries" }]);
      return;
    case "word-or-list":
      yield* inside(shape.list, text, parts);
      return;
    case "variants":
      for (const [value, variant] of shape.cases) {
        yield* inside(variant, `${text}(${value})`, [...parts, { kind: "variant", tag: shape.tag, value }]);
      }
      return;
    default:
  }
}

/** One object of the schema, wherever it stands. */
export interface ObjectPath {
  /** Empty at the top level. */
  readonly text: string;
  readonly shape: ObjectShape;
  /** A configuration that holds this object there and nothing else. */
  readonly build: (object: Readonly<Record<string, unknown>>) => unknown;
}

/** All objects of a shape, itself first. */
export function* objectPaths(
  shape: AnyShape,
  text = "",
  build: ObjectPath["build"] = (object) => object,
): Generator<ObjectPath> {
  switch (shape.kind) {
    case "object":
      yield { text, shape, build };
      for (const { key, property } of shape.keys) {
        // What JSON.parse makes of it, and not the prototype.
        const within = (value: unknown) => Object.fromEntries([[key, value]]);
        yield* objectPaths(property.shape, text === "" ? key : `${text}.${key}`, (value) => build(within(value)));
      }
      return;
    case "list":
      yield* objectPaths(shape.item, `${text}[]`, (value) => build([value] as never));
      return;
    case "map":
      yield* objectPaths(shape.value, `${text}.*`, (value) => build({ any: value }));
      return;
    case "word-or-list":
      yield* objectPaths(shape.list, text, build);
      return;
    case "variants":
      for (const [value, variant] of shape.cases) {
        yield* objectPaths(variant, `${text}(${value})`, (object) => build({ [shape.tag]: value, ...object }));
      }
      return;
    default:
  }
}

/** A copy of a configuration as it is written, in which the key has another value; null where it does not have the key. */
export function withKey(config: unknown, path: KeyPath, to: unknown): unknown {
  return changed(config, path, (object, key) => object[key] = to);
}

/** A copy of a configuration as it is written without that key, or null where it does not have it. */
export function withoutKey(config: unknown, path: KeyPath): unknown {
  return changed(config, path, (object, key) => delete object[key]);
}

type Change = (object: Record<string, unknown>, key: string) => unknown;

function changed(config: unknown, { parts }: KeyPath, change: Change): unknown {
  const copy: unknown = structuredClone(config);
  return changeAt(copy, parts, change) ? copy : null;
}

function changeAt(value: unknown, parts: readonly Part[], change: Change): boolean {
  const [part, ...rest] = parts;
  if (part === undefined || !isObject(value)) return false;
  switch (part.kind) {
    case "key": {
      if (!Object.hasOwn(value, part.key)) return false;
      if (rest.length > 0) return changeAt(value[part.key], rest, change);
      change(value, part.key);
      return true;
    }
    case "entries": {
      // As a list, or as an object keyed by name.
      const entries: readonly unknown[] = Object.values(value);
      return entries.filter((entry) => changeAt(entry, rest, change)).length > 0;
    }
    case "variant":
      return value[part.tag] === part.value && changeAt(value, rest, change);
    default:
      return part satisfies never;
  }
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null;
}
