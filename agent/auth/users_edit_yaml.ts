import { isMap, isScalar, type Node, type Pair, type YAMLMap } from "yaml";
import { HASH_KEYS, type NewUser, type UsersEdit, writtenUser } from "./user_change.ts";
import { keyText, parseYaml } from "./users_yaml.ts";

/** The text of a users file in YAML after the change; null if it cannot be made without touching others. */
export function editYaml(text: string, edit: UsersEdit): string | null {
  const document = parseYaml(text);
  const { contents } = document;
  const users = isMap(contents) ? pairOf(contents, "users")?.value : null;
  if (!isMap(users)) return null;
  const pair = pairOf(users, edit.name);
  switch (edit.kind) {
    case "set-hash": {
      const hash = isMap(pair?.value)
        ? HASH_KEYS.map((key) => pairOf(pair.value as YAMLMap, key)).find((found) => found !== null)?.value
        : null;
      if (!isScalar(hash) || !hash.range) return null;
      return splice(text, hash.range[0], hash.range[1], JSON.stringify(edit.hash));
    }
    case "add": {
      const lines = blockLines(text, users, users.items.at(-1));
      if (lines !== null) return splice(text, lines.end, lines.end, yamlUser(text, lines, edit.name, edit.user));
      users.items.push(document.createPair(edit.name, writtenUser(edit.user)));
      if (users.items.length === 1) users.flow = false;
      return document.toString({ lineWidth: 0 });
    }
    case "remove": {
      if (pair === null) return null;
      const lines = users.items.length === 1 ? null : blockLines(text, users, pair);
      if (lines !== null) return splice(text, lines.start, lines.end, "");
      users.items.splice(users.items.indexOf(pair), 1);
      if (users.items.length === 0) users.flow = true;
      return document.toString({ lineWidth: 0 });
    }
    default:
      return edit satisfies never;
  }
}

function pairOf(map: YAMLMap, name: string): Pair | null {
  return map.items.find(({ key }) => keyText(key) === name) ?? null;
}

interface Lines {
  /** What stands before the key. */
  readonly indent: string;
  readonly start: number;
  /** Behind the line break of the last line, or at the end of the text. */
  readonly end: number;
}

/** The lines that an entry of a block mapping has for itself; null where it shares them with others. */
function blockLines(text: string, map: YAMLMap, pair: Pair | undefined): Lines | null {
  const keyAt = (pair?.key as Node | undefined)?.range?.[0];
  if (map.flow === true || pair === undefined || keyAt === undefined) return null;
  const start = text.lastIndexOf("\n", keyAt - 1) + 1;
  const indent = text.slice(start, keyAt);
  if (indent.trim() !== "") return null;
  const valueEnd = Math.max(keyAt, endOf(pair.value) ?? endOf(pair.key) ?? keyAt);
  if (valueEnd > start && text[valueEnd - 1] === "\n") return { indent, start, end: valueEnd };
  const lineBreak = text.indexOf("\n", valueEnd);
  return { indent, start, end: lineBreak < 0 ? text.length : lineBreak + 1 };
}

/** Where the last thing ends that is written in a node. */
function endOf(node: unknown): number | null {
  if (isMap(node) && node.flow !== true) {
    const last = node.items.at(-1);
    return endOf(last?.value) ?? endOf(last?.key);
  }
  return (node as Node | null | undefined)?.range?.[1] ?? null;
}

const PLAIN_KEY = /^(?!(?:true|false|null|yes|no|on|off|y|n)$)[A-Za-z_][A-Za-z0-9_.-]*$/i;

function yamlUser(text: string, { indent }: Lines, name: string, user: NewUser): string {
  const eol = text.includes("\r\n") ? "\r\n" : "\n";
  const inner = indent + (/^ +/.exec(indent)?.[0] ?? "  ");
  const lines = Object.entries(writtenUser(user)).map(([key, value]) => {
    const shown = Array.isArray(value) ? `[${value.map((item) => JSON.stringify(item)).join(", ")}]` : undefined;
    return `${inner}${key}: ${shown ?? JSON.stringify(value)}`;
  });
  const before = text === "" || text.endsWith("\n") ? "" : eol;
  const key = PLAIN_KEY.test(name) ? name : JSON.stringify(name);
  return `${before}${[`${indent}${key}:`, ...lines].join(eol)}${eol}`;
}

function splice(text: string, start: number, end: number, inserted: string): string {
  return text.slice(0, start) + inserted + text.slice(end);
}
