import assert from "node:assert/strict";
import { Lockout } from "./lockout.ts";
import { LoginDesk, type LoginDeskOptions, type LoginVerdict, type PendingLogin } from "./login_desk.ts";
import type { Answer, Credentials, Identity, Provider, Work } from "./provider.ts";

function identity(username: string, expiresAtMs = Infinity): Identity {
  return {
    username,
    groups: [],
    attributes: null,
    clientIds: null,
    clientIdClaim: null,
    acl: null,
    expiresAtMs,
    provider: "test",
  };
}

/** A provider that answers as it is told. */
class Scripted implements Provider {
  readonly headers = [];
  generation = 0;
  asked = 0;
  worked = 0;
  holds = true;
  constructor(
    readonly name: string,
    public answer: Answer | "work",
    readonly onError: "deny" | "ignore" = "deny",
    public late: Answer = { kind: "ignore", why: "nothing" },
  ) {}
  check(): Answer | Work {
    this.asked++;
    if (this.answer !== "work") return this.answer;
    return {
      kind: "work",
      expectedMs: 250,
      run: () => {
        this.worked++;
        return Promise.resolve(this.late);
      },
    };
  }
  stillHolds(): boolean {
    return this.holds;
  }
  close(): void {}
}

const ALLOW: Answer = { kind: "allow", identity: identity("alice") };
const IGNORE: Answer = { kind: "ignore", why: "not mine" };
const DENY: Answer = { kind: "deny", code: "wrong-password", why: "the password is wrong" };
const ERROR: Answer = { kind: "error", why: "no answer" };

const ALICE: Credentials = {
  clientId: "dev1",
  username: "alice",
  password: new TextEncoder().encode("secret"),
  address: "10.0.0.1",
  level: 4,
  headers: new Map(),
};

function desk(providers: readonly Provider[], options: Partial<LoginDeskOptions> = {}) {
  const time = { ms: 1_000_000 };
  const timers: (() => void)[] = [];
  const delays: number[] = [];
  const lockout = new Lockout({ enabled: true, failures: 10, windowMs: 300_000, banMs: 300_000 });
  const made = new LoginDesk({
    providers,
    allowAnonymous: false,
    lockout,
    keyOf: ({ username, password, clientId, address }) =>
      JSON.stringify([username, [...password ?? []], clientId, address]),
    hashMs: () => 0,
    setTimer: (callback, ms) => {
      timers.push(callback);
      delays.push(ms);
      return () => {};
    },
    wallMs: () => time.ms,
    ...options,
  });
  return { desk: made, time, timers, delays, lockout };
}

function said(verdict: LoginVerdict | PendingLogin): string {
  return verdict.kind === "deny" ? `deny ${verdict.failure}` : verdict.kind;
}

Deno.test("providers are asked in order: the first allow or deny ends it", () => {
  const never = new Scripted("never", DENY);
  assert.equal(said(desk([new Scripted("a", IGNORE), new Scripted("b", ALLOW), never]).desk.login(ALICE)), "allow");
  assert.equal(never.asked, 0);
  assert.equal(
    said(desk([new Scripted("a", DENY), new Scripted("b", ALLOW)]).desk.login(ALICE)),
    "deny wrong-password",
  );
  assert.equal(said(desk([new Scripted("a", IGNORE)]).desk.login(ALICE)), "deny nobody-knows");
  assert.equal(said(desk([]).desk.login(ALICE)), "deny nobody-knows");
});

Deno.test("an error denies, unless the provider says that errors are to be ignored", () => {
  assert.equal(
    said(desk([new Scripted("a", ERROR), new Scripted("b", ALLOW)]).desk.login(ALICE)),
    "deny provider-error",
  );
  const lenient = desk([new Scripted("a", ERROR, "ignore"), new Scripted("b", ALLOW)]);
  assert.equal(said(lenient.desk.login(ALICE)), "allow");
});

Deno.test("who shows nothing is anonymous where that is allowed; who shows something is not", () => {
  const nobody = { ...ALICE, username: null, password: null };
  assert.equal(said(desk([new Scripted("a", IGNORE)]).desk.login(nobody)), "deny anonymous");
  const open = desk([new Scripted("a", IGNORE)], { allowAnonymous: true });
  assert.equal(said(open.desk.login(nobody)), "allow");
  assert.equal(said(open.desk.login(ALICE)), "deny nobody-knows");
  assert.equal(said(open.desk.login({ ...nobody, password: new Uint8Array(0) })), "deny nobody-knows");
});

Deno.test("the trail tells which provider said what", () => {
  const verdict = desk([new Scripted("jwt", IGNORE), new Scripted("file (users.json)", DENY)]).desk.login(ALICE);
  assert.ok(verdict.kind === "deny");
  assert.deepEqual(verdict.trail, ["jwt: ignore, not mine", "file (users.json): deny, the password is wrong"]);
});

