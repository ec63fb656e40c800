import { Buffer } from "node:buffer";
import type { RequestVerdict } from "../frame.ts";
import { cut, type FrameReport, shownName } from "../frame_report.ts";
import { PACKET, PACKET_NAMES } from "../mqtt/packet.ts";
import type { Subject } from "../policy/acl/mod.ts";
import { tagsOf } from "../verdict.ts";

/** Version of the agent protocol that an answer is for. */
export type AnswerVersion = 1 | 2;

const HEAD_TAIL =
  ',"decision":"allow","request_headers":[],"response_headers":[],"routing_metadata":{},"audit":{"tags":';
const HEAD: Readonly<Record<AnswerVersion, string>> = {
  1: `{"version":1${HEAD_TAIL}`,
  2: `{"version":2${HEAD_TAIL}`,
};
const BEFORE_RULES = ',"rule_ids":';
const BEFORE_REASONS = ',"confidence":null,"reason_codes":';
const BEFORE_CUSTOM = ',"custom":{';
const BEFORE_DECISION =
  '}},"needs_more":false,"request_body_mutation":null,"response_body_mutation":null,"websocket_decision":';

/** Text of a close that follows a CONNECT: all refusals of a login look alike to the client. */
const NOT_AUTHORISED = "not authorised";
/** Longest text of a WebSocket close (RFC 6455 section 5.5: 125 bytes with the code). */
const MAX_CLOSE_TEXT = 123;

/**
 * The AgentResponse for a judged frame, as JSON (protocol: AgentResponse). Put together from pieces that are made once
 * per tag combination, rule, reason and session; O(length of the topic).
 */
export function frameAnswer(version: AnswerVersion, report: FrameReport): string {
  const { refusal, session, topic } = report;
  const rule = refusal === null ? report.rule : refusal.rule;
  let custom = `"correlation_id":${quoted(report.correlationId)}`;
  if (session !== null && session.subject !== null) custom += session.identityJson ??= identityJson(session.subject);
  custom += `,"config_version":"${report.policy.label}"`;
  if (refusal === null) {
    if (report.packetType !== 0) custom += PACKET_MEMBER[report.packetType] as string;
    if (topic !== null) custom += `,"topic":${jsonText(topic)}`;
    if (report.packets > 1) custom += `,"packets":${JSON.stringify(report.describePackets())}`;
  } else {
    custom += refusalMembers(report, refusal);
  }
  if (report.downgradedTo !== -1) custom += `,"qos":"${report.qos}","qos_allowed":"${report.downgradedTo}"`;
  if (report.shadowLimit !== null) custom += `,"shadow_limit":${quoted(report.shadowLimit)}`;
  if (report.shadow !== null) custom += `,"shadow_rule":${JSON.stringify(report.shadow.name)}`;
  return HEAD[version] + tagsOf(report).json +
    BEFORE_RULES + (rule === null ? "[]" : rule.namesJson) +
    BEFORE_REASONS + (refusal === null ? "[]" : `["${refusal.reason.code}"]`) +
    BEFORE_CUSTOM + custom +
    BEFORE_DECISION + decisionJson(report) + "}";
}

function refusalMembers(report: FrameReport, refusal: NonNullable<FrameReport["refusal"]>): string {
  const members: Record<string, string> = {};
  if (refusal.packetType !== 0) members["packet"] = PACKET_NAMES[refusal.packetType] ?? "RESERVED";
  if (refusal.topic !== null) members["topic"] = cut(refusal.topic);
  members["text"] = refusal.reason.text;
  if (refusal.reason.clause !== null) members["clause"] = refusal.reason.clause;
  const packets = report.describePackets();
  if (packets !== null) members["packets"] = packets;
  const refused = report.describeRefusals();
  if (refused !== null) members["refused"] = refused;
  return `,${JSON.stringify(members).slice(1, -1)}`;
}

function decisionJson(report: FrameReport): string {
  switch (report.verdict) {
    case "allow":
      return '"allow"';
    case "drop":
      return '"drop"';
    case "close": {
      const { refusal } = report;
      if (refusal === null) return '{"close":{"code":1008,"reason":""}}';
      // What breaks the standard may be told: it says nothing about who exists.
      const isLogin = refusal.packetType === PACKET.CONNECT && refusal.reason.clause === null;
      const reason = isLogin ? NOT_AUTHORISED : refusal.reason.text.slice(0, MAX_CLOSE_TEXT);
      return `{"close":{"code":${refusal.reason.closeCode},"reason":${JSON.stringify(reason)}}}`;
    }
    default:
      return report.verdict satisfies never;
  }
}

/** The AgentResponse for everything that is no frame: allow, or a block with what is said about it. */
export function plainAnswer(
  version: AnswerVersion,
  correlationId: string | null,
  block: { status: number; body: string } | null,
  audit: { tags: readonly string[]; reasons: readonly string[]; text?: string } = NO_AUDIT,
): string {
  const custom: Record<string, string> = {};
  if (correlationId !== null) custom["correlation_id"] = correlationId;
  if (audit.text !== undefined) custom["text"] = audit.text;
  return JSON.stringify({
    version,
    decision: block === null ? "allow" : { block: { status: block.status, body: block.body, headers: null } },
    request_headers: [],
    response_headers: [],
    routing_metadata: {},
    audit: {
      tags: audit.tags,
      rule_ids: [],
      confidence: null,
      reason_codes: audit.reasons,
      custom,
    },
    needs_more: false,
    request_body_mutation: null,
    response_body_mutation: null,
    websocket_decision: null,
  });
}

const NO_AUDIT = Object.freeze({ tags: Object.freeze([]), reasons: Object.freeze([]) });

/** The AgentResponse for a request's head: a refused upgrade is a 403 whose body says what to do. */
export function requestAnswer(version: AnswerVersion, correlationId: string | null, verdict: RequestVerdict): string {
  const { refused, detectOnly, tags } = verdict;
  if (refused === null) return plainAnswer(version, correlationId, null, { tags, reasons: [] });
  const body = `${refused.text}. ${refused.advice}.\n`;
  return plainAnswer(version, correlationId, detectOnly ? null : { status: 403, body }, {
    tags,
    reasons: [refused.code],
    text: refused.text,
  });
}

/** Members of `custom` that say who the client is: the same for every frame of a session. */
function identityJson({ clientId, username }: Subject): string {
  const user = username === null ? "" : `,"username":${jsonText(shownName(username))}`;
  return flattened(`,"client_id":${jsonText(clientId)}${user}`);
}

/** The same text in one piece: put together from pieces it would keep them all, for as long as the session lives. */
function flattened(text: string): string {
  return Buffer.from(text).toString();
}

/** Client-made text as JSON, cut to what an audit entry keeps. */
function jsonText(text: string): string {
  return quoted(text.length > 256 ? cut(text) : text);
}

/** Text as JSON: as it is, but for the few characters that JSON writes in another way. */
function quoted(text: string): string {
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    if (unit < 0x20 || unit === 0x22 || unit === 0x5c || (unit & 0xf800) === 0xd800) return JSON.stringify(text);
  }
  return `"${text}"`;
}

const PACKET_MEMBER = PACKET_NAMES.map((name) => `,"packet":"${name}"`);
