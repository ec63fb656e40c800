import { quote } from "./quote.ts";
import type { Fault, Path } from "./problem.ts";
import type { Config } from "./schema/config.ts";
import type { LimitConfig } from "./schema/limits.ts";
import type { Steps } from "./steps.ts";

/** What keys must keep among themselves, whichever layers they come from. */
const CHECKS = [checkClientIdLengths, checkBcryptCosts, checkTls, checkAutoBan, checkLimits] as const;

/** Names that are compared in one step: 0.2 ms. */
const STEP_NAMES = 1024;

export function* crossCheckSteps(config: Config): Steps<Fault[]> {
  const faults = CHECKS.flatMap((check) => check(config));
  return [...faults, ...yield* checkRuleNames(config)];
}

function checkClientIdLengths({ auth }: Config): Fault[] {
  return checkOrder(auth, "auth", "min-client-id-length", "max-client-id-length");
}

function checkBcryptCosts({ auth }: Config): Fault[] {
  return checkOrder(auth, "auth", "min-bcrypt-cost", "max-bcrypt-cost");
}

function checkOrder<L extends string, H extends string>(
  section: Readonly<Record<L | H, number>>,
  name: string,
  low: L,
  high: H,
): Fault[] {
  if (section[low] <= section[high]) return [];
  const message = `${section[low]} is above ${quote(high)}, which is ${section[high]}`;
  return [{ path: [name, low], message }];
}

function* checkRuleNames({ acl }: Config): Steps<Fault[]> {
  const seen = new Set<string>();
  const faults: Fault[] = [];
  for (let index = 0; index < acl.rules.length; index++) {
    if (index % STEP_NAMES === 0) yield;
    const name = acl.rules[index]?.name ?? "";
    if (seen.has(name)) {
      faults.push({ path: ["acl", "rules", index, "name"], message: `another rule is named ${quote(name)} too` });
    }
    seen.add(name);
  }
  return faults;
}

function checkTls({ agent, admin }: Config): Fault[] {
  return [
    ...checkPair(agent["grpc-tls"], ["agent", "grpc-tls"]),
    ...checkPair(admin.tls, ["admin", "tls"]),
  ];
}

function checkPair(tls: { "cert-file"?: string; "key-file"?: string } | undefined, path: readonly string[]): Fault[] {
  if (tls === undefined) return [];
  const missing = (["cert-file", "key-file"] as const).filter((key) => tls[key] === undefined);
  return missing.map((key) => ({ path, message: `${quote(key)} is missing` }));
}

const AUTO_BAN_KEYS = ["refusals", "window-secs", "ban-secs", "by"] as const;

function checkAutoBan(config: Config): Fault[] {
  const autoBan = config["auto-ban"];
  if (autoBan === undefined) return [];
  const missing = AUTO_BAN_KEYS.filter((key) => autoBan[key] === undefined);
  return missing.map((key) => ({ path: ["auto-ban"], message: `${quote(key)} is missing` }));
}

const LIMITS = ["global", "per-client", "connect", "subscribe", "control", "auth-failures"] as const;

/** A limit that limits nothing looks like one that does. */
function checkLimits({ "rate-limit": rate }: Config): Fault[] {
  return [
    ...LIMITS.flatMap((key) => checkLimit(rate[key], ["rate-limit", key])),
    ...rate["per-topic"].flatMap(({ limit }, index) => checkLimit(limit, ["rate-limit", "per-topic", index, "limit"])),
  ];
}

function checkLimit(limit: LimitConfig | undefined, path: Path): Fault[] {
  if (limit === undefined) return [];
  const { "messages-per-second": messages, "bytes-per-second": bytes, "burst-bytes": burstBytes, quota } = limit;
  if (burstBytes !== undefined && bytes === 0) {
    return [{
      path: [...path, "burst-bytes"],
      message: `needs "bytes-per-second", which says how fast they come back`,
    }];
  }
  if (messages !== undefined || bytes !== 0 || quota.length > 0) return [];
  return [{ path, message: `limits nothing: give "messages-per-second", "bytes-per-second" or "quota"` }];
}
