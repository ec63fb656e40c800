import type { Pattern } from "../pattern.ts";
import { CLIMBS } from "./climbs.ts";
import { ENCODED_CLIMBS } from "./encoded_climbs.ts";
import { REQUEST_ADDRESSES } from "./request_addresses.ts";
import { SENSITIVE_FILES } from "./sensitive_files.ts";
import { WINDOWS_PATHS } from "./windows_paths.ts";
import { WRAPPERS } from "./wrappers.ts";

/**
 * Path traversal: what would leave the directory that a backend meant, or name a file that nobody should.
 *
 * Where several are called for a token, they are asked in this order, and the first one that refuses is told.
 */
export const PATH_PATTERNS: readonly Pattern[] = [
  CLIMBS.climb,
  CLIMBS.doubled,
  ENCODED_CLIMBS.percent,
  SENSITIVE_FILES.whole,
  WINDOWS_PATHS.device,
  WINDOWS_PATHS.stream,
  WRAPPERS.scheme,
  REQUEST_ADDRESSES.metadata,
  REQUEST_ADDRESSES.disguised,
  WRAPPERS.nul,
  CLIMBS.single,
];
