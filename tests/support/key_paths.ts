import { CONFIG } from "../../agent/config/schema/config.ts";
import type { AnyShape, Property } from "../../agent/config/shape.ts";

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

/** A copy of a configuration as it is written without that key, or null where it does not have it. */
export function withoutKey(config: unknown, { parts }: KeyPath): unknown {
  const copy: unknown = structuredClone(config);
  return takeOut(copy, parts) ? copy : null;
}

function takeOut(value: unknown, parts: readonly Part[]): boolean {
  const [part, ...rest] = parts;
  if (part === undefined || !isObject(value)) return false;
  switch (part.kind) {
    case "key": {
      if (!Object.hasOwn(value, part.key)) return false;
      if (rest.length > 0) return takeOut(value[part.key], rest);
      delete value[part.key];
      return true;
    }
    case "entries": {
      // As a list, or as an object keyed by name.
      const entries: readonly unknown[] = Object.values(value);
      return entries.filter((entry) => takeOut(entry, rest)).length > 0;
    }
    case "variant":
      return value[part.tag] === part.value && takeOut(value, rest);
    default:
      return part satisfies never;
  }
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null;
}
