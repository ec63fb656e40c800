import { type Ban, type BanList, describeBan } from "./bans/mod.ts";
import { claimedRules, compileNothing } from "./auth/claimed_rules.ts";
import type { LoginDesk, LoginVerdict } from "./auth/login_desk.ts";
import type { Credentials, Identity } from "./auth/provider.ts";
import { chargeOwn, chargeShared, noteLimits, tellLimit } from "./charges.ts";
import { closing, MESSAGE_CHECKS } from "./client_packets.ts";
import { type FrameReport, KIND, NOTE, noteFindings, type WaitingConnect } from "./frame_report.ts";
import type { Connect, Message } from "./mqtt/packet.ts";
import { checkConnectAcl } from "./policy/acl_check.ts";
import { bindSubject, type Subject } from "./policy/acl/mod.ts";
import { type Check, firstRefusal, type Ground, said } from "./policy/ground.ts";
import { inspectConnect, inspectWill } from "./policy/inspection_check.ts";
import { exceeded } from "./policy/rate_check.ts";
import {
  checkClientIdLength,
  checkClientIdPattern,
  checkConnectTimes,
  checkEnhancedAuth,
  checkUsernameLength,
  checkVersion,
  checkWillDelay,
} from "./policy/limit_check.ts";
import {
  AUTH_PENDING,
  BANNED,
  CLAIMED_ACL_INVALID,
  CLIENT_ID_BINDING,
  CLIENT_ID_IN_USE,
  CLIENT_ID_NOT_OWNED,
  CONNECTIONS_PER_IP,
  LOGIN_REVOKED,
  loginReason,
  type Reason,
  TOKEN_EXPIRED,
  USERNAME_MISMATCH,
} from "./reasons.ts";
import { provedBy, type Session, type SessionLogin } from "./session.ts";
import { NO_HEADERS } from "./upgrade.ts";
import type { SessionRegistry } from "./session_registry.ts";

/** What a CONNECT meets before anybody asks who it is: nothing of it depends on that, and no password is looked at. */
const EARLY_CHECKS: readonly Check<Connect>[] = [
  checkVersion,
  checkClientIdLength,
  checkClientIdPattern,
  checkUsernameLength,
  checkEnhancedAuth,
  checkConnectTimes,
  checkWillDelay,
];

const NO_GROUPS: readonly string[] = Object.freeze([]);

/** Asking about logins again may take so much of so much time. */
const ASKING_MS = 20;
const ASKING_WINDOW_MS = 100;

/** Rules that allow nothing. */
const NOTHING = compileNothing();

export interface ReceptionParts {
  readonly sessions: SessionRegistry;
  readonly desk: () => LoginDesk | null;
  readonly bans: BanList;
  readonly now?: () => number;
}

/**
 * Where a CONNECT is received: what can be told of it at once, who it is, and what that somebody may do.
 *
 * The client learns of none of it: all refusals look alike to it (design: Settled questions).
 */
export class Reception {
  readonly #sessions: SessionRegistry;
  /** Where logins are proved, null while authentication is off. */
  readonly #desk: () => LoginDesk | null;
  readonly #bans: BanList;
  /** Monotonic milliseconds, as exact as they come. */
  readonly #now: () => number;
  /** What asking about logins again has taken, and since when that is counted. */
  #askedMs = 0;
  #askingSinceMs = 0;

  constructor({ sessions, desk, bans, now = () => performance.now() }: ReceptionParts) {
    this.#sessions = sessions;
    this.#desk = desk;
    this.#bans = bans;
    this.#now = now;
  }

