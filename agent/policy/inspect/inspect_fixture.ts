import type { InspectionConfig } from "./config.ts";
import { compileInspection, type InspectionPlan } from "./inspect.ts";

/** The defaults of the configuration, with every category on. */
export const EVERYTHING: InspectionConfig = {
  enabled: true,
  "max-payload-size": 262_144,
  oversize: "block",
  patterns: {
    "sqli": true,
    "command-injection": true,
    "script-injection": true,
    "path-traversal": true,
    "custom-patterns": [],
  },
  "block-severity": "medium",
  views: ["json", "percent", "html", "base64", "unicode", "utf16", "gzip"],
  "max-decoded-bytes": 1_048_576,
  "max-depth": 3,
  "json-schema": [],
  "json-limits": {
    "max-depth": 32,
    "max-keys": 1000,
    "max-string": 65_536,
    "duplicate-keys": "deny",
    ["__proto__"]: "deny",
  },
  "block-binary": false,
  "exclude-topics": [],
  "inspect-deliveries": false,
  inspect: ["payload", "topic", "client-id", "username", "will", "user-properties", "response-topic"],
};

/** A plan of the defaults with some keys changed; throws if it does not compile. */
export function planOf(changes: Partial<InspectionConfig> = {}): InspectionPlan {
  const compiled = compileInspection({ ...EVERYTHING, ...changes });
  if ("problems" in compiled) throw new Error(JSON.stringify(compiled.problems));
  return compiled.plan;
}

/** Telemetry in JSON of about `size` bytes. */
export function telemetry(size: number): Uint8Array {
  let text = '{"device":"sensor-7","readings":[';
  for (let n = 0; text.length < size - 80; n++) {
    const temperature = (20 + 5 * Math.sin(n)).toFixed(2);
    text += `${n > 0 ? "," : ""}{"ts":${1_710_144_764_000 + n * 1000},"temperature":${temperature},"humidity":${
      40 + n % 20
    },"status":"ok"}`;
  }
  return new TextEncoder().encode(text + "]}");
}

/** A text repeated to `size` bytes. */
export function repeated(text: string, size: number): Uint8Array {
  return new TextEncoder().encode(text.repeat(Math.ceil(size / text.length)).slice(0, size));
}
