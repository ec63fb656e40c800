import type { Collapse } from "./collapsed_views.ts";
import type { PartName, Severity } from "./config.ts";

/** One thing that was found. It holds nothing of the text itself. */
export interface Hit {
  /** `sqli`, `command-injection`, `script-injection`, `path-traversal`, `custom`, `inspection-budget`, `json-limits`, `binary`, `payload-size`. */
  readonly category: string;
  /** Name of the pattern, of the custom pattern or of the limit. */
  readonly pattern: string;
  readonly severity: Severity;
  /** Decodings that it was found within, outermost first: `["json", "base64"]`; empty for the text as it came. */
  readonly views: readonly string[];
  /** Form of a language that it was found in: comments of SQL or quotes of a shell left out, `+` read as a space. */
  readonly form: Collapse | null;
  /** Byte of the text as it came: exact for escapes, about for encoded runs; -1 where it has no place. */
  readonly offset: number;
  readonly part: PartName;
  /** The custom pattern is one that is tried out. */
  readonly shadow: boolean;
}

/** What one inspection found; there is none where nothing was. */
export interface Findings {
  /** What refuses the packet, or null. */
  readonly blocking: Hit | null;
  /** What is told and refuses nothing: below `block-severity`, shadow patterns, a payload too large to be searched. */
  readonly audited: readonly Hit[];
}
