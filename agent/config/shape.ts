/**
 * The words in which `schema/` describes the configuration. A shape is plain data: checks, defaults, static types, the
 * JSON Schema and the reference page are all read from it.
 *
 * Why not a library: loading walks every value for old spellings, scalars that stand for lists, lists written as
 * objects, `${NAME}` and sections not built yet, and must say what is wrong in our words at the right line. What remains
 * for a validator are the seven leaf checks of `conform.ts`. Importing one costs more than the 25 ms that loading may
 * take in all (measured in Deno 2.9: typebox with its value check 100 ms, @sinclair/typebox 45 ms, zod 20 ms; valibot
 * 8 ms, but it keeps neither bounds nor marks in a form that documentation can be made of).
 */

/** Who knows a key: the product page, the Rust agent beside it, or only this agent. */
export type Mark = "page" | "also" | "ours";

/** What may be left alone by the environment: `${clientid}` in a topic is filled in for each client, not at load. */
export type Placeholders = "topic" | "request";

export interface BooleanShape {
  readonly kind: "boolean";
}

export interface NumberShape {
  readonly kind: "number";
  readonly integer: boolean;
  readonly min: number;
  readonly max: number;
  /** The minimum itself is refused. */
  readonly above: boolean;
}

export interface TextShape {
  readonly kind: "text";
  readonly minLength: number;
  readonly maxLength: number;
  /** Never quoted in a message. */
  readonly secret: boolean;
  readonly placeholders: Placeholders | null;
  /** Says what is wrong, as the end of "expected …". */
  readonly check: ((value: string) => string | null) | null;
  /** What `check` asks for, for editors and the reference page. */
  readonly form: TextForm | null;
}

/** What a text looks like. Nothing is decided by it: that is for `check`. */
export interface TextForm {
  readonly name: "topic filter" | "MQTT text" | "date" | "address" | "origin" | "token" | "mode" | "key";
  /** For people: `a date like 2027-01-31`. */
  readonly words: string;
  /** ECMA-262, with the flag `u`: fits whatever `check` accepts, and perhaps more. */
  readonly pattern: string;
}

export interface ChoiceShape {
  readonly kind: "choice";
  readonly values: readonly (string | number)[];
}

export interface ListShape {
  readonly kind: "list";
  readonly item: Shape;
  readonly minItems: number;
  readonly unique: boolean;
  /** Of a list of objects: how it is written as an object. Null: only as a list. */
  readonly keyed: Keyed | null;
}

/** How a list of objects is written as an object keyed by name. */
export interface Keyed {
  /** The key of an entry that its name stands for. */
  readonly name: string;
  /** Further keys whose default is the name. */
  readonly defaults: readonly string[];
  /** An object with a key of an entry in it is a list of that one entry. */
  readonly single: boolean;
}

export interface ObjectShape {
  readonly kind: "object";
  readonly properties: ReadonlyMap<string, Property>;
  /** The same in order, each with its place in it. */
  readonly keys: readonly Key[];
  /** Every spelling of a key that is accepted. */
  readonly spellings: ReadonlyMap<string, Key>;
  readonly required: readonly string[];
  /** What the keys of one entry must keep among themselves. Only of entries of lists: others are merged first. */
  readonly check: ((value: Readonly<Record<string, unknown>>) => Complaint | null) | null;
  /** The part of `check` that editors and the reference page can say. */
  readonly among: Among | null;
}

/** Keys of which one must be given. */
export interface Among {
  readonly keys: readonly string[];
  /** Whether further ones may be given with it. */
  readonly many: boolean;
}

export interface Key {
  readonly key: string;
  readonly index: number;
  readonly property: Property;
}

export interface MapShape {
  readonly kind: "map";
  readonly value: Shape;
}

/** Objects told apart by one key. */
export interface VariantsShape {
  readonly kind: "variants";
  readonly tag: string;
  readonly cases: ReadonlyMap<string, ObjectShape>;
}

/** One word, or a list. */
export interface WordOrListShape {
  readonly kind: "word-or-list";
  readonly word: string;
  readonly list: ListShape;
}

/** Any JSON value, strings in it filled in from the environment. */
export interface JsonShape {
  readonly kind: "json";
  readonly placeholders: Placeholders | null;
}

export type AnyShape =
  | BooleanShape
  | NumberShape
  | TextShape
  | ChoiceShape
  | ListShape
  | ObjectShape
  | MapShape
  | VariantsShape
  | WordOrListShape
  | JsonShape;

declare const TYPE: unique symbol;

/** A shape whose values have the type T once loaded. */
export type Shape<T = unknown> = AnyShape & { readonly [TYPE]?: T };

/** The type of the values of a shape. */
export type Infer<S> = S extends { readonly [TYPE]?: infer T } ? Exclude<T, undefined> : never;

/** What an entry does that its keys can not do each for themselves. */
export interface Complaint {
  readonly key: string | null;
  readonly text: string;
}

export const REQUIRED: unique symbol = Symbol("required");
/** Absent stays absent. */
export const OPTIONAL: unique symbol = Symbol("optional");
/** A section that is always there, made of the defaults of its keys. */
export const FILLED: unique symbol = Symbol("filled");

/** A default that is not filled in, since what reads the value knows it. */
export class Implied<T> {
  constructor(readonly value: T) {}
}

export function implied<T>(value: T): Implied<T> {
  return new Implied(value);
}

type Fallback<T> = T | typeof REQUIRED | typeof OPTIONAL | typeof FILLED | Implied<T>;

export interface Property<T = unknown, Optional extends boolean = boolean> {
  readonly shape: Shape<T>;
  readonly mark: Mark;
  readonly description: string;
  readonly fallback: unknown;
  readonly optional: Optional;
}

