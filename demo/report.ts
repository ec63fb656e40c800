import type { AuditMetadata } from "./agent_messages.ts";
import type { FrameRecord } from "./proxied_connection.ts";
import type { ProxyCounts, UpgradeRecord } from "./proxy.ts";

/** Where a report goes. */
export interface ReportOptions {
  /** Whether ANSI colours are understood. */
  readonly colour: boolean;
  readonly print: (line: string) => void;
}

const COLOUR = { plain: 0, bold: 1, dim: 2, red: 31, green: 32, yellow: 33 } as const;
type Colour = keyof typeof COLOUR;

/** Widths of the columns before the last. */
const WIDTH = { who: 16, what: 46, verdict: 8 } as const;

/** Longest text of a client's that is shown. */
const MAX_SHOWN = 80;

/** Tells a person in a terminal what the agent decided, from the verdicts that the proxy saw. */
export class DemoReport {
  readonly #options: ReportOptions;
  readonly #told = new Set<string>();
  readonly #refusals = new Map<string, number>();

  constructor(options: ReportOptions) {
    this.#options = options;
  }

  /** A heading. */
  title(text: string): void {
    this.#line(this.#paint("bold", text));
  }

  /** A few facts, their names aligned. */
  facts(facts: Readonly<Record<string, string>>): void {
    for (const [name, value] of Object.entries(facts)) this.#line(`  ${this.#paint("dim", name.padEnd(9))}${value}`);
  }

  /** Names of the columns. */
  columns(): void {
    const { who, what, verdict } = WIDTH;
    const names = ["client".padEnd(who), "did".padEnd(what), "verdict".padEnd(verdict), "why"];
    this.#line("");
    this.#line(this.#paint("dim", `  ${names.join("  ")}`));
  }

  /** A device comes on. */
  device(name: string, about: string): void {
    this.#line("");
    this.#line(`${this.#paint("bold", name)}: ${about}`);
  }

  /** What the device itself noticed. */
  noticed(text: string): void {
    this.#line(this.#paint("dim", `  → ${visible(text, Infinity)}`));
  }

  /** Something that should not have happened. */
  failed(text: string): void {
    this.#line(this.#paint("red", `  ✗ ${visible(text, Infinity)}`));
  }

  /** An upgrade request: told when it was refused. */
  upgrade({ clientIp, uri, decision }: UpgradeRecord): void {
    if (decision.kind === "accept") return;
    const why = decision.audit === null ? `no verdict: ${decision.body}` : reasonsOf(decision.audit);
    this.#row("red", clientIp, `GET ${uri}, upgrade to WebSocket`, String(decision.status), why);
    this.#count(clientIp, decision.audit);
  }

  /** A frame: told when it was refused, or when its client does this for the first time. */
  frame({ clientIp, from, decision: { action, audit, decidedBy } }: FrameRecord): void {
    const { client_id, packet, packets, topic } = audit?.custom ?? {};
    const who = typeof client_id === "string" ? client_id : clientIp;
    const kind = from === "broker" && packet === "PUBLISH" ? "delivery" : packets ?? packet;
    const what = [kind, topic].filter((part) => typeof part === "string").join(" ");
    if (decidedBy !== "agent") {
      this.#row("yellow", who, "a frame", action.kind, `no verdict: ${decidedBy}`);
    } else if (action.kind !== "forward") {
      this.#row("red", who, what === "" ? "a frame" : what, action.kind, reasonsOf(audit));
      this.#count(who, audit);
    } else if (typeof packet === "string" && audit !== null && TOLD_WHEN_ALLOWED.includes(packet)) {
      const key = `${who}\0${what}`;
      if (this.#told.has(key)) return;
      if (this.#told.size < 1000) this.#told.add(key);
      this.#row("green", who, what, "allow", audit.rule_ids.length > 0 ? `rule ${audit.rule_ids.join(", ")}` : "");
    }
  }

  /** Forgets who was told of already: the next round tells it all again. */
  nextRound(): void {
    this.#told.clear();
  }

  /** The end: what the proxy has counted, and who was refused how often. */
  summary(counts: ProxyCounts): void {
    this.#line("");
    this.title("Summary");
    this.facts({
      frames: `${counts.frames} judged: ${counts.allowed} allowed, ${counts.dropped} dropped, ${counts.closed} closed`,
      upgrades: `${counts.upgrades} judged, ${counts.upgradesRefused} refused`,
      time: `slowest verdict ${counts.slowestVerdictMs.toFixed(1)} ms, ${counts.late} late`,
      unseen: `${counts.unseen + counts.undecodable} frames passed without a verdict`,
    });
    for (const [who, times] of this.#refusals) {
      this.#line(`  ${this.#paint("dim", "refused  ")}${visible(who)}${times > 1 ? `, ${times} times` : ""}`);
    }
  }

  #count(who: string, audit: AuditMetadata | null): void {
    const named = WITH_PORT.test(who) ? "a client without a name" : who;
    const key = `${named}: ${
      audit?.tags.filter((tag) => tag !== "mqtt" && tag !== "blocked").join(" ") ?? "no verdict"
    }`;
    this.#refusals.set(key, (this.#refusals.get(key) ?? 0) + 1);
  }

  #row(colour: Colour, who: string, what: string, verdict: string, why: string): void {
    const columns = [
      visible(who).padEnd(WIDTH.who),
      visible(what).padEnd(WIDTH.what),
      this.#paint(colour, verdict.padEnd(WIDTH.verdict)),
      visible(why, Infinity),
    ];
    this.#line(`  ${columns.join("  ").trimEnd()}`);
  }

  #paint(colour: Colour, text: string): string {
    return this.#options.colour ? `\x1b[${COLOUR[colour]}m${text}\x1b[0m` : text;
  }

  #line(text: string): void {
    this.#options.print(text);
  }
}

/** What a device does, not what goes on underneath. */
const TOLD_WHEN_ALLOWED = ["CONNECT", "PUBLISH", "SUBSCRIBE"];

const WITH_PORT = /:\d+$/;

function reasonsOf(audit: AuditMetadata | null): string {
  if (audit === null) return "";
  const { text } = audit.custom;
  const rule = audit.rule_ids.length > 0 ? `, rule ${audit.rule_ids.join(", ")}` : "";
  const codes = `${audit.reason_codes.join(", ")}${rule}`;
  return typeof text === "string" ? `${text} (${codes})` : codes;
}

/** Text of a client's as a terminal may show it: control characters and the like as escapes, and not without end. */
export function visible(text: string, maxLength: number = MAX_SHOWN): string {
  const escaped = text.replace(/[\p{C}\p{Zl}\p{Zp}]/gu, (char) => `\\u{${char.codePointAt(0)?.toString(16)}}`);
  return escaped.length > maxLength ? `${escaped.slice(0, maxLength - 1)}…` : escaped;
}
