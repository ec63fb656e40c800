import type { InspectionFault } from "../../reasons.ts";
import type { InspectionConfig, PartName } from "./config.ts";
import {
  compileInspectionSteps,
  type Findings,
  type Hit,
  inspect,
  type InspectionPlan,
  inspectionWork,
  isWorkCut,
} from "./inspect.ts";
import { checkSchema, compileSchemasSteps, type SchemaFailure, type SchemaSet } from "./json_schema.ts";
import type { JsonLimits } from "./json_limits.ts";
import { arePatternsCut, patternWork } from "./pattern_work.ts";
import { inTopicSet, mostSpecific } from "./topic_set.ts";
import { compileViewLimits } from "./views.ts";

/** One thing that was found, for people: pattern, place and views, and nothing of the text itself. */
export interface Finding {
  readonly word: InspectionFault;
  readonly text: string;
}

/** What one part of a packet came to; there is none where nothing was found. Plain data: a worker can send it. */
export interface Inspected {
  /** What refuses the packet, or null. */
  readonly refusal: Finding | null;
  /** What is told and refuses nothing. */
  readonly noted: readonly Finding[];
  /** One of `noted` is of a pattern on trial. */
  readonly hasShadow: boolean;
}

/** A payload that is too much work to be inspected between a frame and its verdict: it belongs into a worker. */
export const PUT_OFF = "put-off";

/** A fault of the configuration that only compiling finds; the path is within `inspection`. */
export interface InspectorProblem {
  readonly path: readonly (string | number)[];
  readonly message: string;
}

/**
 * Bytes of payloads that one frame may have inspected in its place, bytes of their decoded forms, and what all of that may
 * cost in the units of `Inspector.work`: 3 ms. More goes to a worker, so that nobody else's verdict waits for it. Decoding
 * 64 KiB of base64 at once may come on top; with that a frame stays below `MAX_FRAME_STEPS`.
 */
export const IN_PLACE_BYTES = 32 << 10;
const IN_PLACE_DECODED_BYTES = 64 << 10;
const IN_PLACE_WORK = 3 << 16;
/** An instruction of a custom pattern costs as much for each byte, at worst, as a twentieth of all built-in patterns do. */
const INSTRUCTIONS = 20;
/** What custom patterns and those of schemas may cost in place at worst, in the units of `Inspector.work`: 4 ms. */
const IN_PLACE_PATTERN_WORK = 1 << 18;

let ids = 0;

export type InspectorResult = { readonly inspector: Inspector } | { readonly problems: readonly InspectorProblem[] };

/** The section `inspection`, compiled: immutable. Takes milliseconds to make, and so does importing this module. */
export class Inspector {
  /** Unlike that of any other inspector of this thread. */
  readonly id: number = ++ids;
  /** What it was compiled from: plain data, from which a worker makes its own. */
  readonly config: InspectionConfig;
  readonly inspectsDeliveries: boolean;
  /** Infinity: any. */
  readonly maxPayloadBytes: number;
  readonly skipsOversize: boolean;
  /** Bytes of payload that a frame may have inspected in its place. */
  readonly inPlaceBytes: number;
  readonly #plan: InspectionPlan;
  /** As `#plan`, with what may be decoded in place. */
  readonly #quick: InspectionPlan;
  readonly #schemas: SchemaSet | null;

