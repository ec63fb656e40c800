import { hashBcrypt } from "./bcrypt.ts";
import { BcryptPool } from "./bcrypt_pool.ts";
import { createFileProvider } from "./file_provider.ts";
import { generateSecret, hashOfGenerated } from "./password_hash.ts";
import type { Credentials } from "./provider.ts";
import { Threads } from "./threads.ts";

const secret = generateSecret();
const password = new TextEncoder().encode("right");
const path = await Deno.makeTempFile({ suffix: ".json" });
const users = {
  fast: { password_hash: hashOfGenerated(secret) },
  slow: { password_hash: await hashBcrypt(password, 4) },
};
await Deno.writeTextFile(path, JSON.stringify({ users }));
const threads = new Threads();
const pool = new BcryptPool(threads);
const result = await createFileProvider(
  { path, hotReload: false, name: null, onError: "deny", minBcryptCost: 4, maxBcryptCost: 14 },
  { pool, threads, wallMs: Date.now, watch: () => ({ close: () => {} }), tell: () => {} },
);
if ("problems" in result) throw new Error(result.problems.map(({ message }) => message).join("\n"));
const { provider } = result;

function shows(username: string, password: Uint8Array): Credentials {
  return { clientId: "c", username, password, address: "10.0.0.1", level: 4, headers: new Map() };
}

const work = provider.check(shows("slow", password), 0);
if (work.kind === "work") await work.run();
pool.close();
await threads.close();
await Deno.remove(path);

const device = shows("fast", secret);
const proved = shows("slow", password);
const wrong = shows("slow", secret);
const unknown = shows("nobody", secret);

Deno.bench("a device with a generated secret", () => void provider.check(device, 0));
Deno.bench("a bcrypt user who was proved before", () => void provider.check(proved, 0));
Deno.bench("a wrong password of a user who was proved before", () => void provider.check(wrong, 0));
Deno.bench("an unknown user", () => void provider.check(unknown, 0));