Deno.test("slow work is done once, and its result waits for the client, good or bad", async () => {
  for (const [late, expected] of [[ALLOW, "allow"], [DENY, "deny wrong-password"]] as const) {
    const provider = new Scripted("a", "work", "deny", late);
    const { desk: one } = desk([provider]);
    const first = one.login(ALICE);
    assert.ok(first.kind === "pending");
    assert.equal(first.expectedMs, 250);
    const again = one.login(ALICE);
    assert.ok(again.kind === "pending");
    assert.equal(again.done, first.done);
    await first.done;
    assert.equal(said(one.login(ALICE)), expected);
    assert.equal(provider.worked, 1);
  }
});

Deno.test("a result is for the same credentials only, for ten minutes, and until its source changes", async () => {
  const provider = new Scripted("a", "work", "deny", ALLOW);
  const { desk: one, time } = desk([provider]);
  const first = one.login(ALICE);
  assert.ok(first.kind === "pending");
  await first.done;
  assert.equal(said(one.login({ ...ALICE, password: new Uint8Array([1]) })), "pending");
  assert.equal(said(one.login({ ...ALICE, username: "bob" })), "pending");
  provider.generation++;
  const second = one.login(ALICE);
  assert.ok(second.kind === "pending");
  await second.done;
  time.ms += 600_000;
  assert.equal(said(one.login(ALICE)), "pending");
});

Deno.test("whoever waited claims the result: it is used up, counted, and void when its source changed", async () => {
  const provider = new Scripted("a", "work", "deny", DENY);
  const { desk: one } = desk([provider]);
  for (let i = 0; i < 10; i++) {
    const ticket = one.login(ALICE);
    assert.ok(ticket.kind === "pending");
    const claimed = ticket.claim(await ticket.done);
    assert.ok(claimed !== null);
    assert.equal(said(claimed), "deny wrong-password");
    assert.equal(provider.worked, i + 1);
  }
  assert.equal(said(one.login(ALICE)), "deny locked");
  const other = one.login({ ...ALICE, username: "bob" });
  assert.ok(other.kind === "pending");
  const late = await other.done;
  provider.generation++;
  assert.equal(other.claim(late), null);
});

Deno.test("a remote provider's answer holds for a while, good or bad, and an error not at all", async () => {
  for (const [late, expected] of [[ALLOW, "allow"], [DENY, "deny wrong-password"]] as const) {
    const provider = Object.assign(new Scripted("a", "work", "deny", late), { isRemote: true });
    const { desk: one, time } = desk([provider], { cacheMs: 30_000 });
    const first = one.login(ALICE);
    assert.ok(first.kind === "pending");
    first.claim(await first.done);
    assert.equal(said(one.login(ALICE)), expected);
    time.ms += 29_999;
    assert.equal(said(one.login(ALICE)), expected);
    time.ms += 1;
    // Its last use: it is kept for ten minutes, and used up from here on.
    assert.equal(said(one.login(ALICE)), "pending");
    assert.equal(provider.worked, 2);
  }
});

Deno.test("an error of slow work is not kept", async () => {
  const provider = new Scripted("a", "work", "deny", ERROR);
  const { desk: one } = desk([provider]);
  const first = one.login(ALICE);
  assert.ok(first.kind === "pending");
  assert.equal(said(await first.done), "deny provider-error");
  provider.late = ALLOW;
  const second = one.login(ALICE);
  assert.ok(second.kind === "pending");
  assert.equal(said(await second.done), "allow");
});

Deno.test("behind slow work that ignores the chain goes on", async () => {
  const { desk: one } = desk([new Scripted("a", "work", "deny", IGNORE), new Scripted("b", ALLOW)]);
  const first = one.login(ALICE);
  assert.ok(first.kind === "pending");
  assert.equal(said(await first.done), "allow");
});

Deno.test("a refusal takes as long as a hash, by a timer", async () => {
  const { desk: one, timers } = desk([new Scripted("a", IGNORE)], { hashMs: () => 240 });
  const first = one.login(ALICE);
  assert.ok(first.kind === "pending");
  assert.equal(first.expectedMs, 240);
  assert.equal(timers.length, 1);
  timers[0]?.();
  assert.equal(said(await first.done), "deny nobody-knows");
  assert.equal(said(one.login(ALICE)), "deny nobody-knows");
});

Deno.test("ten refusals lock name and address, errors and pending ones do not count", async () => {
  const provider = new Scripted("a", ERROR);
  const { desk: one } = desk([provider]);
  for (let i = 0; i < 20; i++) one.login(ALICE);
  provider.answer = DENY;
  for (let i = 0; i < 10; i++) assert.equal(said(one.login(ALICE)), "deny wrong-password");
  const asked = provider.asked;
  assert.equal(said(one.login(ALICE)), "deny locked");
  assert.equal(provider.asked, asked);
  assert.equal(said(one.login({ ...ALICE, address: "10.0.0.2" })), "deny wrong-password");
  await Promise.resolve();
});

