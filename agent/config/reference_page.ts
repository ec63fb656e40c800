import { NOT_YET, type NotYet, type NotYetTable } from "./not_yet.ts";
import { RULES_FILE } from "./schema/acl.ts";
import { CONFIG } from "./schema/config.ts";
import {
  type Among,
  type AnyShape,
  FILLED,
  Implied,
  type ListShape,
  type Mark,
  MAX_TEXT_LENGTH,
  type NumberShape,
  type ObjectShape,
  OPTIONAL,
  type Property,
  REQUIRED,
  type TextShape,
} from "./shape.ts";

export interface ReferencePage {
  /** An example of each section by its key: a whole configuration file, as it is to be shown. */
  readonly examples: ReadonlyMap<string, string>;
  /** For tests: other keys that are not built yet. */
  readonly notYet?: NotYetTable;
}

/** `docs/configuration.md`: every key of the configuration, from the shapes that it is loaded by. */
export function referencePage({ examples, notYet = NOT_YET }: ReferencePage): string {
  return new PageWriter(examples, notYet).page();
}

const KNOWN_TO: Readonly<Record<Mark, string>> = { page: "page", also: "Rust agent", ours: "this agent" };

const INTRODUCTION = `\
<!-- deno-fmt-ignore-file -->

# Configuration

Made from \`agent/config/schema/\` by \`deno task docs\`. Every example below is loaded by a test.

One JSON file; comments and trailing commas are allowed. \`sentinel-mqtt-agent check -c FILE\` tells all that is wrong with it and what is doubtful about it, \`sentinel-mqtt-agent config show -c FILE\` what it comes to with all defaults.

- **Known to** says who reads a key: the product *page*, the *Rust agent* beside it, or only *this agent*. A key that the page or the Rust agent knows, and every key of a provider, may be written in snake case too (\`max_qos\` for \`max-qos\`); both at once is an error. Any other unknown key is an error as well.
- A list of texts or numbers with one element may be written as that element: \`"topics": "a/#"\`.
- A list of objects may be written as an object keyed by name, where the table says so: \`"rules": { "a": { … } }\`. The key is the \`name\`, of a provider the default of \`type\` too, of an entry by topic the default of \`topic\`. Entries are ordered by \`priority\`, highest first, then by name.
- \`\${NAME}\` and \`\${NAME:-default}\` in texts come from the environment, \`$\${\` is a literal \`\${\`. In topics of rules \`\${clientid}\`, \`\${username}\`, \`\${ip}\` and \`\${attr.NAME}\` stand for what each client has of its own.
- Durations and sizes have their unit in the key (\`-ms\`, \`-secs\`) or in its meaning.
- Layers, later wins, key by key (lists replace): defaults, this file, the proxy's \`config { }\`.

An editor completes and checks the file by \`config/schema.json\`, which \`sentinel-mqtt-agent config schema\` prints. In VS Code, in \`settings.json\`:

\`\`\`json
{ "json.schemas": [{ "fileMatch": ["mqtt-gateway.json"], "url": "./config/schema.json" }] }
\`\`\`

or in the file itself, for any editor; of all keys only this one is the editor's alone, at the top level of a file, and the agent ignores it:

\`\`\`json
{ "$schema": "./config/schema.json" }
\`\`\`
`;

class PageWriter {
  readonly #examples: ReadonlyMap<string, string>;
  readonly #notYet: NotYetTable;
  readonly #lines: string[] = [];
  /** The one place where an object is described, the first that holds it. */
  readonly #places = new Map<AnyShape, string>();

  constructor(examples: ReadonlyMap<string, string>, notYet: NotYetTable) {
    this.#examples = examples;
    this.#notYet = notYet;
  }

