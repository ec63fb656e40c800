import {
  applyEdits,
  createScanner,
  findNodeAtLocation,
  type FormattingOptions,
  modify,
  type Node,
  parseTree,
} from "jsonc-parser";
import { HASH_KEYS, type NewUser, type UsersEdit, writtenUser } from "./user_change.ts";

/** The text of a users file in JSON after the change; null if it cannot be made without touching others. */
export function editJson(text: string, edit: UsersEdit): string | null {
  const root = parseTree(text, [], { allowTrailingComma: true });
  const users = root === undefined ? undefined : findNodeAtLocation(root, ["users"]);
  if (root === undefined || users?.children === undefined) return null;
  const { children } = users;
  const index = children.findIndex(({ children: [key] = [] }) => key?.value === edit.name);
  switch (edit.kind) {
    case "set-hash": {
      const found = HASH_KEYS.map((key) => findNodeAtLocation(root, ["users", edit.name, key]));
      const node = found.find((node) => node !== undefined);
      return node === undefined ? null : splice(text, node.offset, endOf(node), JSON.stringify(edit.hash));
    }
    case "add":
      return add(text, children.at(-1), edit.name, edit.user);
    case "remove":
      return index < 0 ? null : remove(text, children, index);
    default:
      return edit satisfies never;
  }
}

function add(text: string, last: Node | undefined, name: string, user: NewUser): string {
  const start = last === undefined ? 0 : lineStart(text, last.offset);
  const indent = last === undefined ? "" : text.slice(start, last.offset);
  if (last === undefined || indent.trim() !== "") {
    return applyEdits(
      text,
      modify(text, ["users", name], writtenUser(user), { formattingOptions: formattingOf(text) }),
    );
  }
  const eol = text.includes("\r\n") ? "\r\n" : "\n";
  const unit = indentOf(text);
  const members = Object.entries(writtenUser(user)).map(([key, value]) => `${indent}${unit}"${key}": ${inLine(value)}`);
  const entry = `${indent}${JSON.stringify(name)}: {${eol}${members.join(`,${eol}`)}${eol}${indent}}`;
  const comma = commaAfter(text, endOf(last));
  if (comma !== null) {
    const end = lineEnd(text, comma + 1);
    return isOnlyComment(text.slice(comma + 1, end))
      ? splice(text, end, end, `${entry},${eol}`)
      : splice(text, comma + 1, comma + 1, `${eol}${entry},`);
  }
  const end = lineEnd(text, endOf(last));
  if (!isOnlyComment(text.slice(endOf(last), end))) return splice(text, endOf(last), endOf(last), `,${eol}${entry}`);
  // The comma goes right behind the entry, and what is said of that entry behind the comma stays on its line.
  return splice(splice(text, end, end, `${entry}${eol}`), endOf(last), endOf(last), ",");
}

/** With its comma and the comment behind it, but not the one before it: that may be about all that follows. */
function remove(text: string, children: readonly Node[], index: number): string {
  const node = children[index] as Node;
  const before = children[index - 1];
  const comma = commaAfter(text, endOf(node));
  const end = comma === null ? endOf(node) : comma + 1;
  const start = lineStart(text, node.offset);
  const hasLines = text.slice(start, node.offset).trim() === "" && isOnlyComment(text.slice(end, lineEnd(text, end)));
  const rest = hasLines ? splice(text, start, lineEnd(text, end), "") : splice(text, node.offset, end, "");
  if (comma !== null || before === undefined) return rest;
  // The last one had no comma, so the one before it may have none now.
  const left = commaAfter(text, endOf(before));
  return left === null ? rest : splice(rest, left, left + 1, "");
}

function endOf({ offset, length }: Node): number {
  return offset + length;
}

/** The comma behind a value, if the next thing that is neither space nor comment is one. */
function commaAfter(text: string, offset: number): number | null {
  const scanner = createScanner(text, true);
  scanner.setPosition(offset);
  // SyntaxKind.CommaToken: the library's enum is a constant one, which a single file cannot see into.
  return scanner.scan() === 5 ? scanner.getTokenOffset() : null;
}

function lineStart(text: string, offset: number): number {
  return text.lastIndexOf("\n", offset - 1) + 1;
}

/** Behind the line break, or the end of the text. */
function lineEnd(text: string, offset: number): number {
  const lineBreak = text.indexOf("\n", offset);
  return lineBreak < 0 ? text.length : lineBreak + 1;
}

/** Space, perhaps a comment, and the line break: without one there is no line to put something behind. */
function isOnlyComment(rest: string): boolean {
  return /^[ \t]*(?:\/\/.*|\/\*(?:(?!\*\/).)*\*\/[ \t]*)?\r?\n$/.test(rest);
}

function inLine(value: unknown): string {
  return Array.isArray(value) ? `[${value.map((item) => JSON.stringify(item)).join(", ")}]` : JSON.stringify(value);
}

function indentOf(text: string): string {
  return /^([ \t]+)\S/m.exec(text)?.[1] ?? "  ";
}

function formattingOf(text: string): FormattingOptions {
  const indent = indentOf(text);
  const eol = text.includes("\r\n") ? "\r\n" : "\n";
  return { insertSpaces: !indent.startsWith("\t"), tabSize: indent.startsWith("\t") ? 1 : indent.length, eol };
}

function splice(text: string, start: number, end: number, inserted: string): string {
  return text.slice(0, start) + inserted + text.slice(end);
}
