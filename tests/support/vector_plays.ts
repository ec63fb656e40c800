import type { Opcode } from "./agent_client.ts";
import { annotatedBytes, concat, type HexContext, type MqttVersion } from "./annotated_hex.ts";
import {
  type EventStep,
  type Expectation,
  type FrameStep,
  isFrame,
  type PlayKind,
  type Vector,
  type Verdict,
} from "./vector.ts";

/** What `general.mixed-frames` of the configuration says: it decides what becomes of a refused packet with neighbours. */
export type MixedFrames = "auto" | "drop" | "close";

/** One frame of a play. */
export interface Shot {
  readonly conn: string;
  readonly id: string;
  readonly fromClient: boolean;
  readonly opcode: Opcode;
  readonly fin: boolean;
  readonly index: number | undefined;
  readonly route: string | null | undefined;
  readonly data: string | undefined;
  readonly bytes: Uint8Array;
}

/**
 * A frame of a vector, whole or in pieces. In pieces a refusal may come with any of them but not behind the last, and it
 * is a close, since a piece that is dropped would leave a broken packet behind; `mayDrop`: unless a piece is a whole
 * packet.
 */
export interface Volley {
  readonly kind: "volley";
  readonly shots: readonly Shot[];
  readonly expect: Expectation;
  /** Tags are compared as a set over all answers. */
  readonly tagsAsSet: boolean;
  readonly mayDrop: boolean;
}

export interface Happening {
  readonly kind: "event";
  readonly step: EventStep;
}

/** `cut`: in two frames; `fragments`: in two fragments; `bytes`: a frame a byte, of one frame or of all. */
export type PlayMode =
  | "whole"
  | "detect"
  | "cut"
  | "fragments"
  | "bytes of one"
  | "bytes of all"
  | "bytes of opening"
  | "byte fragments"
  | "early"
  | "join";

/** One way of playing a vector. */
export interface Play {
  readonly kind: PlayMode;
  /** Where it is cut; 0 for other kinds. */
  readonly at: number;
  /** How, for a message: `whole`, `cut at 3 of frame 2`. */
  readonly mode: string;
  /** With `general.block-mode` false. */
  readonly detectOnly: boolean;
  /** Its frames and events, made when they are asked for: of a thousand ways most are not played. */
  makeItems(): readonly (Volley | Happening)[];
}

/** The neighbours that a frame is joined to, by direction; their topic `ok` is allowed in every configuration. */
const PUBLISH_NEIGHBOUR = "30 rl s 'ok' p 'n'";
const PING_NEIGHBOUR = { c2s: "C0 00", s2c: "D0 00" } as const;
const CONNECT = "10 rl cn 02 003C p id";
/** Over MQTT 5 the broker of all vectors takes ten topic aliases. */
const CONNACK = "20 rl 00 00 [5: 03 22 000A]";

/** What a CONNECT gets whose login takes time, if its frame holds more. */
const PENDING: Expectation = {
  verdict: "close",
  reason: "auth-pending",
  tags: ["mqtt", "blocked", "auth-pending"],
};

/** Each play with one of these needs an agent of its own: it is played whole. */
const CHANGES: ReadonlySet<string> = new Set(["configure", "reload", "set-wall"]);

const MAX_BYTEWISE = 48;
/** Frames up to this long are cut at every byte, longer ones where something may happen. */
const MAX_CUT_EVERYWHERE = 64;

/** All ways to play `vector` in one MQTT version. */
export function playsOf(vector: Vector, version: MqttVersion, clientId: string, mixed: MixedFrames): Play[] {
  return new Player(vector, { version, clientId }, mixed).plays();
}

class Player {
  readonly #vector: Vector;
  readonly #context: HexContext;
  readonly #mixed: MixedFrames;
  /** The CONNECT of the opening. */
  readonly #connect: string;
  readonly #plays: Play[] = [];
  readonly #opening: Volley[];
  readonly #body: (Volley | Happening)[];
  readonly #bodySteps: (FrameStep | EventStep)[];

  constructor(vector: Vector, context: HexContext, mixed: MixedFrames) {
    this.#vector = vector;
    this.#context = context;
    this.#mixed = mixed;
    this.#connect = vector.connect ?? CONNECT;
    this.#opening = this.#openingOf(vector.open ?? "connected");
    this.#bodySteps = vector.frames.flatMap((step) => isFrame(step) ? Array(step.times ?? 1).fill(step) : [step]);
    this.#body = this.#bodySteps.map((step, i) =>
      isFrame(step)
        ? this.#whole(step, expectationOf(step, i === this.#bodySteps.length - 1 ? vector : null))
        : { kind: "event", step: i === this.#bodySteps.length - 1 ? withVerdict(step, vector) : step }
    );
  }

