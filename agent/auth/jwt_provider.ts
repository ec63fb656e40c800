import { Buffer } from "node:buffer";
import { allow, deny, failure, ignore } from "./answers.ts";
import type { ProviderConfig } from "../config/schema/auth.ts";
import { keysAddressFault, RemoteKeys } from "./jwks.ts";
import { type Algorithm, ALGORITHMS, readToken, signatureHolds, type Token } from "./jwt.ts";
import { type ClaimRules, type Claims, endsAtMs, partiesFault, readClaims, timeFault } from "./jwt_claims.ts";
import { KeyRing, readKeySet, type VerificationKey } from "./jwt_keys.ts";
import { LocalKeys } from "./local_keys.ts";
import { ProofCache } from "./proof_cache.ts";
import type { Answer, Credentials, Identity, Provider, Work } from "./provider.ts";
import type { Surroundings } from "./surroundings.ts";
import { WorkQueue } from "./work_queue.ts";

export type JwtConfig = Extract<ProviderConfig, { type: "jwt" }>;

export type JwtProviderResult = { readonly provider: JwtProvider } | { readonly problems: readonly string[] };

const NO_TEXT = ignore("the CONNECT has nothing where a token would be");
const SIGNATURE = deny("token-invalid", "the token's signature is not one of the key that it is to be verified by");
const UNKNOWN_KEY = deny("token-invalid", 'no key has the token\'s "kid"');
const NO_KEY = deny("token-invalid", "no key goes with the token's algorithm");
const AMBIGUOUS = deny("token-invalid", 'several keys go with the token, and its "kid" does not say which');
const NO_KEYS_YET = failure("the keys of the issuer could not be fetched yet");
const NO_REFRESH = failure('no key has the token\'s "kid", and the keys of the issuer could not be fetched again');
const BUSY = failure("too many tokens wait for being verified");

const SECRET_ALGORITHMS: ReadonlySet<Algorithm> = new Set(["HS256", "HS384", "HS512"]);
/** A fleet of 10,000 comes back without verifying anything. 30 MB at 500 characters each, 100 at the longest kept. */
const CACHE = { maxProofs: 20_000, maxChars: 4096 };
/** At 1 to 5 ms each, more would only come back to devices that have given up. */
const MAX_SLOW_WAITING = 256;
const FIRST_SLOW_GUESS_MS = 2;

/** What a genuine token came to: a refusal that no time changes, or somebody. */
type Finding =
  | { readonly refusal: Answer }
  | { readonly claims: Claims; readonly identity: Identity };

/** By what an identity was proved, for as long as somebody holds it, over reloads of the whole configuration too. */
interface Proof {
  readonly keyId: string;
  readonly algorithm: Algorithm;
  readonly issuer: string | null;
  readonly audience: readonly string[];
}

const proofs = new WeakMap<Identity, Proof>();

/**
 * Makes a provider that knows clients by JSON Web Tokens, or says all that is wrong with its configuration: keys that are
 * missing, unreadable, too short or not for the algorithms, and keys over plain HTTP from elsewhere than this machine.
 *
 * A JWK Set behind an address is fetched in the background; until it is there, tokens for it wait or are an error.
 */
export function createJwtProvider(config: JwtConfig, surroundings: Surroundings): JwtProviderResult {
  const name = `jwt (${config.name ?? config.issuer ?? "any issuer"})`;
  const allowed = allowedAlgorithms(config);
  const problems: string[] = [];
  const local = new LocalKeys(config, allowed);
  for (const fault of local.load()) problems.push(`Cannot use the provider "${name}": ${fault}`);
  const jwksUrl = config["jwks-url"] === undefined ? null : URL.parse(config["jwks-url"]);
  if (config["jwks-url"] !== undefined) {
    const fault = jwksUrl === null ? "it is no address" : keysAddressFault(jwksUrl);
    if (fault !== null) problems.push(`Cannot use the provider "${name}": jwks-url: ${fault}`);
  }
  if (jwksUrl !== null && ![...allowed].some((algorithm) => !SECRET_ALGORITHMS.has(algorithm))) {
    problems.push(`Cannot use the provider "${name}": none of the configured algorithms is one for public keys`);
  }
  if (problems.length > 0) return { problems };
  return { provider: new JwtProvider({ name, config, allowed, local, jwksUrl, surroundings }) };
}

/** A secret alone means HS256, a public key all that its type serves (design: settled questions). */
function allowedAlgorithms(config: JwtConfig): ReadonlySet<Algorithm> {
  if (config.algorithms !== undefined) return new Set(config.algorithms);
  const publicKeys = [config["jwks-url"], config["jwks-file"], config["public-key-file"]];
  const algorithms = new Set<Algorithm>(config.secret === undefined ? [] : ["HS256"]);
  if (publicKeys.some((source) => source !== undefined)) {
    for (const algorithm of ALGORITHMS) if (!SECRET_ALGORITHMS.has(algorithm)) algorithms.add(algorithm);
  }
  return algorithms;
}

