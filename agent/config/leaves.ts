import { isBag } from "./keyed.ts";
import type { Path } from "./problem.ts";
import type { AnyShape } from "./shape.ts";

/** A value of the effective configuration that holds no others: a scalar, free JSON, or an empty list or object. */
export interface Leaf {
  readonly path: Path;
  readonly shape: AnyShape;
  readonly value: unknown;
}

interface LeavesOptions {
  /** Which shapes to go into: all, unless told otherwise. */
  readonly into?: (shape: AnyShape) => boolean;
}

/** All leaves of an effective value, in its order. */
export function* leaves(
  shape: AnyShape,
  value: unknown,
  path: Path = [],
  { into = () => true }: LeavesOptions = {},
): Generator<Leaf> {
  if (!into(shape)) return;
  const inner = childrenOf(shape, value);
  if (inner.length === 0) yield { path, shape, value };
  for (const [part, child, of] of inner) yield* leaves(of, child, [...path, part], { into });
}

type Child = readonly [part: string | number, value: unknown, shape: AnyShape];

function childrenOf(shape: AnyShape, value: unknown): Child[] {
  switch (shape.kind) {
    case "object": {
      if (!isBag(value)) return [];
      return shape.keys.flatMap(({ key, property }): Child[] =>
        Object.hasOwn(value, key) ? [[key, value[key], property.shape]] : []
      );
    }
    case "map":
      return isBag(value) ? Object.keys(value).map((key): Child => [key, value[key], shape.value]) : [];
    case "list":
      return Array.isArray(value) ? value.map((item, index): Child => [index, item, shape.item]) : [];
    case "word-or-list":
      return childrenOf(shape.list, value);
    case "variants": {
      const variant = isBag(value) ? shape.cases.get(String(value[shape.tag])) : undefined;
      return variant === undefined ? [] : childrenOf(variant, value);
    }
    default:
      return [];
  }
}

/** Whether a value of the shape may hold a secret: a text never quoted, or the template of a request. */
export function isSecret(shape: AnyShape): boolean {
  return shape.kind === "text" ? shape.secret : shape.kind === "json" && shape.placeholders === "request";
}

const holding = new WeakMap<AnyShape, boolean>();

/** Whether there may be a secret anywhere in a value of the shape. */
export function holdsSecrets(shape: AnyShape): boolean {
  let holds = holding.get(shape);
  if (holds === undefined) holding.set(shape, holds = isSecret(shape) || innerShapes(shape).some(holdsSecrets));
  return holds;
}

function innerShapes(shape: AnyShape): readonly AnyShape[] {
  switch (shape.kind) {
    case "object":
      return shape.keys.map(({ property }) => property.shape);
    case "map":
      return [shape.value];
    case "list":
      return [shape.item];
    case "word-or-list":
      return [shape.list];
    case "variants":
      return [...shape.cases.values()];
    default:
      return [];
  }
}
