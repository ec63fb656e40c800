import { Buffer } from "node:buffer";
import type { Category, PartName } from "../../agent/policy/inspect/mod.ts";

/** An item to be written: a text, or bytes that are written as hex or base64 where they are not one. */
export interface MadeItem {
  readonly name: string;
  readonly content: string | Uint8Array;
  readonly part?: PartName;
  /** Where it is not that of the family. */
  readonly category?: Category;
}

/** A file to be written. */
export interface MadeFamily {
  readonly family: string;
  readonly about: string;
  readonly category?: Category;
  readonly items: readonly MadeItem[];
}

const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
/** Bytes up to which hex can still be read by a person. */
const HEX_BYTES = 120;

/** The text of a family's file, in the layout of the corpus. Invisible characters are escaped, so that a reader sees them. */
export function familyText({ family, about, category, items }: MadeFamily): string {
  const head = { family, about, ...(category === undefined ? {} : { category }) };
  const lines = Object.entries(head).map(([key, value]) => `  ${JSON.stringify(key)}: ${JSON.stringify(value)},`);
  const written = items.map((item) => `    ${itemText(item, category)}`);
  return `{\n${lines.join("\n")}\n  "items": [\n${written.join(",\n")}\n  ]\n}\n`;
}

function itemText({ name, part, category, content }: MadeItem, inherited: Category | undefined): string {
  const entries = Object.entries({
    name,
    ...(part === undefined ? {} : { part }),
    ...(category === undefined || category === inherited ? {} : { category }),
    ...contentEntry(content),
  });
  return `{ ${entries.map(([key, value]) => `${JSON.stringify(key)}: ${visible(value)}`).join(", ")} }`;
}

function contentEntry(content: string | Uint8Array): Readonly<Record<string, string>> {
  const bytes = typeof content === "string" ? new TextEncoder().encode(content) : content;
  const text = textOf(bytes);
  if (text !== null) return { text };
  const buffer = Buffer.from(bytes);
  return bytes.length <= HEX_BYTES ? { hex: buffer.toString("hex") } : { base64: buffer.toString("base64") };
}

/** The text that bytes are, or null if they are data: more than one control character, or not UTF-8. */
function textOf(bytes: Uint8Array): string | null {
  const controls = bytes.filter((byte) => byte < 0x20 && byte !== 0x09 && byte !== 0x0a && byte !== 0x0d).length;
  if (controls > 1) return null;
  try {
    return decoder.decode(bytes);
  } catch {
    return null;
  }
}

function visible(value: string): string {
  return JSON.stringify(value).replace(
    /[\p{Cf}\p{Cc}\p{Co}\p{Zl}\p{Zp}\u00a0]/gu,
    (character) =>
      Array.from(
        { length: character.length },
        (_, n) => `\\u${character.charCodeAt(n).toString(16).padStart(4, "0")}`,
      ).join(""),
  );
}