interface Parts {
  readonly name: string;
  readonly config: JwtConfig;
  readonly allowed: ReadonlySet<Algorithm>;
  readonly local: LocalKeys;
  readonly jwksUrl: URL | null;
  readonly surroundings: Surroundings;
}

/**
 * Knows clients by JSON Web Tokens (RFC 7519), and nothing of them but what the token says: a user name in the CONNECT is
 * for the caller to compare. `nowMs` is milliseconds since the epoch.
 *
 * A token seen before costs a hash and a look-up; a new one a verification (HS256 10 µs, Ed25519 and RS256 about 0.1 ms,
 * ES256 0.5 ms); keys that take longer than a millisecond are work, done one at a time between frames.
 */
export class JwtProvider implements Provider {
  readonly name: string;
  readonly onError: "deny" | "ignore";
  readonly headers: readonly string[] = [];
  /** The CONNECT's user name is the token itself: it names nobody, and belongs into no log. */
  readonly usernameIsToken: boolean;
  readonly #rules: ClaimRules;
  readonly #allowed: ReadonlySet<Algorithm>;
  readonly #local: LocalKeys;
  readonly #surroundings: Surroundings;
  readonly #verified = new ProofCache<Finding>(CACHE);
  readonly #slow: WorkQueue;
  readonly #watch: { close(): unknown } | null;
  #remote: RemoteKeys | null = null;
  #remoteKeys: readonly VerificationKey[] = [];
  #ring: KeyRing;
  #generation = 0;

