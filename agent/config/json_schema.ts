import { EDITOR_KEY } from "./conform.ts";
import { define } from "./jsonc.ts";
import { hasPriority } from "./keyed.ts";
import { NOT_YET, type NotYet, type NotYetTable } from "./not_yet.ts";
import { CONFIG } from "./schema/config.ts";
import {
  type AnyShape,
  type ChoiceShape,
  FILLED,
  Implied,
  type Key,
  type Keyed,
  type ListShape,
  MAX_TEXT_LENGTH,
  type NumberShape,
  type ObjectShape,
  OPTIONAL,
  REQUIRED,
  type TextShape,
  type VariantsShape,
  type WordOrListShape,
} from "./shape.ts";

/** A schema, or a part of one, as JSON has it. */
export type JsonSchema = { readonly [keyword: string]: unknown };

/**
 * The JSON Schema (2020-12) of a configuration file, for editors: it accepts whatever the loader accepts, in each of its
 * spellings, and refuses what is wrong with one value by itself. What only the loader knows (the environment, values that
 * must agree with each other, regular expressions, topics) passes. Keys that are not built yet are described as such.
 */
export function configSchema(notYet: NotYetTable = NOT_YET): JsonSchema {
  return new SchemaWriter(notYet).document();
}

const ENVIRONMENT = "environment";

class SchemaWriter {
  readonly #notYet: NotYetTable;
  /** By name, in the order in which they are first needed. */
  readonly #defs = new Map<string, JsonSchema>();
  readonly #names = new Map<AnyShape, string>();

  constructor(notYet: NotYetTable) {
    this.#notYet = notYet;
  }

