import type { CompiledConfig } from "./compile_config.ts";
import type { Config } from "./config/mod.ts";
import type { PackedAcl } from "./policy/acl/mod.ts";
import type { InspectionConfig } from "./policy/inspect/config.ts";

/** The configuration in force, without what is as long as its rules: that is in the policy, compiled. */
export type RunningConfig = Omit<Config, "acl"> & { readonly acl: Omit<Config["acl"], "rules" | "groups" | "tests"> };

/** All that is kept of a configuration, but for providers, which open files and start threads. */
export interface ConfigInForce extends CompiledConfig {
  readonly config: RunningConfig;
  /** First 12 hex digits of the SHA-256 of the effective configuration. */
  readonly version: string;
  /** What a watcher watches. */
  readonly files: readonly string[];
  /** What somebody should hear who puts it in force. */
  readonly doubts: readonly string[];
}

export interface RefusedChange {
  /** All of them, worded. */
  readonly problems: readonly string[];
  /** As of a configuration that can come into force: one of them may be put right. */
  readonly files: readonly string[];
}

/** To the thread. */
export interface ConfigOrder {
  readonly kind: "compile";
  /** Path of the configuration file; null: the defaults. */
  readonly file: string | null;
  /** What the proxy pushed, as JSON, or null. */
  readonly pushJson: string | null;
  /** When the embedded tests take place, in milliseconds since the epoch. */
  readonly testsAtMs: number;
}

/** A configuration that can come into force, as plain data. */
export interface PackedConfig extends Pick<ConfigInForce, "config" | "version" | "files" | "doubts"> {
  /** The section with its schemas, where it is on. */
  readonly inspection: InspectionConfig | null;
  readonly acl: PackedAcl;
}

/** From the thread, one for each order. */
export type ConfigReport =
  | { readonly kind: "compiled"; readonly packed: PackedConfig }
  | { readonly kind: "refused"; readonly problems: readonly string[]; readonly files: readonly string[] }
  /** The thread failed inside: nothing is known of the configuration. */
  | { readonly kind: "failed"; readonly why: string };