  /** Judges a CONNECT. False: nothing behind it can be judged. `report.waiting` is set where its login takes time. */
  judge(session: Session, connect: Connect, report: FrameReport, on: Ground, nowMs: number): boolean {
    report.count(connect.type, KIND.CONNECT);
    report.undroppable = true;
    begin(session, connect, on);
    const { blockMode } = session.policy;
    const early = this.#early(session, connect, report, on, nowMs, true);
    if (early !== null) {
      this.#refuse(session, early, report, connect);
      if (blockMode) return false;
    }
    const desk = this.#desk();
    if (desk === null) return this.#admit(session, connect, report, on, nowMs);
    const login = desk.login(credentialsOf(session, connect));
    // A certificate has kilobytes, and nobody asks for it again.
    session.headers = NO_HEADERS;
    if (login.kind !== "pending") {
      if (this.#take(session, connect, login, desk, report, on)) {
        return this.#admit(session, connect, report, on, nowMs);
      }
      return !blockMode && this.#admit(session, connect, report, on, nowMs);
    }
    if (blockMode) {
      connect.password = null;
      const { done, expectedMs } = login;
      const { shadowLimit } = report;
      report.waiting = { kind: "login", session, connect, login, desk, done, expectedMs, shadowLimit, frame: null };
      return true;
    }
    // Nothing is blocked, so nobody waits; who it is becomes known when it does.
    this.#refuse(session, AUTH_PENDING, report, connect);
    login.done.then((verdict) => {
      const claimed = login.claim(verdict);
      if (claimed?.kind !== "allow" || session.ended || session.refusedFor !== AUTH_PENDING) return;
      this.#prove(session, claimed, desk);
      this.#narrow(session, claimed.identity);
    });
    return this.#admit(session, connect, report, on, nowMs);
  }

