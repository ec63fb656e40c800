import type { FrameReport } from "./frame_report.ts";
import { KIND, NOTE } from "./frame_report.ts";
import { PACKET } from "./mqtt/packet.ts";
import { type AuditTag, UNANSWERED } from "./reasons.ts";

/**
 * Makes the packets' verdicts into the one verdict that a frame can have in the proxy, which can forward it, remove it or
 * close the connection, and can not change it (design: What the verdicts mean).
 *
 * `removable`: the frame is an unfragmented binary frame. A frame is dropped only if that leaves client and broker with
 * the same picture: whole packets, none of which sets a topic alias or begins or ends the connection.
 */
export function settleFrame(report: FrameReport, removable: boolean): void {
  const { refusal, policy, session } = report;
  if (refusal === null) {
    report.verdict = "allow";
    return;
  }
  if (!policy.blockMode) {
    report.verdict = "allow";
    report.detectOnly = true;
    return;
  }
  if (refusal.action === "close" || !removable || report.undroppable || !mayDropOthers(report)) {
    report.verdict = "close";
    return;
  }
  if (session !== null && report.awaitingAnswer > 0) {
    // A client that waits for too many answers is connected but mute: better that it notices.
    if (session.unanswered + report.awaitingAnswer > policy.limits.maxUnanswered) {
      report.refuse(UNANSWERED, "close", refusal.packetType, refusal.topic, refusal.rule);
      report.verdict = "close";
      return;
    }
    session.unanswered += report.awaitingAnswer;
  }
  report.verdict = "drop";
}

/** Whether the packets of the frame that may pass may be lost with it. */
function mayDropOthers(report: FrameReport): boolean {
  if (report.refused === report.packets) return true;
  switch (report.policy.mixedFrames) {
    case "auto":
      return report.othersLosable;
    case "drop":
      return true;
    case "close":
      return false;
    default:
      return report.policy.mixedFrames satisfies never;
  }
}

/** Audit tags, with the JSON that they are in an answer: there are few combinations, each made once. */
export interface Tags {
  readonly list: readonly string[];
  readonly json: string;
}

const allowedTags = new Map<number, Tags>();
const refusedTags = new Map<string, Tags>();

/** The audit tags of a settled frame (design: Audit tags). O(1), allocates only the first time. */
export function tagsOf(report: FrameReport): Tags {
  const { refusal, notes } = report;
  if (refusal === null) {
    const isLogin = report.fromClient && report.packetType === PACKET.CONNECT;
    const bits = report.kinds | (notes << 8) | (isLogin ? 1 << 16 : 0);
    let tags = allowedTags.get(bits);
    if (tags === undefined) {
      tags = makeTags(kindTags(report.kinds, isLogin), notes);
      allowedTags.set(bits, tags);
    }
    return tags;
  }
  return refusalTags(refusal.reason.tag, report.detectOnly ? "detect-only" : "blocked", notes);
}

/** Tags of something refused. */
export function refusalTags(tag: AuditTag, how: "blocked" | "detect-only", notes: number): Tags {
  const key = `${how} ${tag} ${notes}`;
  let tags = refusedTags.get(key);
  if (tags === undefined) refusedTags.set(key, tags = makeTags([how, tag], notes));
  return tags;
}

function makeTags(words: readonly string[], notes: number): Tags {
  const list = ["mqtt", ...words];
  if (notes & NOTE.QOS_DOWNGRADED) list.push("qos-downgraded");
  if (notes & NOTE.BROKER_NONCONFORMANT) list.push("broker-nonconformant");
  if (notes & NOTE.UNPARSED) list.push("unparsed");
  if (notes & NOTE.SHADOW) list.push("shadow");
  if (notes & NOTE.USERNAME_MISMATCH) list.push("username-mismatch");
  return Object.freeze({ list: Object.freeze(list), json: JSON.stringify(list) });
}

function kindTags(kinds: number, isLogin: boolean): string[] {
  const words: string[] = [];
  if (kinds & KIND.CONNECT) words.push("connect");
  if (isLogin) words.push("success");
  if (kinds & KIND.PUBLISH) words.push("publish");
  if (kinds & KIND.SUBSCRIBE) words.push("subscribe");
  if (kinds & KIND.UNSUBSCRIBE) words.push("unsubscribe");
  if (kinds & KIND.DELIVERY) words.push("delivery");
  if (kinds & KIND.ACK) words.push("ack");
  if (kinds & KIND.PING) words.push("ping");
  if (kinds & KIND.DISCONNECT) words.push("disconnect");
  return words;
}
