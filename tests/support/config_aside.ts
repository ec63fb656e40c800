import { compileAside } from "../../agent/config_compiler.ts";
import type { PolicyStoreOptions } from "../../agent/policy_store.ts";

/** Options by which every change is compiled as by another thread, in this one: what comes of it is handed over as a copy. */
export function compiledAside(env: PolicyStoreOptions["env"]): Pick<PolicyStoreOptions, "thread" | "largeBytes"> {
  return {
    largeBytes: 0,
    thread: {
      isReady: true,
      compile: async (order) => structuredClone(await compileAside(structuredClone(order), env)),
    },
  };
}
