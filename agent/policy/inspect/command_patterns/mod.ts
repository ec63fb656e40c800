import type { Pattern } from "../pattern.ts";
import { DANGEROUS_PROGRAMS } from "./dangerous_programs.ts";
import { LANGUAGE_CALLS } from "./language_calls.ts";
import { LINES } from "./lines.ts";
import { LOOKUP_PATTERNS } from "./lookups.ts";
import { POWERSHELL } from "./powershell.ts";
import { PROGRAM_PATHS } from "./program_paths.ts";
import { REMOTE_PROGRAMS } from "./remote_programs.ts";
import { SEPARATED } from "./separated.ts";
import { SERIALIZED } from "./serialized.ts";
import { SHELL_SYNTAX } from "./shell_syntax.ts";
import { SPLIT_WORDS } from "./split_words.ts";
import { WINDOWS } from "./windows.ts";

/**
 * Command injection: what a shell, or a logger with lookups, would run of a value.
 *
 * Where several are called for a token, they are asked in this order, and the first one that refuses is told.
 */
export const COMMAND_PATTERNS: readonly Pattern[] = [
  SEPARATED.long,
  SEPARATED.short,
  PROGRAM_PATHS.written,
  DANGEROUS_PROGRAMS.shellCode,
  POWERSHELL.options,
  POWERSHELL.download,
  WINDOWS.shell,
  DANGEROUS_PROGRAMS.removal,
  DANGEROUS_PROGRAMS.reverseShell,
  DANGEROUS_PROGRAMS.download,
  REMOTE_PROGRAMS.installation,
  REMOTE_PROGRAMS.tunnel,
  REMOTE_PROGRAMS.hereString,
  SHELL_SYNTAX.fieldSeparator,
  SHELL_SYNTAX.expansion,
  SHELL_SYNTAX.variable,
  PROGRAM_PATHS.wildcards,
  SHELL_SYNTAX.shellshock,
  SHELL_SYNTAX.brace,
  SHELL_SYNTAX.forkBomb,
  SHELL_SYNTAX.redirection,
  LOOKUP_PATTERNS.lookup,
  SHELL_SYNTAX.ruby,
  DANGEROUS_PROGRAMS.option,
  DANGEROUS_PROGRAMS.gitOption,
  SHELL_SYNTAX.preload,
  LANGUAGE_CALLS.start,
  LANGUAGE_CALLS.text,
  POWERSHELL.cmdlet,
  POWERSHELL.staticCall,
  WINDOWS.formula,
  SPLIT_WORDS.joined,
  SPLIT_WORDS.formatted,
  SPLIT_WORDS.numbers,
  WINDOWS.part,
  WINDOWS.loop,
  SHELL_SYNTAX.ansi,
  PROGRAM_PATHS.alone,
  SHELL_SYNTAX.block,
  SEPARATED.encodedLineBreak,
  SERIALIZED.object,
  SERIALIZED.remoteName,
  LINES.sure,
  LINES.sureShort,
  DANGEROUS_PROGRAMS.chmod,
  LINES.beginning,
];
