import { hashBcrypt, verifyBcrypt } from "./bcrypt.ts";
import type { BcryptOrder, BcryptReport } from "./bcrypt_pool.ts";
import { whenStarted } from "./threads.ts";

/** Enough to measure by, and little to wait for: 8 ms. */
const MEASURED_COST = 7;
/** The first run compiles, and says nothing of those to come. */
const FIRST_COST = 4;

whenStarted(async (port) => {
  const report = (message: BcryptReport): void => port.postMessage(message);
  port.onmessage = async ({ data: order }: MessageEvent<BcryptOrder>) => {
    const startedMs = performance.now();
    try {
      const matches = await verifyBcrypt(order.password, order.hash);
      report({ kind: "done", matches, tookMs: performance.now() - startedMs });
    } catch (error) {
      report({ kind: "failed", why: error instanceof Error ? error.message : String(error) });
    } finally {
      order.password.fill(0);
    }
  };
  const password = new TextEncoder().encode("measure");
  await hashBcrypt(password, FIRST_COST);
  const startedMs = performance.now();
  await hashBcrypt(password, MEASURED_COST);
  report({ kind: "ready", cost: MEASURED_COST, tookMs: performance.now() - startedMs });
});