  document(): JsonSchema {
    this.#defs.set(ENVIRONMENT, {
      description: "A text that is filled in from the environment: ${NAME} or ${NAME:-default}",
      type: "string",
      pattern: "\\$\\{",
    });
    const root = this.#object(CONFIG, "");
    return {
      $schema: "https://json-schema.org/draft/2020-12/schema",
      title: "Configuration of sentinel-mqtt-agent",
      // Both of VS Code's: the file is JSON with comments, whatever its name ends in.
      allowComments: true,
      allowTrailingCommas: true,
      ...root,
      properties: {
        [EDITOR_KEY]: {
          description: "The schema by which an editor completes this file; the agent ignores it",
          type: "string",
        },
        ...root["properties"] as JsonSchema,
      },
      $defs: Object.fromEntries(this.#defs),
    };
  }

  #of(shape: AnyShape, path: string): JsonSchema {
    switch (shape.kind) {
      case "boolean":
        return { type: "boolean" };
      case "number":
        return numberSchema(shape);
      case "text":
        return textSchema(shape);
      case "choice":
        return choiceSchema(shape);
      case "list":
        return shape.keyed === null ? this.#list(shape, path) : this.#keyedList(shape, shape.keyed, path);
      case "object":
        return this.#reference(shape, path, () => this.#object(shape, path));
      case "map":
        return { type: "object", additionalProperties: this.#of(shape.value, path) };
      case "variants":
        return this.#reference(shape, path, () => this.#variants(shape, path));
      case "word-or-list":
        return this.#wordOrList(shape, path);
      case "json":
        return {};
      default:
        return shape satisfies never;
    }
  }

  #reference(shape: AnyShape, path: string, make: () => JsonSchema): JsonSchema {
    let name = this.#names.get(shape);
    if (name === undefined) {
      name = path;
      this.#names.set(shape, name);
      // Its place first: what it needs itself comes after it.
      this.#defs.set(name, {});
      this.#defs.set(name, make());
    }
    return { $ref: `#/$defs/${name}` };
  }

  /** Keys that only some ways of writing demand (a name, which may be a key) are not demanded here. */
  #object(shape: ObjectShape, path: string, entryOf: EntryOf | null = null): JsonSchema {
    const properties: Record<string, unknown> = {};
    const patternProperties: Record<string, unknown> = {};
    const dependentSchemas: Record<string, unknown> = {};
    for (const { key, property } of shape.keys) {
      const inner = path === "" ? key : `${path}.${key}`;
      const schema = this.#of(property.shape, inner);
      const described = {
        description: describe(property.description, this.#notYet.get(inner)),
        ...defaultOf(property.fallback),
        ...schema,
      };
      // Validators leave this one out of `properties`.
      if (key === "__proto__") patternProperties["^__proto__$"] = described;
      else define(properties, key, described);
      // Spelled otherwise a key is accepted, but editors do not propose it.
      const snake = snakeSpelling(shape, key);
      if (snake === null) continue;
      patternProperties[`^${snake}$`] = schema;
      dependentSchemas[snake] = { properties: { [key]: false } };
    }
    if (entryOf !== null && !entryOf.hasPriority) {
      properties["priority"] = {
        description: "Orders the entries of an object keyed by name, highest first",
        type: "integer",
      };
    }
    const required = shape.keys.filter(({ key, property }) =>
      property.fallback === REQUIRED && !(entryOf?.implied.includes(key) ?? false)
    );
    return {
      type: "object",
      properties,
      ...unlessEmpty("patternProperties", patternProperties),
      additionalProperties: false,
      ...demands(shape, required),
      ...unlessEmpty("dependentSchemas", dependentSchemas),
      ...amongSchema(shape),
    };
  }

  /** A text or number stands for a list of one. */
  #list({ item, minItems, unique }: ListShape, path: string): JsonSchema {
    const items = this.#of(item, path);
    const list = {
      type: "array",
      items,
      ...(minItems > 0 ? { minItems } : {}),
      ...(unique ? { uniqueItems: true } : {}),
    };
    return { anyOf: [items, list] };
  }

  #wordOrList({ word, list }: WordOrListShape, path: string): JsonSchema {
    const item = this.#of(list.item, path);
    const items = { allOf: [item, { not: { const: word } }] };
    return {
      anyOf: [
        { const: word },
        item,
        { type: "array", items, ...(list.unique ? { uniqueItems: true } : {}) },
      ],
    };
  }

  #keyedList(list: ListShape, keyed: Keyed, path: string): JsonSchema {
    const { item } = list;
    if (item.kind === "variants") return this.#keyedVariants(item, keyed, path);
    if (item.kind !== "object") throw new Error(`Cannot describe "${path}": only objects are keyed by name`);
    const entryOf: EntryOf = { implied: [keyed.name, ...keyed.defaults], hasPriority: hasPriority(item) };
    const named = this.#reference(item, path, () => this.#object(item, path, entryOf));
    const listed = {
      ...named,
      ...demands(item, item.keys.filter(({ key }) => item.required.includes(key) && entryOf.implied.includes(key))),
      ...(entryOf.hasPriority ? {} : { properties: { priority: false } }),
    };
    const either = { type: ["array", "object"], items: listed };
    if (!keyed.single) return { ...either, additionalProperties: named };
    const isOne = { type: "object", anyOf: [...item.spellings.keys()].map((key) => ({ required: [key] })) };
    return { ...either, if: isOne, then: listed, else: { additionalProperties: named } };
  }

  /** Of an object keyed by name the name is the default of the tag as well. */
  #keyedVariants(item: VariantsShape, keyed: Keyed, path: string): JsonSchema {
    const entryOf: EntryOf = { implied: [item.tag, keyed.name, ...keyed.defaults], hasPriority: hasPriority(item) };
    const tagged = this.#reference(item, path, () => this.#variants(item, path, entryOf));
    const byName = [...item.cases].map(([name, variant]) =>
      [
        name,
        { if: { required: [item.tag] }, then: tagged, else: this.#case(variant, name, path, entryOf) },
      ] as const
    );
    return {
      type: ["array", "object"],
      items: { ...tagged, properties: { priority: false } },
      properties: Object.fromEntries(byName),
      additionalProperties: tagged,
    };
  }

  #variants({ tag, cases }: VariantsShape, path: string, entryOf: EntryOf | null = null): JsonSchema {
    const known = choiceSchema({ kind: "choice", values: [...cases.keys()] });
    const allOf = [...cases].map(([name, variant]) => {
      const isIt = { required: [tag], properties: { [tag]: { const: name } } };
      return { if: isIt, then: this.#case(variant, name, path, entryOf) };
    });
    return { type: "object", required: [tag], properties: { [tag]: known }, allOf };
  }

  #case(variant: ObjectShape, name: string, path: string, entryOf: EntryOf | null): JsonSchema {
    const inner = `${path}.${name}`;
    return this.#reference(variant, inner, () => this.#object(variant, inner, entryOf));
  }
}