  page(): string {
    for (const { key, property } of CONFIG.keys) this.#section(key, property);
    this.#lines.push(
      "",
      "## Rules file",
      "",
      "What `acl.rules-file` names: a list of rules, or an object.",
    );
    this.#table(RULES_FILE, "rules-file");
    return `${INTRODUCTION}${this.#lines.join("\n")}\n`;
  }

  #section(key: string, property: Property): void {
    const { description, shape } = property;
    const missing = this.#notYet.get(key);
    const known = KNOWN_TO[property.mark];
    this.#lines.push("", `## \`${key}\``, "", `${description}${notYetMark(missing)}. Known to: ${known}.`);
    if (shape.kind === "object") this.#table(shape, key);
    else {
      const inner = objectsIn(shape, key);
      this.#place(inner);
      this.#lines.push("", `Default: ${defaultWords(property)}. Type: ${this.#type(shape, key)}.`);
      this.#objects(inner);
    }
    const example = this.#examples.get(key);
    if (example !== undefined) this.#lines.push("", "```jsonc", example.trimEnd(), "```");
  }

  #objects(found: readonly Found[]): void {
    for (const { shape, where } of found) {
      if (this.#places.get(shape) !== where) continue;
      this.#lines.push("", `### \`${where}\``);
      this.#table(shape, where);
    }
  }

  /** The keys of an object, then the objects in it. */
  #table(shape: ObjectShape, where: string): void {
    if (shape.among !== null) this.#lines.push("", amongWords(shape.among));
    this.#lines.push("", "| key | default | type | known to | meaning |", "|---|---|---|---|---|");
    const inner = shape.keys.flatMap(({ key, property }) => objectsIn(property.shape, `${where}.${key}`));
    this.#place(inner);
    for (const { key, property } of shape.keys) {
      const path = `${where}.${key}`;
      const meaning = `${property.description}${notYetMark(this.#notYet.get(path))}`;
      const cells = [
        `\`${key}\``,
        defaultWords(property),
        this.#type(property.shape, path),
        KNOWN_TO[property.mark],
        meaning,
      ];
      this.#lines.push(`| ${cells.map((cell) => cell.replaceAll("|", "\\|")).join(" | ")} |`);
    }
    this.#objects(inner);
  }

  #place(found: readonly Found[]): void {
    for (const { shape, where } of found) if (!this.#places.has(shape)) this.#places.set(shape, where);
  }

  #type(shape: AnyShape, where: string): string {
    switch (shape.kind) {
      case "boolean":
        return "`true` or `false`";
      case "number":
        return numberWords(shape);
      case "text":
        return textWords(shape);
      case "choice":
        return shape.values.map((value) => `\`${JSON.stringify(value)}\``).join(", ");
      case "list":
        return this.#list(shape, where);
      case "object":
        return `object: \`${this.#places.get(shape) ?? where}\``;
      case "map":
        return `object: any name to ${this.#type(shape.value, `${where}.*`)}`;
      case "variants":
        return [...shape.cases].map(([name, variant]) => this.#places.get(variant) ?? `${where} (${name})`)
          .map((name) => `\`${name}\``).join(", ");
      case "word-or-list":
        return `\`${JSON.stringify(shape.word)}\` or ${this.#type(shape.list, where)}`;
      case "json":
        return "any JSON";
      default:
        return shape satisfies never;
    }
  }

  #list({ item, keyed, minItems }: ListShape, where: string): string {
    const inner = this.#type(item, `${where}[]`).replace(/^object: /, "");
    if (keyed !== null) return `list, or object keyed by name${keyed.single ? ", or one entry" : ""}, of ${inner}`;
    const list = minItems > 0 ? "list, not empty" : "list";
    if (item.kind !== "text") return `${list}: ${inner}`;
    return item.form === null ? `${list}${minItems > 0 ? "," : ""} of texts` : `${list}, each ${inner}`;
  }
}

interface Found {
  readonly shape: ObjectShape;
  readonly where: string;
}

/** The objects that a value may hold, without those in them. */
function objectsIn(shape: AnyShape, where: string): Found[] {
  switch (shape.kind) {
    case "object":
      return [{ shape, where }];
    case "list":
      return objectsIn(shape.item, `${where}[]`);
    case "map":
      return objectsIn(shape.value, `${where}.*`);
    case "variants":
      return [...shape.cases].map(([name, variant]) => ({ shape: variant, where: `${where} (${name})` }));
    case "word-or-list":
      return objectsIn(shape.list, where);
    default:
      return [];
  }
}

function numberWords({ integer, min, max, above }: NumberShape): string {
  const kind = integer ? "whole number" : "number";
  const bounded = max !== Number.MAX_VALUE && max !== Number.MAX_SAFE_INTEGER;
  if (above) return `${kind} above ${min}${bounded ? `, at most ${grouped(max)}` : ""}`;
  return bounded ? `${kind}, ${grouped(min)} to ${grouped(max)}` : `${kind}, ${grouped(min)} or more`;
}

/** `1,048,576` */
function grouped(value: number): string {
  return value.toLocaleString("en-US");
}

function textWords({ form, maxLength, secret }: TextShape): string {
  const longest = maxLength === MAX_TEXT_LENGTH ? "" : `, at most ${grouped(maxLength)} characters`;
  return `${form?.words ?? "text"}${longest}${secret ? ", secret" : ""}`;
}

function defaultWords({ fallback }: Property): string {
  if (fallback === REQUIRED) return "required";
  if (fallback === OPTIONAL) return "–";
  if (fallback === FILLED) return "its keys'";
  return `\`${JSON.stringify(fallback instanceof Implied ? fallback.value : fallback)}\``;
}

function amongWords({ keys, many }: Among): string {
  return `${many ? "At least" : "Exactly"} one of ${keys.map((key) => `\`${key}\``).join(", ")} is given.`;
}

function notYetMark(missing: NotYet | undefined): string {
  if (missing === undefined) return "";
  const only = "unless" in missing ? `; only \`${JSON.stringify(missing.unless)}\` is accepted` : "";
  return `. **Not built yet${only}**: ${missing.words}`;
}
