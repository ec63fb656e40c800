/** How long a CONNECT with a token takes: verified for the first time, and seen before. */
import { createJwtProvider, type JwtConfig } from "./jwt_provider.ts";
import { readToken } from "./jwt.ts";
import { type KeyPair, makeToken, NOW_MS, NOW_SECS, SECRET } from "../../tests/support/tokens.ts";
import { connectWith, ED25519, P256, P384, pem, RSA } from "../../tests/support/tokens.ts";
import { TestSurroundings } from "../../tests/support/test_surroundings.ts";

const CLAIMS = { iss: "https://auth.example.com", aud: "mqtt", groups: ["sensors", "zone-a"], site: "eu-1" };
/** More than the table keeps, so that none is seen twice before it has left. */
const TOKENS = 21_000;

function provide(source: Partial<JwtConfig>) {
  const result = createJwtProvider({
    type: "jwt",
    issuer: CLAIMS.iss,
    audience: [CLAIMS.aud],
    "username-claim": "sub",
    "groups-claim": "groups",
    "clock-skew-secs": 30,
    from: "password",
    "on-error": "deny",
    ...source,
  }, new TestSurroundings());
  if ("problems" in result) throw new Error(result.problems.join("\n"));
  return result.provider;
}

function fromFile(pair: KeyPair): Partial<JwtConfig> {
  const path = Deno.makeTempFileSync();
  Deno.writeTextFileSync(path, pem(pair));
  return { "public-key-file": path };
}

const ROWS = [
  ["HS256", { secret: SECRET }, SECRET],
  ["RS256", fromFile(RSA), RSA.privateKey],
  ["ES256", fromFile(P256), P256.privateKey],
  ["EdDSA", fromFile(ED25519), ED25519.privateKey],
] as const;

for (const [alg, source, key] of ROWS) {
  const provider = provide(source);
  const count = alg === "HS256" ? TOKENS : 300;
  const connects = Array.from({ length: count }, (_, index) => {
    const claims = { ...CLAIMS, sub: `device-${index}`, exp: NOW_SECS + 3600 };
    return connectWith({ password: makeToken({ claims, key, alg }) });
  });
  let next = 0;
  // Where there are fewer tokens than the table keeps, a provider made anew forgets them.
  let fresh = provider;
  Deno.bench(`${alg}, first time`, { group: "first" }, () => {
    if (next === count) {
      next = 0;
      if (count < TOKENS) fresh = provide(source);
    }
    const answer = fresh.check(connects[next++] as typeof connects[number], NOW_MS);
    if (answer.kind !== "allow") throw new Error(answer.kind);
  });
  if (alg === "HS256") {
    const [known] = connects as [typeof connects[number]];
    Deno.bench("seen before", { group: "first" }, () => {
      if (provider.check(known, NOW_MS).kind !== "allow") throw new Error("not allowed");
    });
  }
}

const slow = provide(fromFile(P384));
const slowConnect = connectWith({
  password: makeToken({ claims: { ...CLAIMS, sub: "a", exp: NOW_SECS + 3600 }, key: P384.privateKey, alg: "ES384" }),
});
Deno.bench("ES384, put off as work", { group: "refused" }, () => {
  if (slow.check(slowConnect, NOW_MS).kind !== "work") throw new Error("no work");
});
const plain = provide({ secret: SECRET });
const password = connectWith({ password: "correct.horse.battery.staple" });
Deno.bench("a password, ignored", { group: "refused" }, () => {
  if (plain.check(password, NOW_MS).kind !== "ignore") throw new Error("not ignored");
});
const ALGORITHMS = new Set(["RS256"]);
const none = makeToken({ header: { alg: "none" } });
Deno.bench("alg none, refused", { group: "refused" }, () => {
  if (readToken(none, ALGORITHMS).kind !== "deny") throw new Error("not denied");
});
