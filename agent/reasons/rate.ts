/** Reasons of rate limits. */

import { type RateKind, type Reason, reason } from "./reason.ts";

const RATE_ADVICE = "The log line names the limit: raise it if the client may send so much, or look at what it does";
const rateReasons: Readonly<Record<RateKind, Reason>> = {
  "client": reason("rate-client", {
    tag: "rate-limited",
    text: "The client sends more than rate-limit.per-client lets it",
    advice: RATE_ADVICE,
  }),
  "topic": reason("rate-topic", {
    tag: "rate-limited",
    text: "More is sent to the topic than rate-limit.per-topic lets pass",
    advice: RATE_ADVICE,
  }),
  "global": reason("rate-global", {
    tag: "rate-limited",
    severity: "error",
    text: "All clients together send more than rate-limit.global lets pass",
    advice: "Raise rate-limit.global, or find out who sends so much: each client is charged to its own bucket first",
  }),
  "connect": reason("rate-connect", {
    tag: "rate-limited",
    text: "More CONNECTs come from this address than rate-limit.connect lets it",
    advice: "Many clients may share the address: raise rate-limit.connect, or look at who reconnects all the time",
  }),
  "subscribe": reason("rate-subscribe", {
    tag: "rate-limited",
    text: "The client subscribes more often than rate-limit.subscribe lets it",
    advice: RATE_ADVICE,
  }),
  "control": reason("rate-control", {
    tag: "rate-limited",
    text: "The client sends more pings, empty frames or unasked acknowledgements than rate-limit.control lets it",
    advice: RATE_ADVICE,
  }),
  "auth-failures": reason("rate-auth-failures", {
    tag: "rate-limited",
    text: "More logins from this address failed than rate-limit.auth-failures lets fail",
    advice: "Look at who guesses from there; a device with an old password may do it too",
  }),
};

/** The reason that goes with a limit of that kind. */
export function rateReason(kind: RateKind): Reason {
  return rateReasons[kind];
}
