import type { Severity } from "./config.ts";

/** Bounds of JSON documents. */
export interface JsonLimits {
  readonly maxDepth: number;
  readonly maxKeys: number;
  readonly maxStringBytes: number;
  readonly allowsDuplicates: boolean;
  readonly allowsProto: boolean;
}

/** What a document breaks, and where. */
export interface JsonViolation {
  readonly name: string;
  readonly severity: Severity;
  readonly offset: number;
}

export function jsonViolation(_bytes: Uint8Array, _limits: JsonLimits, _must: boolean): JsonViolation | null {
  return null;
}