  /** Refuses a CONNECT; where nothing is blocked the session remembers that it should not be. */
  #refuse(session: Session, reason: Reason, report: FrameReport, connect: Connect): void {
    session.refusedFor ??= reason;
    report.refuse(reason, "close", connect.type, null, null);
  }

  /**
   * Judges a CONNECT again that waited for its login: by the snapshot that is in force now, wholly. `verdict` is null
   * where it took too long.
   */
  resume(
    { session, connect, login, desk, shadowLimit }: WaitingConnect,
    verdict: LoginVerdict | null,
    report: FrameReport,
    on: Ground,
    nowMs: number,
  ): void {
    if (on.trace !== null) on.trace.packet(connect.type);
    report.count(connect.type, KIND.CONNECT);
    report.undroppable = true;
    if (shadowLimit !== null) {
      report.notes |= NOTE.SHADOW;
      report.shadowLimit = shadowLimit;
    }
    if (verdict === null || session.ended || desk !== this.#desk()) {
      return report.refuse(AUTH_PENDING, "close", connect.type, null, null);
    }
    begin(session, connect, on);
    const early = this.#early(session, connect, report, on, nowMs, false);
    if (early !== null) return report.refuse(early, "close", connect.type, null, null);
    const isError = verdict.kind === "deny" && verdict.failure === "provider-error";
    const claimed = isError ? verdict : login.claim(verdict);
    if (claimed === null) return report.refuse(AUTH_PENDING, "close", connect.type, null, null);
    if (this.#take(session, connect, claimed, desk, report, on)) this.#admit(session, connect, report, on, nowMs);
  }

  /** Why a session may not go on, whose login was proved or let be earlier; null where it may. O(1) while nothing changed. */
  recheck(session: Session, report: FrameReport, wallMs: number): Reason | null {
    if (session.waiting) return null;
    if (session.bansGeneration !== this.#bans.generation) {
      const banned = this.#checkBans(session, report, wallMs);
      if (banned !== null) return banned;
    }
    const { login, subject, refusedFor } = session;
    // Its CONNECT passed only because nothing was blocked then.
    if (refusedFor !== null) return session.policy.blockMode ? refusedFor : null;
    const desk = this.#desk();
    if (desk === null) {
      if (login !== null) this.#forget(session);
      return null;
    }
    if (subject === null) return null;
    if (login === null) {
      // It came while authentication was off.
      if (!subject.anonymous || !desk.stillHolds(null)) return LOGIN_REVOKED;
      session.login = { identity: null, provider: null, providerGeneration: 0, desk, generation: desk.generation };
      return null;
    }
    if (login.identity !== null && wallMs >= login.identity.expiresAtMs) return TOKEN_EXPIRED;
    const { generation } = desk;
    if (login.desk === desk && login.generation === generation) return null;
    return this.#stillHolds(session, login, desk) ? null : LOGIN_REVOKED;
  }

  /** Authentication was turned off: from here on nobody proves names, groups or attributes. */
  #forget(session: Session): void {
    session.login = null;
    session.narrow = null;
    const { subject } = session;
    if (subject === null) return;
    const proved = provedBy(session.policy, subject.username);
    session.identify({ ...subject, proved, groups: NO_GROUPS, attributes: null });
  }

  /**
   * Whether a login still holds, asked because something changed. Who proved it is asked only if it changed itself. To
   * verify a certificate again takes milliseconds, and a change makes every session ask: what does not fit into a fifth
   * of the time is refused, and comes back as a new login.
   */
  #stillHolds(session: Session, login: SessionLogin, desk: LoginDesk): boolean {
    const { identity, provider, providerGeneration } = login;
    const isSame = provider !== null && desk.has(provider) && provider.generation === providerGeneration;
    if (!isSame) {
      const startMs = this.#now();
      if (startMs - this.#askingSinceMs >= ASKING_WINDOW_MS) {
        this.#askingSinceMs = startMs;
        this.#askedMs = 0;
      }
      if (this.#askedMs > ASKING_MS) return false;
      const vouching = identity === null ? null : desk.vouches(identity);
      const holds = identity === null ? desk.stillHolds(null) : vouching !== null;
      this.#askedMs += this.#now() - startMs;
      if (!holds) return false;
      login = { ...login, provider: vouching, providerGeneration: vouching?.generation ?? 0 };
    }
    session.login = { ...login, desk, generation: desk.generation };
    return true;
  }

  #early(
    session: Session,
    connect: Connect,
    report: FrameReport,
    on: Ground,
    nowMs: number,
    first: boolean,
  ): Reason | null {
    return said("bans", this.#checkBans(session, report, on.wallMs), on) ??
      firstRefusal(EARLY_CHECKS, connect, on) ??
      said("connections-per-ip", this.#checkAddress(session, nowMs), on) ??
      said("connect-rate", this.#checkRate(session, report, on, first), on);
  }

  /** CONNECTs and failed logins of the address; both close. What waited for its login was charged before. */
  #checkRate({ origin, client }: Session, report: FrameReport, on: Ground, first: boolean): Reason | null {
    if (!first || on.policy.rate === null) return null;
    const { limiter, nowMs } = on;
    let limit = limiter.chargeConnect(origin.address, client.stream.packetBytes, nowMs);
    noteLimits(report, on);
    if (limit === null && this.#desk() !== null) {
      limit = limiter.refuseLogin(origin.address, nowMs);
      noteLimits(report, on);
    }
    if (limit === null) return null;
    const reason = exceeded(limit, on);
    tellLimit(report, on);
    return reason;
  }

  /** Whether who the session claims or proved to be is banned; O(1) but for pattern bans. */
  #checkBans(session: Session, report: FrameReport, wallMs: number): Reason | null {
    session.bansGeneration = this.#bans.generation;
    const { subject, login } = session;
    if (subject === null) return null;
    // A token in the place of the user name names nobody.
    const names = login !== null || this.#desk()?.usernameIsToken !== true;
    const ban = this.#bans.find({ ...subject, username: names ? subject.username : null }, wallMs);
    if (ban === null) return null;
    report.detail = [describeEffect(ban)];
    return BANNED;
  }

  /** `general.max-connections-per-ip`, this connection included, but not the one of the same client id that it replaces. */
  #checkAddress(session: Session, nowMs: number): Reason | null {
    const { maxConnectionsPerAddress: limit } = session.policy.limits;
    if (limit === Infinity) return null;
    const clientId = session.subject?.clientId ?? "";
    const others = this.#sessions.countOfAddress(session.origin, nowMs, 0, clientId === "" ? null : clientId);
    // Without a client id this connection is among those that were counted.
    return others + (clientId === "" ? 0 : 1) > limit ? CONNECTIONS_PER_IP : null;
  }

  /** Takes over what became of the login; false where it was refused. */
  #take(
    session: Session,
    connect: Connect,
    verdict: LoginVerdict,
    desk: LoginDesk,
    report: FrameReport,
    on: Ground,
  ): boolean {
    if (verdict.kind === "deny") {
      const isFailure = verdict.failure !== "provider-error" && verdict.failure !== "locked";
      if (isFailure && on.policy.rate !== null) on.limiter.chargeLoginFailure(session.origin.address, on.nowMs);
      report.detail = verdict.trail;
      // Where nothing is blocked it goes on, but not as one that was let in without credentials.
      if (session.subject?.anonymous === true) session.identify({ ...session.subject, anonymous: false });
      this.#refuse(session, said("login", loginReason(verdict.failure), on), report, connect);
      return false;
    }
    this.#prove(session, verdict, desk);
    const fault = this.#narrow(session, verdict.identity);
    if (fault !== null) {
      report.detail = [...verdict.trail, `acl: ${fault}`];
      this.#refuse(session, said("login-rules", CLAIMED_ACL_INVALID, on), report, connect);
      return false;
    }
    stand(session, on);
    said("login", null, on);
    return true;
  }

  /** Binds the rules that the login carries; a text says why they cannot be read, and then nothing is allowed. */
  #narrow(session: Session, identity: Identity | null): string | null {
    const { unwrap } = session.policy;
    const rules = identity === null ? null : claimedRules(identity, unwrap);
    if (rules === null || ("acl" in rules && rules.acl === null)) {
      session.narrow = null;
      return null;
    }
    session.narrow = bindSubject(
      "acl" in rules && rules.acl !== null ? rules.acl : NOTHING,
      session.subject as Subject,
    );
    return "fault" in rules ? rules.fault : null;
  }

  /** From here on the session is whoever was proved. */
  #prove(
    session: Session,
    { identity, provider }: Extract<LoginVerdict, { kind: "allow" }>,
    desk: LoginDesk,
  ): void {
    const providerGeneration = provider?.generation ?? 0;
    session.login = { identity, provider, providerGeneration, desk, generation: desk.generation };
    const { subject } = session;
    if (subject === null || identity === null) return;
    session.identify({
      ...subject,
      username: identity.username,
      proved: identity.username !== null,
      groups: identity.groups,
      anonymous: false,
      attributes: identity.attributes,
    });
  }

  /** What a CONNECT meets once it is known who it is, or that nobody asks. */
  #admit(session: Session, connect: Connect, report: FrameReport, on: Ground, nowMs: number): boolean {
    on.reset();
    let topic: string | null = null;
    const isProved = session.login?.identity != null;
    let refused = (isProved ? said("bans", this.#checkBans(session, report, on.wallMs), on) : null) ??
      said("username-mismatch", this.#checkMismatch(session, connect, report), on) ??
      said("client-id-ownership", checkOwnership(session), on) ??
      said("take-over", this.#checkTakeOver(session, nowMs), on) ??
      said("connect-acl", checkConnectAcl(connect, on), on);
    if (refused === null && connect.will !== null) {
      topic = connect.will.topic;
      on.payloadBytes = connect.will.payload.length;
      if (on.policy.rate !== null) chargeOwn(session, topic, on.payloadBytes, report, on);
      // [MQTT-3.1.2-8] The broker publishes the Will later, in this client's name: judged now, since nobody asks again.
      refused = firstRefusal(MESSAGE_CHECKS, connect.will, on) ??
        said("inspect-will", inspectWill(connect.will, on), on) ??
        (on.policy.rate === null ? null : chargeShared(session, topic, on.payloadBytes, report, on));
    }
    refused ??= said("inspect-connect", inspectConnect(connect, on), on);
    noteFindings(report, on);
    if (refused === null) {
      if (report.rule === null) report.rule = on.rule;
      report.topic = topic;
      session.will = connect.will === null ? null : withoutPayload(connect.will);
      this.#sessions.claim(session);
      return true;
    }
    session.refusedFor ??= refused;
    report.refuse(closing(refused, on), "close", connect.type, on.topic ?? topic, on.rule);
    return !session.policy.blockMode;
  }

  /** The broker reads the CONNECT's user name: it has to be the one that was proved, or empty. */
  #checkMismatch(session: Session, connect: Connect, report: FrameReport): Reason | null {
    const { login } = session;
    const { username } = connect;
    if (login?.identity == null || username === null || username === "") return null;
    if (username === login.identity.username || login.provider?.usernameIsToken === true) return null;
    if (session.policy.identity.refuseMismatch) return USERNAME_MISMATCH;
    report.notes |= NOTE.USERNAME_MISMATCH;
    return null;
  }

  /** Who may take over a live client id (config: auth). */
  #checkTakeOver(session: Session, nowMs: number): Reason | null {
    const { duplicateClientId } = session.policy.identity;
    if (duplicateClientId === "anyone") return null;
    for (const other of this.#sessions.holdersOf(session, nowMs)) {
      if (duplicateClientId === "nobody" || !isSame(other, session)) return CLIENT_ID_IN_USE;
    }
    return null;
  }
}

