/** How bad a hit is, mildest first. */
export const SEVERITIES = ["low", "medium", "high", "critical"] as const;
export type Severity = typeof SEVERITIES[number];

/** Decoded forms that can be searched. */
export type ViewName = "json" | "percent" | "html" | "base64" | "unicode" | "utf16" | "gzip";

/** Parts of a packet that can be searched. */
export type PartName =
  | "payload"
  | "topic"
  | "client-id"
  | "username"
  | "will"
  | "user-properties"
  | "response-topic";

/** One entry of `inspection.patterns.custom-patterns`. */
export interface CustomPatternConfig {
  readonly name: string;
  readonly pattern: string;
  readonly severity: Severity;
  readonly topics?: readonly string[] | undefined;
  readonly shadow: boolean;
}

/** One entry of `inspection.json-schema`; a file was read and parsed into `schema` by whoever loads configurations. */
export interface JsonSchemaConfig {
  readonly name?: string | undefined;
  readonly schema?: unknown;
  readonly topics: readonly string[];
  readonly "block-on-failure": boolean;
}

/** `inspection.json-limits`. */
export interface JsonLimitsConfig {
  readonly "max-depth": number;
  readonly "max-keys": number;
  readonly "max-string": number;
  readonly "duplicate-keys": "deny" | "allow";
  readonly ["__proto__"]: "deny" | "allow";
}

/** The section `inspection` of a validated configuration, keys as people write them. Plain data: it can be sent to a worker. */
export interface InspectionConfig {
  readonly enabled: boolean;
  readonly "max-payload-size": number;
  readonly oversize: "block" | "skip";
  readonly patterns: {
    readonly sqli: boolean;
    readonly "command-injection": boolean;
    readonly "script-injection": boolean;
    readonly "path-traversal": boolean;
    readonly "custom-patterns": readonly CustomPatternConfig[];
  };
  readonly "block-severity": Severity;
  readonly views: readonly ViewName[];
  readonly "max-decoded-bytes": number;
  readonly "max-depth": number;
  readonly "json-schema": readonly JsonSchemaConfig[];
  readonly "json-limits": JsonLimitsConfig;
  readonly "block-binary": boolean;
  readonly "exclude-topics": readonly string[];
  readonly "inspect-deliveries": boolean;
  readonly inspect: readonly PartName[];
}
