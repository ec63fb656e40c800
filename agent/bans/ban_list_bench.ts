/** `find()` once per CONNECT, and with the next frame of each session when the generation changed. */
import { BanList } from "./ban_list.ts";
import { client, newBan, NOW_MS } from "./bans_fixture.ts";

function listOf(fill: (bans: BanList) => void): BanList {
  const bans = new BanList({ setTimer: () => () => {}, tell: () => {} });
  fill(bans);
  return bans;
}

const EMPTY = listOf(() => {});
const EXACT = listOf((bans) => {
  for (let i = 0; i < 10_000; i++) bans.add(newBan(i % 2 ? "client-id" : "username", `name-${i}`), NOW_MS);
});
const RANGES = listOf((bans) => {
  for (let i = 0; i < 10_000; i++) bans.add(newBan("client-ip", `10.${i >> 8}.${i & 255}.0/24`), NOW_MS);
});
const EVERY_LENGTH = listOf((bans) => {
  for (let bits = 1; bits <= 128; bits++) bans.add(newBan("client-ip", `8000::/${bits}`), NOW_MS);
  bans.add(newBan("client-ip", "::/128"), NOW_MS);
});
const PATTERNS = listOf((bans) => {
  for (let i = 0; i < 64; i++) bans.add(newBan("client-id-regex", `(bot|probe)-${i}[a-f]+`), NOW_MS);
});
const WHO = client("sensor-0042", "fleet-7", "203.0.113.5");
const WHO_6 = client("sensor-0042", "fleet-7", "4000::1");
const LONG = client("bot-".repeat(255), "fleet-7", "203.0.113.5");

Deno.bench("nobody is banned", () => {
  EMPTY.find(WHO, NOW_MS);
});
Deno.bench("10,000 client ids and user names", () => {
  EXACT.find(WHO, NOW_MS);
});
Deno.bench("10,000 ranges of one length", () => {
  RANGES.find(WHO, NOW_MS);
});
Deno.bench("IPv6 ranges of all 128 lengths", () => {
  EVERY_LENGTH.find(WHO_6, NOW_MS);
});
Deno.bench("64 patterns, a client id of 11 characters", () => {
  PATTERNS.find(WHO, NOW_MS);
});
Deno.bench("64 patterns, a client id of 1020 characters", () => {
  PATTERNS.find(LONG, NOW_MS);
});