/** A ban for people: whom, why, by whom, until when. */
function describeEffect(ban: Ban): string {
  const until = ban.untilMs === Infinity ? "for good" : `until ${new Date(ban.untilMs).toISOString()}`;
  return `${describeBan(ban)} is banned ${until} by ${ban.setBy}${ban.reason === "" ? "" : `: ${ban.reason}`}`;
}

/** Whether the newcomer is who has the client id; anyone is where nothing was proved. */
function isSame(holder: Session, newcomer: Session): boolean {
  const held = holder.login?.identity ?? null;
  if (held === null) return true;
  const claimed = newcomer.login?.identity ?? null;
  return claimed !== null && claimed.username !== null && claimed.username === held.username &&
    newcomer.login?.provider?.name === holder.login?.provider?.name;
}

/** What the CONNECT says of the client, before anybody has proved it. */
function begin(session: Session, connect: Connect, on: Ground): void {
  const { policy, origin } = session;
  session.login = null;
  session.narrow = null;
  session.refusedFor = null;
  session.identify({
    clientId: connect.clientId,
    username: connect.username,
    proved: provedBy(policy, connect.username),
    groups: NO_GROUPS,
    anonymous: connect.username === null && connect.password === null,
    address: origin.address,
    level: connect.level,
    routeId: origin.routeId,
    attributes: null,
  });
  session.state = "connecting";
  session.enhancedAuth = connect.authenticationMethod !== null;
  session.keepAliveMs = connect.keepAliveSecs * 1000;
  session.broker.stream.level = connect.level;
  stand(session, on);
  on.reset();
}

