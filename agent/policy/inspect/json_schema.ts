import { Ajv, type AnySchema, type ErrorObject, type Options, type ValidateFunction } from "ajv";
import { Ajv2020 } from "ajv/dist/2020.js";
import { RE2JS } from "re2js";
import { continueUtf8, UTF8_COMPLETE } from "../../mqtt/utf8.ts";
import { compileRegex } from "../regex.ts";
import type { JsonSchemaConfig } from "./config.ts";
import { type JsonLimits, jsonViolation } from "./json_limits.ts";
import { arePatternsCut, byteWorkOf, takePatternWork } from "./pattern_work.ts";
import { compileTopicSet, mostSpecific, type TopicSet } from "./topic_set.ts";

/** One compiled schema. */
interface CompiledSchema {
  readonly name: string;
  readonly blocks: boolean;
  readonly validate: ValidateFunction;
}

/** The schemas of a configuration, by topic: the most specific filter decides which one a payload must fit. */
export interface SchemaSet {
  readonly topics: TopicSet;
  /** By index of the filter in `topics`. */
  readonly schemas: readonly CompiledSchema[];
}

/** Why a payload does not fit. It holds places and keywords, and nothing that a client wrote but names of keys. */
export interface SchemaFailure {
  /** Name of the schema, or `json-schema/<n>`. */
  readonly schema: string;
  /** False: `block-on-failure` is off, so it is only told. */
  readonly blocks: boolean;
  /** JSON Pointer into the payload, at most 256 characters. */
  readonly path: string;
  /**
   * The keyword that fails, `not-json`, the name of the limit of `json-limits` that is broken, or `inspection-budget` where
   * its patterns might have cost too much.
   */
  readonly keyword: string;
}

/** A fault of one entry of `inspection.json-schema`; the path is within it. */
export interface SchemaProblem {
  readonly path: readonly (string | number)[];
  readonly message: string;
}

const DRAFT_07 = /^https?:\/\/json-schema\.org\/draft-07\/schema#?$/;
const DRAFT_2020_12 = /^https?:\/\/json-schema\.org\/draft\/2020-12\/schema#?$/;
const MAX_PATH = 256;

/**
 * Compiles the schemas: draft-07 or 2020-12 by `$schema`, 2020-12 without one. A reference to another document, a `pattern`
 * that is not linear and an unknown keyword are problems. `format` is an annotation, as 2020-12 has it.
 */
export function compileSchemas(entries: readonly JsonSchemaConfig[]): SchemasResult {
  const steps = compileSchemasSteps(entries);
  for (;;) {
    const step = steps.next();
    if (step.done === true) return step.value;
  }
}

export type SchemasResult = { readonly schemas: SchemaSet } | { readonly problems: readonly SchemaProblem[] };

/** As {@link compileSchemas}, a schema a step: most take less than a millisecond. */
export function* compileSchemasSteps(entries: readonly JsonSchemaConfig[]): Generator<void, SchemasResult> {
  const problems: SchemaProblem[] = [];
  const filters: string[] = [];
  const schemas: CompiledSchema[] = [];
  for (const [n, { name, schema, topics, "block-on-failure": blocks }] of entries.entries()) {
    yield;
    const validate = compileSchema(schema);
    if (typeof validate === "string") {
      problems.push({ path: ["json-schema", n, "schema"], message: `Cannot use schema "${name ?? n}": ${validate}` });
      continue;
    }
    for (const filter of topics) {
      filters.push(filter);
      schemas.push({ name: name ?? `json-schema/${n}`, blocks, validate });
    }
  }
  return problems.length > 0 ? { problems } : { schemas: { topics: compileTopicSet(filters), schemas } };
}

function compileSchema(schema: unknown): ValidateFunction | string {
  const isObject = typeof schema === "object" && schema !== null && !Array.isArray(schema);
  if (!isObject && typeof schema !== "boolean") return "it is neither an object nor a boolean";
  const dialect = isObject ? (schema as Record<string, unknown>)["$schema"] : undefined;
  const is07 = typeof dialect === "string" && DRAFT_07.test(dialect);
  if (dialect !== undefined && !is07 && !(typeof dialect === "string" && DRAFT_2020_12.test(dialect))) {
    return `its $schema is "${String(dialect)}", not draft-07 or 2020-12`;
  }
  const key = `${is07} ${JSON.stringify(schema)}`;
  const known = compiledBefore.get(key);
  if (known !== undefined) return known;
  const validate = compileUnknown(schema as AnySchema, is07);
  if (typeof validate === "string") return validate;
  if (compiledBefore.size === MAX_COMPILED_BEFORE) compiledBefore.clear();
  compiledBefore.set(key, validate);
  return validate;
}

