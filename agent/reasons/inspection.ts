/** Reasons of payload inspection, and of features that are refused. */

import { type InspectionFault, type Reason, reason } from "./reason.ts";

const PATTERN_ADVICE =
  "The log line names pattern and place: look at who sends it; put its topic into inspection.exclude-topics if it is meant";
const inspectionReasons: Readonly<Record<InspectionFault, Reason>> = {
  "sqli": reason("inspection-sqli", {
    tag: "inspection-blocked",
    text: "A part of the packet looks like SQL injection",
    advice: PATTERN_ADVICE,
  }),
  "command-injection": reason("inspection-command-injection", {
    tag: "inspection-blocked",
    text: "A part of the packet looks like shell commands",
    advice: PATTERN_ADVICE,
  }),
  "script-injection": reason("inspection-script-injection", {
    tag: "inspection-blocked",
    text: "A part of the packet looks like a script, a template or an expression that would be run",
    advice: PATTERN_ADVICE,
  }),
  "path-traversal": reason("inspection-path-traversal", {
    tag: "inspection-blocked",
    text: "A part of the packet looks like a path that climbs out of where it belongs",
    advice: PATTERN_ADVICE,
  }),
  "custom": reason("inspection-custom", {
    tag: "inspection-blocked",
    text: "A part of the packet matches one of inspection.patterns.custom-patterns",
    advice: "The log line names the pattern; set its shadow to true to try it without refusing",
  }),
  "inspection-budget": reason("inspection-budget", {
    tag: "inspection-blocked",
    text: "A part of the packet is encoded deeper, or decodes to more, than is searched",
    advice: "Raise inspection.max-depth or inspection.max-decoded-bytes if devices really send this",
  }),
  "json-limits": reason("json-limits", {
    tag: "inspection-blocked",
    text: "The JSON payload breaks one of inspection.json-limits",
    advice: "The log line names the limit: raise it if devices really send this",
  }),
  "binary": reason("binary-payload", {
    tag: "inspection-blocked",
    text: "The payload is not UTF-8, and inspection.block-binary is on",
    advice: "Let the device send text, or turn inspection.block-binary off",
  }),
  "payload-size": reason("payload-too-large", {
    tag: "size-exceeded",
    text: "The payload is larger than inspection.max-payload-size",
    advice:
      'Raise inspection.max-payload-size, or set inspection.oversize to "skip" to let such payloads through unsearched',
  }),
  "schema": reason("schema-invalid", {
    tag: "schema-invalid",
    text: "The payload does not fit the JSON Schema of its topic",
    advice: "The log line says where and by which keyword: mend the device, or the schema",
  }),
};

/** The reason that goes with what inspection found. */
export function inspectionReason(fault: InspectionFault): Reason {
  return inspectionReasons[fault];
}

export const INSPECTION_OVERLOADED = reason("inspection-overloaded", {
  tag: "overloaded",
  severity: "error",
  text: "The payload is too large to be inspected beside the frame path, and its inspection can not be done in time",
  advice: "Lower inspection.max-payload-size, or limit the bytes that clients may send (rate-limit)",
});
export const SUBSCRIPTION_ID_REFUSED = reason("subscription-identifier-refused", {
  tag: "limit-exceeded",
  text: "Subscription identifiers are refused by general.subscription-identifiers",
  advice: 'Set general.subscription-identifiers to "allow" if clients may use them',
});
export const ALIAS_REFUSED = reason("topic-alias-refused", {
  tag: "limit-exceeded",
  text: "Topic aliases are refused by general.topic-aliases",
  advice: 'Set general.topic-aliases to "allow" if clients may use them',
});