/** Puts the session's view of the rules under the checks. */
function stand(session: Session, on: Ground): void {
  on.subject = session.subject as Subject;
  on.acl = session.acl as NonNullable<Session["acl"]>;
  on.narrow = session.narrow;
}

function credentialsOf(session: Session, connect: Connect): Credentials {
  return {
    clientId: connect.clientId,
    username: connect.username,
    password: connect.password,
    address: session.origin.address?.text ?? null,
    level: connect.level,
    headers: session.headers,
  };
}

/** Whether the client id belongs to who was proved: by the user's own list, and as `auth.client-id-binding` asks. */
function checkOwnership({ login, subject, policy }: Session): Reason | null {
  const clientId = subject?.clientId ?? "";
  const identity = login?.identity ?? null;
  if (identity?.clientIds != null && !identity.clientIds.includes(clientId)) return CLIENT_ID_NOT_OWNED;
  const { clientIdBinding } = policy.identity;
  if (clientIdBinding === "none") return null;
  if (clientIdBinding === "claim") {
    return identity?.clientIdClaim != null && identity.clientIdClaim === clientId ? null : CLIENT_ID_BINDING;
  }
  const username = subject?.proved === true ? subject.username : null;
  if (username === null || username === "") return CLIENT_ID_BINDING;
  if (clientId === username) return null;
  if (clientIdBinding === "username" || !clientId.startsWith(username)) return CLIENT_ID_BINDING;
  return SEPARATORS.includes(clientId.charAt(username.length)) && clientId.length > username.length + 1
    ? null
    : CLIENT_ID_BINDING;
}

/** What may stand between a user name and the rest of its client ids: `fleet1` has no claim to `fleet12`. */
const SEPARATORS = "-_.:/";

/** What has to be known of a Will to hold it against other rules later. */
function withoutPayload({ topic, qos, retain, responseTopic }: Message): Message {
  return {
    topic,
    qos,
    retain,
    responseTopic,
    contentType: null,
    correlationData: null,
    payloadFormat: 0,
    userProperties: [],
  };
}