/** Schemas that are known to compile, so that a reload which leaves them as they are costs nothing. Emptied when full. */
const compiledBefore = new Map<string, ValidateFunction>();
const MAX_COMPILED_BEFORE = 64;
/** What holds schemas against their dialect: compiling that is most of what a schema takes, 10 ms. */
const dialects: { "07"?: Ajv; "2020-12"?: Ajv2020 } = {};

function compileUnknown(schema: AnySchema, is07: boolean): ValidateFunction | string {
  const dialect = is07 ? dialects["07"] ??= new Ajv(OPTIONS) : dialects["2020-12"] ??= new Ajv2020(OPTIONS);
  // A new one for each: `$id`s of different schemas do not meet.
  const options = { ...OPTIONS, validateSchema: false };
  const ajv = is07 ? new Ajv(options) : new Ajv2020(options);
  // The one of ajv compares each item with each: 20,000 objects of a payload would take minutes.
  ajv.removeKeyword("uniqueItems");
  ajv.addKeyword({ keyword: "uniqueItems", type: "array", schemaType: "boolean", compile: uniqueItems });
  try {
    dialect.validateSchema(schema, true);
    return ajv.compile(schema);
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

/**
 * `pattern` and `patternProperties` run in re2js: V8's engine took 4 s for `^(a+)+$` on 28 characters. ajv keeps each by
 * its text form: without one of its own, all patterns would be the first of the meta-schema.
 */
const regExp = Object.assign((pattern: string): { test(text: string): boolean; toString(): string } => {
  const compiled = compileRegex(RE2JS.translateRegExp(pattern));
  if ("error" in compiled) throw new Error(compiled.error);
  const { regex } = compiled;
  const byteWork = byteWorkOf(regex.programSize);
  return { test: (text) => takePatternWork(text.length, byteWork) && regex.test(text), toString: () => pattern };
}, { code: "re2" });

const OPTIONS: Options = {
  strict: true,
  strictTypes: false,
  strictTuples: false,
  strictRequired: false,
  allErrors: false,
  // `{}` has no `constructor`, and no `toString` either.
  ownProperties: true,
  validateFormats: false,
  logger: false,
  code: { regExp: regExp as unknown as NonNullable<NonNullable<Options["code"]>["regExp"]> },
};

function uniqueItems(isOn: boolean): (items: unknown) => boolean {
  return (items) => {
    if (!isOn || !Array.isArray(items)) return true;
    const plain = new Set<unknown>();
    const others = new Set<string>();
    for (const item of items) {
      if (typeof item === "object" && item !== null) others.add(canonical(item));
      else plain.add(item);
    }
    return plain.size + others.size === items.length;
  };
}

/** JSON with the keys of every object in order. */
function canonical(value: unknown): string {
  return JSON.stringify(value, (_key, inner: unknown) => {
    if (typeof inner !== "object" || inner === null || Array.isArray(inner)) return inner;
    return Object.fromEntries(Object.entries(inner).sort(([a], [b]) => a < b ? -1 : a > b ? 1 : 0));
  });
}

const decoder = new TextDecoder();

/**
 * Holds a payload of this topic against the most specific schema; null if it fits or none applies. What is not UTF-8, no
 * JSON, or beyond the limits does not fit: it is not parsed at all.
 */
export function checkSchema(
  set: SchemaSet,
  topic: string,
  payload: Uint8Array,
  limits: JsonLimits,
): SchemaFailure | null {
  const filter = mostSpecific(set.topics, topic);
  if (filter < 0) return null;
  const schema = set.schemas[filter] as CompiledSchema;
  if (continueUtf8(UTF8_COMPLETE, payload, 0, payload.length) !== UTF8_COMPLETE) return failure(schema, "", "not-json");
  const violation = jsonViolation(payload, limits, true);
  if (violation !== null && violation.severity !== "low") return failure(schema, "", violation.name);
  // It is JSON: that was just seen, byte by byte.
  const isValid = schema.validate(JSON.parse(decoder.decode(payload)));
  // What was not tested counts for nothing, under `not` too.
  if (arePatternsCut) return failure(schema, "", "inspection-budget");
  if (isValid) return null;
  const error: ErrorObject | undefined = schema.validate.errors?.[0];
  return failure(schema, error?.instancePath ?? "", error?.keyword ?? "false schema");
}

function failure(schema: CompiledSchema, path: string, keyword: string): SchemaFailure {
  return { schema: schema.name, blocks: schema.blocks, path: path.slice(0, MAX_PATH), keyword };
}