Deno.test("pending logins are bounded, in all and by address", () => {
  const { desk: one } = desk([new Scripted("a", "work")], { maxKept: 10 });
  const from = (address: string, username: string) => said(one.login({ ...ALICE, username, address }));
  assert.deepEqual([1, 2, 3].map((i) => from("10.0.0.1", `u${i}`)), ["pending", "pending", "deny provider-error"]);
  for (let i = 2; i <= 5; i++) {
    for (const name of ["a", "b"]) assert.equal(from(`10.0.0.${i}`, name), "pending");
  }
  assert.equal(from("10.0.0.9", "late"), "deny provider-error");
  assert.equal(one.size.pending, 10);
});

Deno.test("who floods the desk with refusals takes nobody's place, and no delay lasts for ever", () => {
  const unknown = new Scripted("a", IGNORE);
  const { desk: one, delays } = desk([unknown], { hashMs: () => 2_000_000, maxKept: 10 });
  const verdicts = Array.from({ length: 50 }, (_, i) => said(one.login({ ...ALICE, username: `u${i}` })));
  assert.ok(verdicts.includes("deny nobody-knows"));
  assert.equal(one.size.pending, 2);
  assert.ok(delays.every((ms) => ms <= 5_000));
  unknown.answer = "work";
  assert.equal(said(one.login({ ...ALICE, username: "good", address: "10.0.0.2" })), "pending");
});

Deno.test("a provider that is asked later sees the password that was sent, whatever was read meanwhile", async () => {
  const seen: string[] = [];
  class Reader extends Scripted {
    override check(credentials?: Credentials): Answer | Work {
      seen.push(new TextDecoder().decode(credentials?.password ?? new Uint8Array()));
      return super.check();
    }
  }
  const { desk: one } = desk([new Scripted("a", "work", "deny", IGNORE), new Reader("b", DENY)]);
  const buffer = new TextEncoder().encode("evil-1");
  const ticket = one.login({ ...ALICE, password: buffer });
  buffer.set(new TextEncoder().encode("right!"));
  assert.ok(ticket.kind === "pending");
  await ticket.done;
  assert.deepEqual(seen, ["evil-1"]);
});

Deno.test("a provider that fails inside is an error, and the process lives on", async () => {
  class Failing extends Scripted {
    override check(): Answer | Work {
      return { kind: "work", expectedMs: 1, run: () => Promise.reject(new Error("no such thing")) };
    }
  }
  const ticket = desk([new Failing("a", DENY)]).desk.login(ALICE);
  assert.ok(ticket.kind === "pending");
  assert.equal(said(await ticket.done), "deny provider-error");
});

Deno.test("an IPv6 client is its /64 for the lockout, and bad tools lock nobody else out", () => {
  const provider = new Scripted("a", DENY);
  const { desk: one } = desk([provider]);
  const guesses = Array.from({ length: 12 }, (_, i) => said(one.login({ ...ALICE, address: `2001:db8::${i}` })));
  assert.deepEqual(guesses.slice(10), ["deny locked", "deny locked"]);
  const open = desk([new Scripted("a", IGNORE)]).desk;
  for (let i = 0; i < 50; i++) open.login({ ...ALICE, clientId: `mqttjs_${i}`, username: null, password: null });
  for (let i = 0; i < 50; i++) open.login({ ...ALICE, clientId: `mqttjs_${i}`, username: null });
  assert.equal(said(open.login(ALICE)), "deny nobody-knows");
});

Deno.test("who does not come back for the answer is counted all the same, and once", async () => {
  const provider = new Scripted("a", "work", "deny", DENY);
  const { desk: one } = desk([provider]);
  for (let i = 0; i < 10; i++) {
    const ticket = one.login({ ...ALICE, password: new Uint8Array([i]) });
    assert.ok(ticket.kind === "pending");
    await ticket.done;
  }
  assert.equal(said(one.login(ALICE)), "deny locked");
  const other = desk([provider]).desk;
  for (let i = 0; i < 5; i++) {
    const ticket = other.login(ALICE);
    assert.ok(ticket.kind === "pending");
    await ticket.done;
    assert.equal(said(other.login(ALICE)), "deny wrong-password");
  }
  assert.equal(said(other.login(ALICE)), "pending", "five failures, not ten");
});

Deno.test("who can be told at once does not wait for work that somebody else began", () => {
  const provider = new Scripted("a", "work");
  const { desk: one } = desk([provider]);
  assert.equal(said(one.login(ALICE)), "pending");
  provider.answer = ALLOW;
  assert.equal(said(one.login(ALICE)), "allow");
});

Deno.test("an identity holds while its provider is there, vouches for it, and its time is not over", () => {
  const provider = new Scripted("a", ALLOW);
  const { desk: one, time } = desk([provider]);
  assert.ok(one.stillHolds(identity("alice")));
  assert.equal(one.stillHolds(null), false);
  assert.equal(one.stillHolds(identity("alice", time.ms)), false);
  provider.holds = false;
  assert.equal(one.stillHolds(identity("alice")), false);
});

Deno.test("a provider that has no room is told at once, also where refusals are held back for as long as a hash takes", () => {
  const full = desk([new Scripted("file", ERROR)], { hashMs: () => 250 });
  assert.equal(said(full.desk.login(ALICE)), "deny provider-error");
  assert.equal(full.desk.size.pending, 0);
});
