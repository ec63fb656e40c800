import type { FrameReport } from "../../agent/frame_report.ts";
import { traceRules } from "../../agent/policy/acl/trace_rules.ts";
import type { TracedCheck, TracedDecision } from "../../agent/policy/trace_recorder.ts";
import { TraceRecorder } from "../../agent/policy/trace_recorder.ts";
import type { Listener } from "./agent_in_process.ts";

/** Tags of refusals that a check of the frame path made, as far as they are about a packet. */
const BY_CHECKS: ReadonlySet<string> = new Set([
  "auth-failed",
  "acl-denied",
  "banned",
  "qos-denied",
  "retained-denied",
  "inspection-blocked",
  "schema-invalid",
]);
/** Problems that are kept; one is enough to fail. */
const MAX_PROBLEMS = 20;

/**
 * Holds what the frame path tells a tracer against what it reports: the same refusals, in the same order, by the same
 * rules; and each rule asked alone against the decision of all.
 */
export class TraceListener implements Listener {
  readonly tracer = new TraceRecorder();
  readonly problems: string[] = [];
  /** How often what was seen, so that a test can tell that it happened at all. */
  readonly seen = new Map<string, number>();

  begin(): void {
    this.tracer.clear();
  }

  judged(report: FrameReport): void {
    const checks = this.tracer.packets.flatMap(({ checks }) => checks);
    this.#count("frames");
    const refusing = checks.filter(({ refused }) => refused !== null);
    this.#compareRefusals(report, refusing);
    for (const { name, decisions, refused } of checks) {
      this.#count(name);
      this.#count(refused === null ? "passed" : "refused");
      for (const one of decisions) this.#askRules(one);
    }
  }

  #compareRefusals(report: FrameReport, refusing: readonly TracedCheck[]): void {
    // Packets whose refusals are only counted have nothing to be compared with.
    if (report.refused > report.refusals.length) return;
    const told = report.refusals.filter(({ packetType }) => packetType !== 0);
    let at = 0;
    for (const { refused, decisions } of refusing) {
      while (at < told.length && told[at]?.reason !== refused) at++;
      const refusal = told[at++];
      if (refusal === undefined) {
        this.#fail(`traced ${refused?.code}, reported ${told.map(({ reason }) => reason.code).join(" ") || "nothing"}`);
        continue;
      }
      const last = decisions.at(-1);
      if (last === undefined || last.byLogin || refusal.reason.tag !== "acl-denied") continue;
      this.#count("acl refusal");
      if (last.decision.rule !== refusal.rule) {
        this.#fail(`${refused?.code} by rule ${refusal.rule?.name}, traced ${last.decision.rule?.name}`);
      }
    }
    const byChecks = told.filter(({ reason }) => BY_CHECKS.has(reason.tag)).length;
    const traced = refusing.filter(({ refused }) => BY_CHECKS.has(refused?.tag ?? "")).length;
    if (byChecks !== traced) this.#fail(`${byChecks} refusals by checks were reported, ${traced} traced`);
  }

  #askRules({ question, decision }: TracedDecision): void {
    this.#count(`asked ${question.action}`);
    const traces = traceRules(question, decision);
    const named = (outcome: string) => traces.find((trace) => trace.outcome === outcome)?.rule ?? null;
    const isAsked = traces.every(({ outcome }) => outcome !== "not-asked");
    const first = traces.find(({ rule, misses }) => !rule.shadow && misses.length === 0)?.rule ?? null;
    if (named("decides") !== decision.rule || named("would-decide") !== decision.shadow) {
      this.#fail(`${question.action} ${question.topic}: decided by ${decision.rule?.name}, traced another`);
    }
    if (isAsked && first !== decision.rule) {
      this.#fail(`${question.action} ${question.topic}: decided by ${decision.rule?.name}, asked alone ${first?.name}`);
    }
  }

  #count(what: string): void {
    this.seen.set(what, (this.seen.get(what) ?? 0) + 1);
  }

  #fail(problem: string): void {
    if (this.problems.length < MAX_PROBLEMS) this.problems.push(problem);
  }
}
