import { BcryptPool } from "../../agent/auth/bcrypt_pool.ts";
import { LoginMaker } from "../../agent/auth/logins.ts";
import { realSurroundings } from "../../agent/auth/surroundings.ts";
import { Threads } from "../../agent/auth/threads.ts";

/** What makes the logins of a test's agent, with threads that are started when a password needs one. */
export interface TestLogins {
  readonly maker: LoginMaker;
  /** Ends the threads. */
  close(): Promise<void>;
}

/** Providers in the world as it is; `wallMs` is their clock. */
export function startLogins(wallMs: () => number = Date.now): TestLogins {
  const threads = new Threads();
  const pool = new BcryptPool(threads);
  const maker = new LoginMaker({ pool, threads, surroundings: realSurroundings(() => {}), wallMs });
  return {
    maker,
    close: async () => {
      pool.close();
      await threads.close();
    },
  };
}

/** The same for configurations in which nobody has to prove anything, so that nothing has to be closed. */
export function testLogins(): LoginMaker {
  return startLogins().maker;
}