  private constructor(config: InspectionConfig, plan: InspectionPlan, schemas: SchemaSet | null) {
    this.config = config;
    this.#plan = plan;
    this.#schemas = schemas;
    this.inspectsDeliveries = config["inspect-deliveries"];
    this.maxPayloadBytes = plan.maxPayloadBytes;
    this.skipsOversize = plan.skipsOversize;
    const instructions = plan.customs.reduce((sum, { regex }) => sum + regex.programSize, 0);
    this.inPlaceBytes = Math.trunc(IN_PLACE_BYTES / (1 + instructions / INSTRUCTIONS));
    const decoded = Math.min(config["max-decoded-bytes"], Math.max(1, this.inPlaceBytes * 2), IN_PLACE_DECODED_BYTES);
    this.#quick = Object.freeze({
      ...plan,
      limits: compileViewLimits(config.views, config["max-depth"], decoded),
      maxPatternWork: IN_PLACE_PATTERN_WORK,
      stopsAtBound: true,
    });
  }

  /** Compiles the section; all problems are told at once. Schemas of files are in `schema` already. */
  static compile(config: InspectionConfig): InspectorResult {
    const steps = Inspector.compileSteps(config);
    for (;;) {
      const step = steps.next();
      if (step.done === true) return step.value;
    }
  }

  /** As {@link Inspector.compile}, in steps of about a millisecond, but for the first one of a process. */
  static *compileSteps(config: InspectionConfig): Generator<void, InspectorResult> {
    const compiled = yield* compileInspectionSteps(config);
    const schemas = config["json-schema"].length === 0 ? null : yield* compileSchemasSteps(config["json-schema"]);
    if ("plan" in compiled && (schemas === null || "schemas" in schemas)) {
      return { inspector: new Inspector(config, compiled.plan, schemas?.schemas ?? null) };
    }
    return {
      problems: [
        ..."problems" in compiled ? compiled.problems : [],
        ...schemas !== null && "problems" in schemas ? schemas.problems : [],
      ],
    };
  }

  /** Whether the payload of a message of that topic has to be kept until it is complete. O(filters of schemas). */
  keeps(topic: string, bytes: number): boolean {
    if (bytes > this.maxPayloadBytes) return false;
    return this.#plan.parts.has("payload") || this.#hasSchema(topic);
  }

  /**
   * Searches a name or property of a packet, in its place. `topic` is that of its message, empty where there is none. What
   * would need more than may be decoded in place is refused as `inspection-budget`.
   */
  inspectText(part: PartName, text: string | Uint8Array, topic: string): Inspected | null {
    return told(inspect(this.#quick, part, text, topic), null);
  }

  /** Searches a payload of any size, whatever time it takes, and holds it against its schema. */
  inspectPayload(payload: Uint8Array, topic: string): Inspected | null {
    return this.#inspectMessage("payload", payload, topic, this.#plan, Infinity);
  }

  /**
   * As `inspectPayload`, or `PUT_OFF` where that would take too long beside the frame path. `spentWork`: what payloads of the
   * same frame have cost.
   */
  inspectInPlace(payload: Uint8Array, topic: string, spentWork = 0): Inspected | null | typeof PUT_OFF {
    if (payload.length > this.inPlaceBytes) return PUT_OFF;
    const inspected = this.#inspectMessage("payload", payload, topic, this.#quick, IN_PLACE_WORK - spentWork);
    const isCut = isWorkCut || arePatternsCut || inspected?.refusal?.word === "inspection-budget";
    return isCut ? PUT_OFF : inspected;
  }

  /** Searches the payload of a Will in its place, and holds it against its schema; bounds as for `inspectText`. */
  inspectWill(payload: Uint8Array, topic: string): Inspected | null {
    return this.#inspectMessage("will", payload, topic, this.#quick, Infinity);
  }

  #inspectMessage(
    part: "payload" | "will",
    payload: Uint8Array,
    topic: string,
    plan: InspectionPlan,
    maxWork: number,
  ): Inspected | null {
    const findings = inspect(plan, part, payload, topic, maxWork);
    return told(findings, findings?.blocking == null && !isWorkCut ? this.#checkSchema(topic, payload) : null);
  }

  /** A payload that is larger than `max-payload-size`: refused, or noted where such are let through unsearched. */
  oversized(bytes: number): Inspected {
    const finding: Finding = { word: "payload-size", text: `${bytes} bytes, ${this.maxPayloadBytes} at most` };
    return this.skipsOversize
      ? { refusal: null, noted: [finding], hasShadow: false }
      : { refusal: finding, noted: NOTHING, hasShadow: false };
  }

  /** What the last inspection cost, in bytes and tokens looked at, about 15 ns each. */
  get work(): number {
    return inspectionWork();
  }

  /**
   * As `work`, with what patterns of the operator cost as a rule: at worst they take eight times as much. For what is
   * refused where it has too much of it, and not only put off.
   */
  get usualWork(): number {
    return inspectionWork() - patternWork * 7 / 8;
  }

  #hasSchema(topic: string): boolean {
    return this.#schemas !== null && mostSpecific(this.#schemas.topics, topic) >= 0 && !this.#isExcluded(topic);
  }

  #isExcluded(topic: string): boolean {
    return inTopicSet(this.#plan.excluded, topic);
  }

  #checkSchema(topic: string, payload: Uint8Array): SchemaFailure | null {
    if (this.#schemas === null || this.#isExcluded(topic)) return null;
    const limits: JsonLimits = this.#plan.jsonLimits;
    return checkSchema(this.#schemas, topic, payload, limits);
  }
}

const NOTHING: readonly Finding[] = Object.freeze([]);

function told(findings: Findings | null, failure: SchemaFailure | null): Inspected | null {
  if (findings === null && failure === null) return null;
  const noted = findings?.audited.map(findingOf) ?? [];
  let refusal = findings?.blocking == null ? null : findingOf(findings.blocking);
  if (failure !== null) {
    const finding = schemaFinding(failure);
    if (failure.blocks) refusal ??= finding;
    else noted.push(finding);
  }
  return { refusal, noted, hasShadow: findings?.audited.some(({ shadow }) => shadow) === true };
}

function findingOf({ category, pattern, severity, views, form, offset, part, shadow }: Hit): Finding {
  const how = [...views, ...(form === null ? [] : [form])].join(" > ");
  const place = offset < 0 ? "" : ` at byte ${offset}`;
  const trial = shadow ? ", on trial" : "";
  const read = how === "" ? "" : `, read as ${how}`;
  return { word: category as InspectionFault, text: `${pattern} (${severity}${trial}) in ${part}${place}${read}` };
}

function schemaFinding({ schema, path, keyword }: SchemaFailure): Finding {
  return { word: "schema", text: `schema "${schema}" at "${path}": ${keyword}` };
}