/** An object that is an entry of a list which may be an object keyed by name. */
interface EntryOf {
  /** Keys that its name stands for there. */
  readonly implied: readonly string[];
  /** It has a priority of its own; where not, it may have one that only orders. */
  readonly hasPriority: boolean;
}

function numberSchema({ integer, min, max, above }: NumberShape): JsonSchema {
  return {
    type: integer ? "integer" : "number",
    ...(above ? { exclusiveMinimum: min } : { minimum: min }),
    ...(max === Number.MAX_VALUE ? {} : { maximum: max }),
  };
}

function textSchema({ minLength, maxLength, form }: TextShape): JsonSchema {
  const bounds = {
    ...(maxLength === MAX_TEXT_LENGTH ? {} : { maxLength }),
    ...(form === null ? {} : { pattern: form.pattern }),
  };
  const text = { type: "string", ...(minLength > 0 ? { minLength } : {}) };
  // What comes out once the environment is filled in may be shorter, and look otherwise.
  return Object.keys(bounds).length === 0 ? text : { ...text, anyOf: [bounds, { $ref: `#/$defs/${ENVIRONMENT}` }] };
}

function choiceSchema({ values }: Pick<ChoiceShape, "values" | "kind">): JsonSchema {
  // Only texts come from the environment: "1" is no 1.
  if (values.every((value) => typeof value === "number")) return { enum: values };
  return { anyOf: [{ enum: values }, { $ref: `#/$defs/${ENVIRONMENT}` }] };
}

function describe(description: string, missing: NotYet | undefined): string {
  if (missing === undefined) return description;
  const only = "unless" in missing ? `only ${JSON.stringify(missing.unless)} is accepted, since ` : "";
  return `${description}. Not yet: ${only}${missing.words}`;
}

function defaultOf(fallback: unknown): JsonSchema {
  if (fallback === REQUIRED || fallback === OPTIONAL || fallback === FILLED) return {};
  return { default: fallback instanceof Implied ? fallback.value : fallback };
}

/** The other spelling of a key that is accepted, or null. */
function snakeSpelling(shape: ObjectShape, key: string): string | null {
  const snake = key.replaceAll("-", "_");
  return snake !== key && shape.spellings.has(snake) ? snake : null;
}

/** The keys, each in one of its spellings. */
function demands(shape: ObjectShape, keys: readonly Key[]): JsonSchema {
  const plain = keys.filter(({ key }) => snakeSpelling(shape, key) === null).map(({ key }) => key);
  const spelled = keys.filter(({ key }) => snakeSpelling(shape, key) !== null).map(({ key }) => hasKey(shape, key));
  return { ...(plain.length > 0 ? { required: plain } : {}), ...(spelled.length > 0 ? { allOf: spelled } : {}) };
}

function hasKey(shape: ObjectShape, key: string): JsonSchema {
  const snake = snakeSpelling(shape, key);
  return snake === null ? { required: [key] } : { anyOf: [{ required: [key] }, { required: [snake] }] };
}

function amongSchema(shape: ObjectShape): JsonSchema {
  const { among } = shape;
  if (among === null) return {};
  return { [among.many ? "anyOf" : "oneOf"]: among.keys.map((key) => hasKey(shape, key)) };
}

function unlessEmpty(keyword: string, schemas: Readonly<Record<string, unknown>>): JsonSchema {
  return Object.keys(schemas).length === 0 ? {} : { [keyword]: schemas };
}
