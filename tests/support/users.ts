import { Lockout } from "../../agent/auth/lockout.ts";
import { LoginDesk } from "../../agent/auth/login_desk.ts";
import type { Answer, Credentials, Identity, Provider, Work } from "../../agent/auth/provider.ts";

export function identity(username: string | null, more: Partial<Identity> = {}): Identity {
  return {
    username,
    groups: [],
    attributes: null,
    clientIds: null,
    clientIdClaim: null,
    acl: null,
    expiresAtMs: Infinity,
    provider: "test",
    ...more,
  };
}

/** Knows users by a list; a user whose password is `slow` takes time. */
export class Users implements Provider {
  readonly name = "test";
  readonly onError = "deny";
  readonly headers: readonly string[] = ["client-cert"];
  generation = 0;
  asked: Credentials[] = [];
  readonly people = new Map<string, Identity>();
  answers: ((answer: Answer) => void)[] = [];

  constructor(...people: Identity[]) {
    for (const person of people) this.people.set(person.username ?? "", person);
  }

  check(credentials: Credentials): Answer | Work {
    this.asked.push({ ...credentials, password: credentials.password?.slice() ?? null });
    const { username, password } = credentials;
    const text = new TextDecoder().decode(password ?? new Uint8Array());
    const person = this.people.get(username ?? "");
    if (username === null || person === undefined) return { kind: "ignore", why: "unknown" };
    if (text === "slow") {
      return {
        kind: "work",
        expectedMs: 20,
        run: () => new Promise((resolve) => this.answers.push(resolve)),
      };
    }
    if (text !== "right") return { kind: "deny", code: "wrong-password", why: "the password is wrong" };
    return { kind: "allow", identity: person };
  }
  stillHolds(who: Identity): boolean {
    return [...this.people.values()].includes(who);
  }
  close(): void {}
}

export function deskOf(wallMs: () => number, ...given: (Users | { allowAnonymous?: boolean })[]): LoginDesk {
  const providers = given.filter((one) => one instanceof Users);
  const allowAnonymous = given.some((one) => !(one instanceof Users) && one.allowAnonymous === true);
  return new LoginDesk({
    providers,
    allowAnonymous,
    lockout: new Lockout({ enabled: true, failures: 10, windowMs: 300_000, banMs: 300_000 }),
    keyOf: ({ clientId, username, password, address }) => JSON.stringify([clientId, username, `${password}`, address]),
    hashMs: () => 0,
    setTimer: () => () => {},
    wallMs,
  });
}