  plays(): Play[] {
    this.#play("whole", "whole", () => [...this.#opening, ...this.#body]);
    if (this.#may("detect") && !this.#refusesEarlier()) this.#playDetect();
    if (this.#bodySteps.some((step) => !isFrame(step) && CHANGES.has(step.event))) return this.#plays;
    this.#playPieces();
    this.#playEarly();
    this.#playJoined();
    return this.#plays;
  }

  #may(kind: PlayKind): boolean {
    return !(this.#vector.skip ?? []).includes(kind);
  }

  #play(kind: PlayMode, mode: string, makeItems: () => (Volley | Happening)[], at = 0): void {
    this.#plays.push({ kind, at, mode, detectOnly: kind === "detect", makeItems });
  }

  /** Whether a frame before the last one is refused: then the last one is judged in another state under detect-only. */
  #refusesEarlier(): boolean {
    return this.#bodySteps.slice(0, -1).some((step) =>
      "verdict" in step && step.verdict !== undefined && step.verdict !== "allow"
    );
  }

  #playDetect(): void {
    const last = this.#body.at(-1);
    const expect = detected(this.#vector);
    if (last?.kind === "volley") {
      this.#play("detect", "detect only", () => [...this.#opening, ...this.#body.slice(0, -1), { ...last, expect }]);
    } else if (last !== undefined) {
      this.#play("detect", "detect only", () => [...this.#opening, ...this.#body.slice(0, -1), {
        ...last,
        step: withVerdict(last.step, expect),
      }]);
    }
  }

  #playPieces(): void {
    if (!this.#may("cut") || this.#vector.frames.some((step) => isFrame(step) && step.index !== undefined)) return;
    if (this.#opening.length > 0) {
      this.#play("bytes of opening", "opening byte by byte", () => [...this.#opening.map(byteByByte), ...this.#body]);
    }
    const cuttable = this.#body.map((item, i) => item.kind === "volley" && this.#isCuttable(item, i));
    this.#body.forEach((item, i) => {
      if (item.kind !== "volley" || cuttable[i] !== true) return;
      const replaced = (
        volley: Volley,
      ) => [...this.#opening, ...this.#body.slice(0, i), volley, ...this.#body.slice(i + 1)];
      const where = this.#body.length === 1 ? "" : ` of frame ${i + 1}`;
      for (const at of cutsOf(item)) {
        this.#play("cut", `cut at ${at}${where}`, () => replaced(inPieces(item, [at], this.#boundaries(i))), at);
        this.#play("fragments", `fragments cut at ${at}${where}`, () => replaced(inFragments(item, [at])), at);
      }
      if (lengthOf(item) <= MAX_BYTEWISE) {
        this.#play("bytes of one", `byte by byte${where}`, () => replaced(byteByByte(item)));
        this.#play(
          "byte fragments",
          `byte by byte in fragments${where}`,
          () => replaced(inFragments(item, everyByte(item), true)),
        );
      }
    });
    if (cuttable.some((cut, i) => cut && lengthOf(this.#body[i] as Volley) <= MAX_BYTEWISE)) {
      this.#play("bytes of all", "everything byte by byte", () => [
        ...this.#opening.map(byteByByte),
        ...this.#body.map((item, i) =>
          item.kind === "volley" && cuttable[i] === true && lengthOf(item) <= MAX_BYTEWISE ? byteByByte(item) : item
        ),
      ]);
    }
  }

  #isCuttable(item: Volley, i: number): boolean {
    const [shot] = item.shots;
    const isLast = i === this.#body.length - 1;
    return shot !== undefined && shot.opcode === "binary" && shot.fin && shot.data === undefined &&
      shot.bytes.length > 1 &&
      (item.expect.verdict === "allow" || isLast) && !this.#isFragmentedBefore(i);
  }

  /** A message in fragments is open when frame `i` comes: it is broken framing, and so are its pieces. */
  #isFragmentedBefore(i: number): boolean {
    const step = this.#bodySteps[i];
    return step !== undefined && isFrame(step) &&
      this.#bodySteps.slice(0, i).some((before) => isFrame(before) && before.fin === false && sameLane(before, step));
  }

  #boundaries(i: number): readonly number[] {
    const step = this.#bodySteps[i];
    return step !== undefined && isFrame(step) ? annotatedBytes(step.hex, this.#context).boundaries : [];
  }

  /** The same without CONNACK, and all in one frame with CONNECT: every packet may pass before CONNACK. */
  #playEarly(): void {
    if ((this.#vector.open ?? "connected") !== "connected" || !this.#may("early")) return;
    const steps = this.#bodySteps;
    if (!steps.every((step) => isFrame(step) && (step.dir ?? "c2s") === "c2s" && (step.conn ?? "A") === "A")) return;
    this.#play("early", "before CONNACK", () => [...this.#openingOf("connecting"), ...this.#body]);
    const frames = steps as FrameStep[];
    const isPlain = frames.every(isJoinable) && !this.#refusesEarlier();
    if (!this.#may("glue") || !this.#may("join") || !isPlain) return;
    const glued = [this.#connect, ...frames.map((step) => step.hex)].join(" | ");
    const { verdict, tags } = this.#vector;
    const expect = verdict === "allow"
      ? allowed(["mqtt", "connect", "success", ...frames.flatMap((step) => step.tags ?? []), ...tags ?? []], [
        this.#vector,
        ...frames.slice(0, -1),
      ])
      : { ...this.#vector, verdict: "close" as const };
    this.#play("early", "in one frame with CONNECT", () => [asSet(this.#whole({ hex: glued }, expect))]);
  }

  #playJoined(): void {
    const i = this.#bodySteps.length - 1;
    const target = this.#bodySteps[i];
    if (!this.#may("join") || target === undefined || !isFrame(target) || !isJoinable(target)) return;
    if (this.#isFragmentedBefore(i)) return;
    const before = [...this.#opening, ...this.#body.slice(0, -1)];
    const direction = target.dir ?? "c2s";
    const lane = this.#laneBytes(target, i);
    const own = annotatedBytes(target.hex, this.#context).bytes;
    const startsWhole = isWhole(lane);
    const endsWhole = isWhole(concat([lane, own]));
    const types = packetTypes(own);
    const isConnect = types[0] === 1 && !this.#connectedBefore(target, i);
    const mayPrecede = startsWhole && !(types[0] === 2 && direction === "s2c") &&
      (direction === "s2c" || this.#connectedBefore(target, i));
    // Behind DISCONNECT every packet is one too many.
    const mayFollow = endsWhole && !types.includes(14);
    const publish = PUBLISH_NEIGHBOUR;
    const ping = PING_NEIGHBOUR[direction];
    const join = (mode: string, hex: string, neighbour: "publish" | "ping") => {
      const tag = neighbour === "ping" ? "ping" : direction === "c2s" ? "publish" : "delivery";
      this.#play("join", mode, () => [
        ...before,
        asSet(this.#whole({ ...target, hex }, this.#joined(neighbour, isConnect, tag))),
      ]);
    };
    if (mayFollow) {
      join("in front of a PUBLISH", `${target.hex} | ${publish}`, "publish");
      join("in front of a ping", `${target.hex} | ${ping}`, "ping");
    }
    if (mayPrecede) {
      join("behind a PUBLISH", `${publish} | ${target.hex}`, "publish");
      join("behind a ping", `${ping} | ${target.hex}`, "ping");
    }
    if (mayFollow && mayPrecede) join("between PUBLISHes", `${publish} | ${target.hex} | ${publish}`, "publish");
    this.#joinPrevious(target, i);
  }

  /** The last two frames of the vector as one. */
  #joinPrevious(target: FrameStep, i: number): void {
    const previous = this.#bodySteps[i - 1];
    if (previous === undefined || !isFrame(previous) || !isJoinable(previous) || !sameLane(previous, target)) return;
    if ((previous.verdict ?? "allow") !== "allow" || this.#isFragmentedBefore(i - 1)) return;
    const lane = this.#laneBytes(previous, i - 1);
    const first = annotatedBytes(previous.hex, this.#context).bytes;
    const { version } = this.#context;
    const isSeam = isWhole(concat([lane, first]));
    const { verdict } = this.#vector;
    let joined: Verdict = verdict;
    if (verdict === "drop" && this.#mixed !== "drop") {
      joined = isWhole(lane) && this.#mixed === "auto" && isLosable(first, version) ? "drop" : "close";
    }
    if (verdict === "drop" && this.#mixed === "drop") joined = "refused";
    // What was in pieces is whole now, and may be dropped.
    if (verdict === "close" && !isSeam) joined = "refused";
    const expect = joined === "allow"
      ? allowed([...previous.tags ?? [], ...this.#vector.tags ?? []], [this.#vector, previous])
      : { ...this.#vector, verdict: joined };
    const hex = `${previous.hex} ${isSeam ? "|" : ""} ${target.hex}`;
    if (!isSeam && /\brl\b/.test(hex)) return;
    this.#play("join", "joined to the frame before", () => [
      ...this.#opening,
      ...this.#body.slice(0, -2),
      asSet(this.#whole({ ...target, hex }, expect)),
    ]);
  }

  /** What becomes of the last frame when an allowed packet is in it too. */
  #joined(neighbour: "publish" | "ping", isConnect: boolean, tag: string): Expectation {
    const { verdict, tags, waits } = this.#vector;
    if (waits === true && isConnect) return PENDING;
    switch (verdict) {
      case "allow":
        return allowed([...tags ?? [], tag], [this.#vector]);
      case "drop": {
        const drops = !isConnect && (this.#mixed === "drop" || (this.#mixed === "auto" && neighbour === "publish"));
        return { ...this.#vector, verdict: drops ? "drop" : "close" };
      }
      default:
        return this.#vector;
    }
  }

  #connectedBefore(target: FrameStep, i: number): boolean {
    const conn = target.conn ?? "A";
    if ((this.#vector.open ?? "connected") !== "none" && conn === "A") return true;
    return this.#bodySteps.slice(0, i).some((step) =>
      isFrame(step) && (step.conn ?? "A") === conn &&
      packetTypes(annotatedBytes(step.hex, this.#context).bytes).includes(1)
    );
  }

  /** MQTT bytes that came before frame `i` in its direction. */
  #laneBytes(target: FrameStep, i: number): Uint8Array {
    return concat(
      this.#bodySteps.slice(0, i).filter((step) => isFrame(step)).filter((step) => sameLane(step, target))
        .filter((step) => (step.opcode ?? "binary") === "binary" || step.opcode === "continuation")
        .map((step) => annotatedBytes(step.hex, this.#context).bytes),
    );
  }

  #openingOf(open: NonNullable<Vector["open"]>): Volley[] {
    const connect = this.#whole({ hex: this.#connect }, { verdict: "allow", tags: ["mqtt", "connect", "success"] });
    const connack = this.#whole({ dir: "s2c", hex: CONNACK }, { verdict: "allow" });
    return open === "none" ? [] : open === "connecting" ? [connect] : [connect, connack];
  }

  #whole(step: FrameStep, expect: Expectation): Volley {
    const shot: Shot = {
      conn: step.conn ?? "A",
      id: step.id ?? "k",
      fromClient: (step.dir ?? "c2s") === "c2s",
      opcode: step.opcode ?? "binary",
      fin: step.fin ?? true,
      index: step.index,
      route: step.route,
      data: step.data,
      bytes: annotatedBytes(step.hex, this.#context).bytes,
    };
    return { kind: "volley", shots: [shot], expect, tagsAsSet: false, mayDrop: true };
  }
}

function expectationOf(step: FrameStep, vector: Vector | null): Expectation {
  return vector ?? { ...step, verdict: step.verdict ?? "allow" };
}

function withVerdict(step: EventStep, { verdict, code, reason, tags }: Expectation): EventStep {
  if (step.event !== "request_headers") return step;
  return {
    ...step,
    verdict,
    ...(code === undefined ? {} : { code }),
    ...(reason === undefined ? {} : { reason }),
    ...(tags === undefined ? {} : { tags }),
  };
}

/** Nothing is blocked: allowed, and the tags say what would have been. */
function detected(vector: Vector): Expectation {
  if (vector.waits === true) return { verdict: "allow", tags: ["mqtt", "detect-only", "auth-pending", "*"] };
  if (vector.verdict === "allow") return vector;
  const word = vector.tags?.[2];
  return { verdict: "allow", tags: ["mqtt", "detect-only", ...(word === undefined ? [] : [word]), "*"] };
}

/** Allowed packets in one frame: their tags together, if all of them say theirs. */
function allowed(tags: readonly string[], parts: readonly Partial<Expectation>[]): Expectation {
  return parts.every((part) => part.tags !== undefined)
    ? { verdict: "allow", tags: [...new Set(tags)] }
    : { verdict: "allow" };
}

function asSet(volley: Volley): Volley {
  return { ...volley, tagsAsSet: volley.expect.verdict === "allow" };
}

function lengthOf(volley: Volley): number {
  return volley.shots[0]?.bytes.length ?? 0;
}

function everyByte(volley: Volley): number[] {
  return Array.from({ length: lengthOf(volley) - 1 }, (_, i) => i + 1);
}

function cutsOf(volley: Volley): number[] {
  const every = everyByte(volley);
  if (every.length < MAX_CUT_EVERYWHERE) return every;
  return every.filter((at) => at <= 24 || at >= every.length - 3 || at === every.length >> 1);
}

/** The frame as several whole binary frames, cut at the given places. */
function inPieces(volley: Volley, cuts: readonly number[], boundaries: readonly number[]): Volley {
  const [shot] = volley.shots as [Shot];
  const shots = pieces(shot.bytes, cuts).map((bytes) => ({ ...shot, bytes }));
  return { ...volley, shots, tagsAsSet: true, mayDrop: cuts.some((at) => boundaries.includes(at)) };
}

function byteByByte(volley: Volley): Volley {
  return inPieces(volley, everyByte(volley), []);
}

/** The frame as a fragmented message; a ping between the fragments changes nothing (RFC 6455 section 5.4). */
function inFragments(volley: Volley, cuts: readonly number[], withPing = false): Volley {
  const [shot] = volley.shots as [Shot];
  const parts = pieces(shot.bytes, cuts);
  const shots: Shot[] = parts.map((bytes, i) => ({
    ...shot,
    bytes,
    opcode: i === 0 ? "binary" : "continuation",
    fin: i === parts.length - 1,
  }));
  if (withPing) shots.splice(1, 0, { ...shot, opcode: "ping", bytes: new Uint8Array(2) });
  return { ...volley, shots, tagsAsSet: true, mayDrop: false };
}

function pieces(bytes: Uint8Array, cuts: readonly number[]): Uint8Array[] {
  const ends = [...cuts, bytes.length];
  return ends.map((end, i) => bytes.subarray(i === 0 ? 0 : ends[i - 1], end));
}

function sameLane(one: FrameStep, other: FrameStep): boolean {
  return (one.dir ?? "c2s") === (other.dir ?? "c2s") && (one.conn ?? "A") === (other.conn ?? "A") &&
    (one.id ?? "k") === (other.id ?? "k");
}

/** A plain binary frame: others can be put beside its packets. */
function isJoinable(step: FrameStep): boolean {
  return (step.opcode ?? "binary") === "binary" && (step.fin ?? true) && step.data === undefined &&
    step.index === undefined &&
    step.hex !== "" && (step.times ?? 1) === 1;
}

interface Header {
  readonly type: number;
  readonly flags: number;
  readonly end: number;
  readonly bodyStart: number;
}

/** Fixed headers of the packets in `bytes`; null behind the last one if bytes are left over or its length is broken. */
function headers(bytes: Uint8Array): (Header | null)[] {
  const found: (Header | null)[] = [];
  for (let at = 0; at < bytes.length;) {
    let length = 0;
    let i = 1;
    for (;; i++) {
      const byte = bytes[at + i];
      if (byte === undefined || i > 4) return [...found, null];
      length += (byte & 0x7f) * 128 ** (i - 1);
      if (byte < 0x80) break;
    }
    const first = bytes[at] ?? 0;
    const bodyStart = at + i + 1;
    at = bodyStart + length;
    if (at > bytes.length) return [...found, null];
    found.push({ type: first >> 4, flags: first & 15, bodyStart, end: at });
  }
  return found;
}

function isWhole(bytes: Uint8Array): boolean {
  return !headers(bytes).includes(null);
}

function packetTypes(bytes: Uint8Array): number[] {
  const types = headers(bytes).filter((header) => header !== null).map((header) => header.type);
  return types.length > 0 ? types : [(bytes[0] ?? 0) >> 4];
}

/** Whole PUBLISHes of QoS 0 alone, none of which sets a topic alias: MQTT lets them be lost. */
function isLosable(bytes: Uint8Array, version: MqttVersion): boolean {
  return headers(bytes).every((header) => {
    if (header === null || header.type !== 3 || (header.flags & 0x06) !== 0) return false;
    const topicLength = ((bytes[header.bodyStart] ?? 0) << 8) | (bytes[header.bodyStart + 1] ?? 0);
    const properties = header.bodyStart + 2 + topicLength;
    return version !== 5 || topicLength === 0 || (bytes[properties] ?? 0) === 0 ||
      !bytes.subarray(properties + 1, properties + 1 + (bytes[properties] ?? 0)).includes(0x23);
  });
}