type OptionalWith<F> = F extends typeof OPTIONAL ? true : F extends Implied<unknown> ? true : false;

function property<T, F>(mark: Mark, description: string, shape: Shape<T>, fallback: F): Property<T, OptionalWith<F>> {
  const optional = fallback === OPTIONAL || fallback instanceof Implied;
  return { mark, description, shape, fallback, optional: optional as OptionalWith<F> };
}

/** A key of the product page. */
export function page<T, F extends Fallback<NoInfer<T>>>(
  description: string,
  shape: Shape<T>,
  fallback: F,
): Property<T, OptionalWith<F>> {
  return property("page", description, shape, fallback);
}

/** A key that the Rust agent reads too. */
export function also<T, F extends Fallback<NoInfer<T>>>(
  description: string,
  shape: Shape<T>,
  fallback: F,
): Property<T, OptionalWith<F>> {
  return property("also", description, shape, fallback);
}

/** A key of this agent alone. */
export function ours<T, F extends Fallback<NoInfer<T>>>(
  description: string,
  shape: Shape<T>,
  fallback: F,
): Property<T, OptionalWith<F>> {
  return property("ours", description, shape, fallback);
}

export function boolean(): Shape<boolean> {
  return { kind: "boolean" };
}

interface Range {
  readonly min?: number;
  readonly max?: number;
}

/** A whole number; 0 and more unless told otherwise. */
export function integer({ min = 0, max = Number.MAX_SAFE_INTEGER }: Range = {}): Shape<number> {
  return { kind: "number", integer: true, min, max, above: false };
}

/** A number that may have a fraction. */
export function number({ min = 0, max = Number.MAX_VALUE, above = false }: Range & { above?: boolean } = {}): Shape<
  number
> {
  return { kind: "number", integer: false, min, max, above };
}

interface TextOptions {
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly secret?: boolean;
  readonly placeholders?: Placeholders;
  readonly check?: (value: string) => string | null;
  readonly form?: TextForm;
}

/** The most that an MQTT text may have, in bytes; here characters are counted. */
export const MAX_TEXT_LENGTH = 65_535;

export function text(options: TextOptions = {}): Shape<string> {
  const { minLength = 1, maxLength = MAX_TEXT_LENGTH, secret = false, placeholders = null } = options;
  const { check = null, form = null } = options;
  return { kind: "text", minLength, maxLength, secret, placeholders, check, form };
}

export function choice<const V extends readonly (string | number)[]>(...values: V): Shape<V[number]> {
  return { kind: "choice", values };
}

interface ListOptions {
  readonly minItems?: number;
  readonly unique?: boolean;
}

export function list<T>(item: Shape<T>, { minItems = 0, unique = false }: ListOptions = {}): ListShape & Shape<T[]> {
  return { kind: "list", item, minItems, unique, keyed: null };
}

interface KeyedOptions {
  readonly name?: string;
  readonly defaults?: readonly string[];
  readonly single?: boolean;
}

/** A list of objects that may also be written as an object keyed by name. */
export function keyedList<T>(item: Shape<T>, options: KeyedOptions = {}): ListShape & Shape<T[]> {
  const { name = "name", defaults = [], single = false } = options;
  return { kind: "list", item, minItems: 0, unique: false, keyed: { name, defaults, single } };
}

export type Properties = Readonly<Record<string, Property>>;

type ValueOf<P> = P extends Property<infer T> ? T : never;
type OptionalKeys<P extends Properties> = { [K in keyof P]: P[K]["optional"] extends true ? K : never }[keyof P];
type Flat<T> = { [K in keyof T]: T[K] };
type ObjectValue<P extends Properties> = Flat<
  & { [K in Exclude<keyof P, OptionalKeys<P>>]: ValueOf<P[K]> }
  & { [K in OptionalKeys<P>]?: ValueOf<P[K]> }
>;

interface ObjectOptions {
  /** Keys of ours are accepted in snake case too, as in a provider. */
  readonly snakeCase?: boolean;
  readonly check?: (value: Readonly<Record<string, unknown>>) => Complaint | null;
  readonly among?: Among;
}

export function object<const P extends Properties>(
  properties: P,
  { snakeCase = false, check, among }: ObjectOptions = {},
): ObjectShape & Shape<ObjectValue<P>> {
  const keys = Object.entries(properties).map(([key, property], index) => ({ key, index, property }));
  const spellings = new Map<string, Key>();
  for (const known of keys) {
    spellings.set(known.key, known);
    if (known.property.mark !== "ours" || snakeCase) spellings.set(known.key.replaceAll("-", "_"), known);
  }
  return {
    kind: "object",
    properties: new Map(Object.entries(properties)),
    keys,
    spellings,
    required: keys.filter(({ property }) => property.fallback === REQUIRED).map(({ key }) => key),
    check: check ?? null,
    among: among ?? null,
  };
}

/** Any keys, all values alike. The object has no prototype: `constructor` is a name like others. */
export function map<T>(value: Shape<T>): Shape<Record<string, T>> {
  return { kind: "map", value };
}

export function variants<C extends Readonly<Record<string, ObjectShape>>>(
  tag: string,
  cases: C,
): Shape<{ [K in keyof C]: Infer<C[K]> }[keyof C]> {
  return { kind: "variants", tag, cases: new Map(Object.entries(cases)) };
}

export function wordOrList<const W extends string, T>(
  word: W,
  list: ListShape & Shape<T[]>,
): Shape<W | T[]> {
  return { kind: "word-or-list", word, list };
}

export function json({ placeholders = null }: { placeholders?: Placeholders | null } = {}): Shape<unknown> {
  return { kind: "json", placeholders };
}
