/**
 * Levels of rules with placeholders: `${clientid}`, `${username}`, `${ip}`, `${attr.NAME}`, with literal text around
 * them.
 *
 * A value is put in as one literal level. One that is empty or holds `/`, `+` or `#` is not put in at all: the filter
 * does not apply (CVE-2017-7650 was a client called `#`). That holds for deny rules too and opens nothing there: such a
 * value is no level of any topic name, so that the filter would match none. An empty one would be the empty level; who
 * has no client id has no topics of its own to be kept from. Only the filter with the placeholder is left out, not the
 * rule: a client must not choose its id so that the other topics of a deny rule are free.
 */

/** A level, cut at its placeholders: literal text, or the number of a variable. */
export interface TopicTemplate {
  readonly text: string;
  readonly parts: readonly (string | number)[];
}

/** Values of the variables for one client by variable number; null where there is none that can be used. */
export type TemplateValues = readonly (string | null)[];

/** Either the pieces of the text, names of variables as objects; or what is wrong. */
type Placeholders = { readonly parts: readonly (string | { readonly variable: string })[] } | {
  readonly problem: string;
};

const KNOWN_PLACEHOLDER = /^(?:clientid|username|ip|attr\.[A-Za-z0-9_.-]+)$/;

/** Cuts a topic or a level at its placeholders. */
export function splitPlaceholders(text: string): Placeholders {
  const parts: (string | { variable: string })[] = [];
  let at = 0;
  for (let open = text.indexOf("${"); open >= 0; open = text.indexOf("${", at)) {
    const close = text.indexOf("}", open);
    if (close < 0) return { problem: '"${" without "}"' };
    const variable = text.slice(open + 2, close);
    if (!KNOWN_PLACEHOLDER.test(variable)) {
      return {
        problem:
          `unknown placeholder "\${${variable}}" (known: "\${clientid}", "\${username}", "\${ip}", "\${attr.NAME}")`,
      };
    }
    if (open > at) parts.push(text.slice(at, open));
    parts.push({ variable });
    at = close + 1;
  }
  if (at < text.length) parts.push(text.slice(at));
  return { parts };
}

/** What a {@link TemplateTable} holds, as another thread can be given it. */
export interface PackedTemplates {
  readonly templates: readonly TopicTemplate[];
  readonly variables: readonly string[];
}

/** The distinct templates of all rules and the variables in them, by number. */
export class TemplateTable {
  readonly templates: TopicTemplate[] = [];
  /** Names as in the placeholders: `clientid`, `attr.site`. */
  readonly variables: string[] = [];
  readonly #numbers = new Map<string, number>();
  readonly #variableNumbers = new Map<string, number>();

  pack(): PackedTemplates {
    return { templates: this.templates, variables: this.variables };
  }

  /** What was packed: nothing can be added any more. */
  static unpack({ templates, variables }: PackedTemplates): TemplateTable {
    const table = new TemplateTable();
    for (const template of templates) table.templates.push(template);
    table.variables.push(...variables);
    return table;
  }

  /** The number of the template of a level whose placeholders are known to be right. */
  intern(level: string): number {
    const known = this.#numbers.get(level);
    if (known !== undefined) return known;
    const split = splitPlaceholders(level);
    const parts = "parts" in split ? split.parts : [];
    const number = this.templates.length;
    this.templates.push({
      text: level,
      parts: parts.map((part) => typeof part === "string" ? part : this.#variable(part.variable)),
    });
    this.#numbers.set(level, number);
    return number;
  }

  #variable(name: string): number {
    let number = this.#variableNumbers.get(name);
    if (number === undefined) {
      number = this.variables.length;
      this.variables.push(name);
      this.#variableNumbers.set(name, number);
    }
    return number;
  }
}

/** The value as a placeholder may be given it, or null. */
export function usableValue(value: string | null | undefined): string | null {
  if (value === null || value === undefined || value === "") return null;
  return /[/+#]/.test(value) ? null : value;
}

/** True if the template is the level `text[start, end)` for these values. O(length), allocates nothing. */
export function templateIsLevel(
  template: TopicTemplate,
  values: TemplateValues,
  text: string,
  start: number,
  end: number,
): boolean {
  let at = start;
  for (const part of template.parts) {
    const piece = typeof part === "string" ? part : values[part];
    if (piece === null || piece === undefined || !text.startsWith(piece, at)) return false;
    at += piece.length;
  }
  return at === end;
}

/**
 * True if the template is a level at all for these values. As a first level (`depth` 0) a value must not begin with
 * `$`, or a client could call itself into the broker's own topics; where the template's own text begins with `$` that
 * is the operator's word.
 */
export function templateIsUsable(template: TopicTemplate, values: TemplateValues, depth: number): boolean {
  for (const part of template.parts) {
    if (typeof part === "number" && (values[part] ?? null) === null) return false;
  }
  const first = template.parts[0];
  return depth > 0 || typeof first !== "number" || !values[first]?.startsWith("$");
}