  constructor({ name, config, allowed, local, jwksUrl, surroundings }: Parts) {
    this.name = name;
    this.onError = config["on-error"];
    this.usernameIsToken = config.from === "username";
    this.#rules = {
      issuer: config.issuer ?? null,
      audience: config.audience ?? [],
      usernameClaim: config["username-claim"],
      groupsClaim: config["groups-claim"],
      clientIdClaim: config["client-id-claim"] ?? null,
      aclClaim: config["acl-claim"] ?? null,
      skewMs: config["clock-skew-secs"] * 1000,
      maxAgeMs: (config["max-age-secs"] ?? Infinity) * 1000,
    };
    this.#allowed = allowed;
    this.#local = local;
    this.#surroundings = surroundings;
    const { monotonicMs } = surroundings;
    this.#slow = new WorkQueue({
      concurrency: 1,
      maxWaiting: MAX_SLOW_WAITING,
      firstGuessMs: FIRST_SLOW_GUESS_MS,
      monotonicMs,
    });
    this.#ring = new KeyRing(local.keys);
    if (local.skipped !== "") {
      surroundings.tell("info", "Some keys in a file are not used", { provider: name, reasons: local.skipped });
    }
    this.#watch = local.files.length === 0 ? null : surroundings.watch(local.files, () => this.#readFiles());
    if (jwksUrl !== null) {
      this.#remote = new RemoteKeys(jwksUrl, {
        surroundings,
        read: (text) => readKeySet(text, allowed),
        onKeys: (keys) => {
          this.#remoteKeys = keys;
          this.#useKeys();
        },
      });
    }
  }

  get generation(): number {
    return this.#generation;
  }

  check(credentials: Credentials, nowMs: number): Answer | Work {
    const text = this.usernameIsToken ? credentials.username : textOf(credentials.password);
    if (text === null || text === "") return NO_TEXT;
    // The first letter of every JSON object in base64url, but for those that begin with white space.
    const place = text.startsWith("e") ? this.#verified.keyOf(text) : null;
    const before = place === null ? undefined : this.#verified.get(place);
    if (before !== undefined) return this.#answer(before, nowMs);
    const reading = readToken(text, this.#allowed);
    if (reading.kind !== "token") return reading;
    return this.#judge(reading.token, place, nowMs);
  }

  stillHolds(identity: Identity, nowMs: number): boolean {
    const proof = proofs.get(identity);
    if (proof === undefined || nowMs >= identity.expiresAtMs) return false;
    if (partiesFault(proof.issuer, proof.audience, this.#rules) !== null) return false;
    // Made anew by a reload, it does not know the issuer's keys yet; the generation rises when it does.
    return this.#ring.has(proof.keyId, proof.algorithm) || (this.#remote !== null && !this.#remote.loaded);
  }

  close(): void {
    this.#watch?.close();
    this.#remote?.close();
    this.#verified.clear();
  }

  #judge(token: Token, place: string | null, nowMs: number): Answer | Work {
    const choice = this.#ring.choose(token.algorithm, token.keyId);
    if (choice.kind === "key") {
      if (choice.key.slow) return this.#slowWork(token, choice.key, place, nowMs);
      return this.#answer(this.#verify(token, choice.key, place), nowMs);
    }
    const remote = this.#remote;
    if (remote !== null && !remote.loaded) {
      return remote.due ? this.#keyWork(remote, token, place, nowMs) : NO_KEYS_YET;
    }
    switch (choice.kind) {
      case "unknown-key-id":
        return remote !== null && remote.due ? this.#keyWork(remote, token, place, nowMs) : UNKNOWN_KEY;
      case "no-key":
        return NO_KEY;
      case "ambiguous":
        return AMBIGUOUS;
      default:
        return choice satisfies never;
    }
  }

  /** Waits for the issuer's keys, and judges with what came. */
  #keyWork(remote: RemoteKeys, token: Token, place: string | null, nowMs: number): Work {
    const { monotonicMs } = this.#surroundings;
    const startedMs = monotonicMs();
    const run = async (): Promise<Answer> => {
      const came = await remote.wait();
      const choice = this.#ring.choose(token.algorithm, token.keyId);
      const laterMs = nowMs + monotonicMs() - startedMs;
      if (choice.kind === "key") {
        if (choice.key.slow) return await this.#slowWork(token, choice.key, place, laterMs).run();
        return this.#answer(this.#verify(token, choice.key, place), laterMs);
      }
      if (!remote.loaded) return NO_KEYS_YET;
      if (!came) return NO_REFRESH;
      return choice.kind === "unknown-key-id" ? UNKNOWN_KEY : choice.kind === "ambiguous" ? AMBIGUOUS : NO_KEY;
    };
    return { kind: "work", expectedMs: remote.expectedMs, run };
  }

  /** Each in a turn of its own, so that frames are judged in between. WebCrypto would not help: it verifies in the call. */
  #slowWork(token: Token, key: VerificationKey, place: string | null, nowMs: number): Work {
    const { monotonicMs, setTimer } = this.#surroundings;
    const startedMs = monotonicMs();
    const run = async (): Promise<Answer> => {
      const answer = await this.#slow.run(async () => {
        await new Promise<void>((resolve) => setTimer(resolve, 0));
        // While it waited its key may have gone.
        if (!this.#ring.has(key.id, token.algorithm)) return UNKNOWN_KEY;
        return this.#answer(this.#verify(token, key, place), nowMs + monotonicMs() - startedMs);
      });
      return answer ?? BUSY;
    };
    return { kind: "work", expectedMs: this.#slow.expectedMs, run };
  }

  #verify(token: Token, key: VerificationKey, place: string | null): Finding {
    if (!signatureHolds(token, key.material)) return { refusal: SIGNATURE };
    const finding = this.#find(token, key);
    if (place !== null) this.#verified.set(place, finding);
    return finding;
  }

  #find(token: Token, key: VerificationKey): Finding {
    const reading = readClaims(token.payload, this.#rules);
    if (!("claims" in reading)) return { refusal: reading };
    const { claims } = reading;
    const identity: Identity = Object.freeze({
      username: claims.username,
      groups: claims.groups,
      attributes: claims.attributes,
      clientIds: null,
      clientIdClaim: claims.clientId,
      acl: claims.acl,
      expiresAtMs: endsAtMs(claims, this.#rules),
      provider: "jwt",
    });
    const { issuer, audience } = claims;
    proofs.set(identity, { keyId: key.id, algorithm: token.algorithm, issuer, audience });
    return { claims, identity };
  }

  #answer(finding: Finding, nowMs: number): Answer {
    if ("refusal" in finding) return finding.refusal;
    return timeFault(finding.claims, this.#rules, nowMs) ?? allow(finding.identity);
  }

  #readFiles(): void {
    for (const fault of this.#local.load()) {
      this.#surroundings.tell("warn", "Cannot load keys again: those loaded before stay in force", {
        provider: this.name,
        fault,
      });
    }
    this.#useKeys();
  }

  /** One swap; what was found with other keys is forgotten. */
  #useKeys(): void {
    const ring = new KeyRing([...this.#local.keys, ...this.#remoteKeys]);
    if (ring.text === this.#ring.text) return;
    this.#ring = ring;
    this.#verified.clear();
    this.#generation++;
    this.#surroundings.tell("info", "The keys that tokens are verified by have changed", {
      provider: this.name,
      keys: ring.size,
    });
  }
}

/** Bytes as Latin-1: a token is ASCII, and what else stands in there is seen as such and refused. */
function textOf(password: Uint8Array | null): string | null {
  if (password === null) return null;
  return Buffer.from(password.buffer, password.byteOffset, password.byteLength).toString("latin1");
}
