import type { Frame } from "./frame.ts";
import { type FrameReport, refuseFrame } from "./frame_report.ts";
import { parseAddress } from "./policy/address.ts";
import type { Policy } from "./policy/policy.ts";
import {
  CONNECTIONS_PER_IP,
  LATE,
  OVERLOADED_SESSIONS,
  SESSION_UNKNOWN,
  UPGRADE_UNSEEN,
  UPGRADE_WAS_REFUSED,
} from "./reasons.ts";
import type { Session } from "./session.ts";
import type { SessionRegistry } from "./session_registry.ts";
import type { Teller } from "./teller.ts";
import type { UpgradeBook } from "./upgrade.ts";

/** Keys of closed connections whose refused frame passed all the same. */
const MAX_POISONED = 10_000;

/** Finds whose frame it is, and lets new connections in. */
export class SessionFinder {
  readonly #sessions: SessionRegistry;
  readonly #upgrades: UpgradeBook;
  readonly #teller: Teller;
  /** Closed, but the close came late: the connection lives on at the proxy. Oldest leave first. */
  readonly #poisoned = new Map<string, true>();

  constructor(sessions: SessionRegistry, upgrades: UpgradeBook, teller: Teller) {
    this.#sessions = sessions;
    this.#upgrades = upgrades;
    this.#teller = teller;
  }

  /** The next frame of that connection closes: it was closed, but too late. */
  poison(correlationId: string, clientAddress: string): void {
    if (this.#poisoned.size >= MAX_POISONED) {
      const oldest = this.#poisoned.keys().next().value;
      if (oldest !== undefined) this.#poisoned.delete(oldest);
    }
    this.#poisoned.set(`${clientAddress} ${correlationId}`, true);
  }

  /** The session of a frame, a new one for a connection's first frame, or null when the frame was settled without one. */
  find(frame: Frame, policy: Policy, report: FrameReport, nowMs: number): Session | null {
    const { correlationId, clientAddress, opcode } = frame;
    const known = this.#sessions.get(correlationId, clientAddress);
    if (known !== undefined) {
      const isReused = known.client.closed && frame.fromClient && frame.index === 0;
      if (!isReused && !known.isExpired(nowMs)) return known;
      this.#sessions.end(known);
    }
    if (this.#poisoned.size > 0 && this.#poisoned.delete(`${clientAddress} ${correlationId}`)) {
      refuseFrame(report, LATE);
      return null;
    }
    // The end of a connection that is over anyway passes; whatever else comes behind it does not.
    if (opcode === "close" && frame.index > 0) return null;
    const isControl = opcode === "close" || opcode === "ping" || opcode === "pong";
    if (frame.index !== 0 || (!frame.fromClient && !isControl)) {
      refuseFrame(report, SESSION_UNKNOWN);
      return null;
    }
    return this.#open(frame, policy, report, nowMs);
  }

  #open(frame: Frame, policy: Policy, report: FrameReport, nowMs: number): Session | null {
    const { correlationId, clientAddress, routeId } = frame;
    const address = parseAddress(clientAddress);
    const origin = { correlationId, clientAddress, address, routeId };
    if (policy.routes === null) this.#teller.route(routeId);
    const upgrade = this.#upgrades.take(correlationId, clientAddress, nowMs, policy.limits.connectTimeoutMs);
    if (upgrade === null) {
      if (policy.requireUpgradeEvent) {
        refuseFrame(report, UPGRADE_UNSEEN);
        return null;
      }
      this.#teller.upgradeUnseen();
    } else if (upgrade.refused !== null) {
      refuseFrame(report, UPGRADE_WAS_REFUSED);
      return null;
    }
    const { maxConnectionsPerAddress } = policy.limits;
    // The limit itself is looked at with CONNECT, which tells whose connection it takes the place of. This bounds what
    // never comes that far.
    if (
      maxConnectionsPerAddress !== Infinity &&
      this.#sessions.countOfAddress(origin, nowMs, 2 * maxConnectionsPerAddress) >= 2 * maxConnectionsPerAddress
    ) {
      refuseFrame(report, CONNECTIONS_PER_IP);
      return null;
    }
    const session = this.#sessions.open(origin, policy, nowMs);
    if (session !== null && upgrade !== null) session.headers = upgrade.headers;
    if (session === null && frame.opcode !== "close") refuseFrame(report, OVERLOADED_SESSIONS);
    return session;
  }
}
