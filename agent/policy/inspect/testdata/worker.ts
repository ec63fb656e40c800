/// <reference lib="webworker" />
import type { InspectionConfig } from "../config.ts";
import { compileInspection, inspect } from "../inspect.ts";

/** Inspects in a thread of its own, by a configuration that it compiles for itself. */
declare const self: DedicatedWorkerGlobalScope;

self.onmessage = ({ data }: MessageEvent<{ config: InspectionConfig; payloads: Uint8Array[] }>) => {
  const compiled = compileInspection(data.config);
  if ("problems" in compiled) throw new Error(JSON.stringify(compiled.problems));
  const { plan } = compiled;
  self.postMessage(data.payloads.map((payload) => inspect(plan, "payload", payload, "a/b")));
};
