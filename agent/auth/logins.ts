import { createHmac, randomBytes } from "node:crypto";
import type { AuthConfig, ProviderConfig } from "../config/schema/auth.ts";
import type { BcryptPool } from "./bcrypt_pool.ts";
import { createCertificateProvider } from "./certificate_provider.ts";
import { createFileProvider, FileProvider } from "./file_provider.ts";
import { createHttpProvider } from "./http_provider.ts";
import { createJwtProvider } from "./jwt_provider.ts";
import { Lockout, type LockoutOptions } from "./lockout.ts";
import { LoginDesk } from "./login_desk.ts";
import type { Credentials, Provider } from "./provider.ts";
import type { Surroundings } from "./surroundings.ts";
import type { Threads } from "./threads.ts";

/** What makes logins needs of the process; all of it outlives any configuration. */
export interface LoginMakerNeeds {
  readonly pool: BcryptPool;
  readonly threads: Threads;
  readonly surroundings: Surroundings;
  /** Milliseconds since the epoch. */
  readonly wallMs: () => number;
}

/** The `auth` section of one configuration at work. */
export interface Logins {
  readonly desk: LoginDesk;
  /** What the section said: a reload that says the same keeps the desk and all that waits at it. */
  readonly key: string;
  /** By what each of them was configured with. */
  readonly providers: ReadonlyMap<string, Provider>;
}

export type LoginsResult = { readonly logins: Logins | null } | { readonly problems: readonly string[] };

const SAME_TURN = Promise.resolve();

/**
 * Makes a configuration's providers and the desk before them. What did not change is taken over, so a reload costs no
 * device a second slow hash and forgets no failure.
 */
export class LoginMaker {
  readonly #needs: LoginMakerNeeds;
  readonly #lockout = new Lockout({ enabled: false, failures: 1, windowMs: 1, banMs: 1 });
  /** Per process: what it names can be found in no dump of another one. */
  readonly #key = randomBytes(32);
  /** Nothing was made yet, so nobody is served: nobody waits. */
  #isStart = true;

  constructor(needs: LoginMakerNeeds) {
    this.#needs = needs;
  }

  /** Logins for `auth`, null where it is off, or all that keeps its providers from working. */
  async make(auth: AuthConfig, previous: Logins | null): Promise<LoginsResult> {
    const isStart = this.#isStart;
    this.#isStart = false;
    if (!auth.enabled) return { logins: null };
    const key = JSON.stringify(auth);
    if (previous !== null && previous.key === key) return { logins: previous };
    const providers = new Map<string, Provider>();
    const problems: string[] = [];
    for (const config of auth.providers) {
      const providerKey = JSON.stringify([config, auth["min-bcrypt-cost"], auth["max-bcrypt-cost"]]);
      if (providers.has(providerKey)) continue;
      const kept = previous?.providers.get(providerKey);
      const made = kept === undefined ? await this.#provider(config, auth, previous, isStart) : { provider: kept };
      if ("provider" in made) providers.set(providerKey, made.provider);
      else problems.push(...made.problems);
    }
    if (problems.length > 0) {
      for (const [providerKey, provider] of providers) {
        if (previous?.providers.get(providerKey) !== provider) provider.close();
      }
      return { problems };
    }
    const all = [...providers.values()];
    const desk = new LoginDesk({
      providers: all,
      allowAnonymous: auth["allow-anonymous"],
      lockout: this.#lockout,
      keyOf: (credentials) => this.#nameOf(credentials),
      hashMs: (credentials) => all.reduce((ms, provider) => Math.max(ms, provider.hashMs?.(credentials) ?? 0), 0),
      setTimer: this.#needs.surroundings.setTimer,
      wallMs: this.#needs.wallMs,
      cacheMs: auth["cache-secs"] * 1000,
    });
    return { logins: { desk, key, providers } };
  }

  /** Called when `now` has come into force in the place of `before`: what is not used any more ends. */
  changed(before: Logins | null, now: Logins | null, auth: AuthConfig): void {
    this.#lockout.configure(lockoutOptions(auth));
    if (before !== now) this.discard(before, now);
  }

  /** Ends what was made and will not come into force, but for what `inForce` uses. */
  discard(made: Logins | null, inForce: Logins | null): void {
    const inUse = new Set(inForce?.providers.values());
    for (const provider of made?.providers.values() ?? []) if (!inUse.has(provider)) provider.close();
  }

  async #provider(
    config: ProviderConfig,
    auth: AuthConfig,
    previous: Logins | null,
    isStart: boolean,
  ): Promise<{ readonly provider: Provider } | { readonly problems: readonly string[] }> {
    const { pool, threads, surroundings, wallMs } = this.#needs;
    switch (config.type) {
      case "file": {
        // At start, before anything is served: making it later would hold up the frame path (Threads).
        threads.warm();
        const made = await createFileProvider({
          path: config.path,
          hotReload: config["hot-reload"],
          name: config.name ?? null,
          onError: config["on-error"],
          minBcryptCost: auth["min-bcrypt-cost"],
          maxBcryptCost: auth["max-bcrypt-cost"],
        }, {
          pool,
          threads,
          wallMs,
          watch: surroundings.watch,
          tell: surroundings.tell,
          isLow: ({ username, clientId }) => this.#lockout.isLow(username ?? clientId, wallMs()),
          ...(isStart ? { yieldTurn: () => SAME_TURN } : {}),
          previous: fileProviderOf(previous, config.path),
        });
        return "provider" in made ? made : { problems: made.problems.map(({ message }) => message) };
      }
      case "jwt":
        return createJwtProvider(config, surroundings);
      case "http":
        return createHttpProvider(config, surroundings);
      case "certificate":
        return createCertificateProvider(config, surroundings);
      default:
        return config satisfies never;
    }
  }

  /** Names credentials without keeping them: a keyed hash over all that a provider may look at. */
  #nameOf({ clientId, username, password, address, level, headers }: Credentials): string {
    const hmac = createHmac("sha256", this.#key);
    const part = (value: string | Uint8Array | null) => {
      if (value === null) return hmac.update("-");
      return hmac.update(`${value.length}:`).update(value);
    };
    part(clientId);
    part(username);
    part(password);
    part(address);
    hmac.update(`${level}`);
    for (const [name, values] of headers) {
      part(name);
      for (const value of values) part(value);
      hmac.update(";");
    }
    return hmac.digest("base64url");
  }
}

function fileProviderOf(previous: Logins | null, path: string): FileProvider | null {
  for (const provider of previous?.providers.values() ?? []) {
    if (provider instanceof FileProvider && provider.path === path) return provider;
  }
  return null;
}

function lockoutOptions({ enabled, lockout }: AuthConfig): LockoutOptions {
  return {
    enabled: enabled && lockout.enabled,
    failures: lockout.failures,
    windowMs: lockout["window-secs"] * 1000,
    banMs: lockout["ban-secs"] * 1000,
  };
}
