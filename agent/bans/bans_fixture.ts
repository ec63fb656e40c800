/** For tests of this folder. */
import { TestSurroundings } from "../../tests/support/test_surroundings.ts";
import { parseAddress } from "../policy/address.ts";
import type { RefusedClient } from "./auto_ban.ts";
import type { Ban, BanKind, Claimant } from "./ban.ts";
import { BanList, type NewBan } from "./ban_list.ts";

export const NOW_MS = Date.UTC(2027, 0, 31, 12);

export function client(clientId: string, username: string | null = null, address = "192.0.2.1:40000"): Claimant {
  return { clientId, username, address: parseAddress(address) };
}

export function refusedClient(
  clientId: string,
  { username = null, address = "192.0.2.1", established = true }: {
    username?: string | null;
    address?: string;
    established?: boolean;
  } = {},
): RefusedClient {
  return { ...client(clientId, username, address), established };
}

export function newBan(by: BanKind, value: string, more: Partial<NewBan> = {}): NewBan {
  return { by, value, reason: "", setBy: "ann", untilMs: Infinity, ...more };
}

export function banList(maxBans = 10_000): { bans: BanList; world: TestSurroundings } {
  const world = new TestSurroundings();
  return { bans: new BanList({ setTimer: world.setTimer, tell: world.tell, maxBans }), world };
}

/** Adds a ban that must be possible. */
export function mustAdd(bans: BanList, ban: NewBan, wallMs = NOW_MS): Ban {
  const added = bans.add(ban, wallMs);
  if ("problem" in added) throw new Error(added.problem);
  return added.ban;
}

/** A generator of numbers below its argument, the same with each run. */
export function randomFrom(seed: number): (below: number) => number {
  let state = seed;
  return (below) => (state = (state * 48_271) % 2_147_483_647) % below;
}
