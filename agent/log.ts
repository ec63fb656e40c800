/**
 * Log lines on standard error: JSON or human, bounded, folded, and safe to look at.
 *
 * Logging must never stand between a frame and its verdict. A line costs its formatting; it is put into a buffer of
 * fixed size that is written in the background, and what does not fit is dropped, counted and told. A flood of equal
 * refusals, whose rate an attacker chooses, costs a counter.
 */

import { LineQueue } from "./line_queue.ts";
import {
  cut,
  fieldName,
  fieldWord,
  jsonValue,
  MAX_FIELD_CHARS,
  MAX_VALUES,
  quoted,
  unquotedIfPlain,
  visible,
} from "./log_text.ts";

export type LogLevel = "trace" | "debug" | "info" | "warn" | "error";

/** What a line says beside its message. Values are read when the line is written, so no view of a buffer that is reused. */
export type LogFields = Readonly<Record<string, unknown>>;

export interface LineOptions {
  /** Lines with an equal key within one window are written once and then counted. */
  readonly foldKey?: string;
}

export interface LoggerOptions {
  /** Lines below it cost one comparison. Default `info`. */
  readonly level?: LogLevel;
  /** One JSON object a line, instead of a line for people. */
  readonly json?: boolean;
  /** ANSI colours for the level, in lines for people. */
  readonly colours?: boolean;
  /** Takes some or all of the bytes and says how many, as `Deno.Writer`. Default standard error. One call at a time. */
  readonly write?: (bytes: Uint8Array) => Promise<number>;
  /** Milliseconds since 1970. */
  readonly now?: () => number;
  /** Calls back once after `ms`; the returned function cancels. The default keeps no process alive. */
  readonly setTimer?: (callback: () => void, ms: number) => () => void;
  /** Bound of what waits to be written; as much again may be in the hands of `write`. */
  readonly maxQueuedBytes?: number;
  readonly maxQueuedLines?: number;
  /** How long equal lines are counted before the sum is written. */
  readonly foldWindowMs?: number;
  /** Different keys that are counted apart; all others share one. */
  readonly maxFoldKeys?: number;
  /** The longest that `flush` waits for a reader that does not read. */
  readonly flushTimeoutMs?: number;
}

export interface LogStats {
  /** Lines that were lost: queue full, or the write failed. */
  readonly dropped: number;
  /** Lines that were counted instead of written. */
  readonly folded: number;
}

export interface Logger {
  trace(message: string, fields?: LogFields, options?: LineOptions): void;
  debug(message: string, fields?: LogFields, options?: LineOptions): void;
  info(message: string, fields?: LogFields, options?: LineOptions): void;
  warn(message: string, fields?: LogFields, options?: LineOptions): void;
  error(message: string, fields?: LogFields, options?: LineOptions): void;
  /** For callers whose fields are costly to make. */
  enabled(level: LogLevel): boolean;
  setLevel(level: LogLevel): void;
  /** Writes the sums of folded lines and waits until everything is out, or `flushTimeoutMs` passed. Leaves no timer. */
  flush(): Promise<void>;
  readonly stats: LogStats;
}

const LEVEL_NUMBER: Readonly<Record<LogLevel, number>> = { trace: 0, debug: 1, info: 2, warn: 3, error: 4 };
const COLOUR: Readonly<Record<LogLevel, string>> = {
  trace: "\x1b[90m",
  debug: "\x1b[36m",
  info: "\x1b[32m",
  warn: "\x1b[33m",
  error: "\x1b[31m",
};
const COLOUR_END = "\x1b[0m";

const MAX_MESSAGE_CHARS = 4096;

const OVERFLOW_KEY = Symbol("overflow");

/** One key's count in the window that is open. */
interface Fold {
  level: LogLevel;
  message: string;
  fields: LogFields | undefined;
  repeated: number;
}

/** Makes a logger; without options: level `info`, lines for people, on standard error. */
export function createLogger(options: LoggerOptions = {}): Logger {
  return new LineLogger(options);
}

class LineLogger implements Logger {
  readonly #queue: LineQueue;
  readonly #json: boolean;
  readonly #colours: boolean;
  readonly #now: () => number;
  readonly #setTimer: (callback: () => void, ms: number) => () => void;
  readonly #foldWindowMs: number;
  readonly #maxFoldKeys: number;
  readonly #flushTimeoutMs: number;
  /** Bounded by `maxFoldKeys` and one; a key leaves with the first window in which it was not seen. */
  readonly #folds = new Map<string | symbol, Fold>();
  #cancelWindow: (() => void) | null = null;
  #folded = 0;
  #level: number;
  #timeMs = NaN;
  #timeText = "";

  constructor(options: LoggerOptions) {
    this.#level = LEVEL_NUMBER[options.level ?? "info"];
    this.#json = options.json ?? false;
    this.#colours = options.colours ?? false;
    this.#now = options.now ?? Date.now;
    this.#setTimer = options.setTimer ?? setIdleTimer;
    this.#foldWindowMs = options.foldWindowMs ?? 10_000;
    this.#maxFoldKeys = options.maxFoldKeys ?? 256;
    this.#flushTimeoutMs = options.flushTimeoutMs ?? 1000;
    this.#queue = new LineQueue({
      write: options.write ?? ((bytes) => Deno.stderr.write(bytes)),
      maxBytes: options.maxQueuedBytes ?? 256 * 1024,
      maxLines: options.maxQueuedLines ?? 2048,
      droppedLine: (count) => this.#format("warn", `${grouped(count)} log lines were dropped`, { dropped: count }),
    });
  }

  trace(message: string, fields?: LogFields, options?: LineOptions): void {
    if (this.#level <= 0) this.#log("trace", message, fields, options);
  }

  debug(message: string, fields?: LogFields, options?: LineOptions): void {
    if (this.#level <= 1) this.#log("debug", message, fields, options);
  }

  info(message: string, fields?: LogFields, options?: LineOptions): void {
    if (this.#level <= 2) this.#log("info", message, fields, options);
  }

  warn(message: string, fields?: LogFields, options?: LineOptions): void {
    if (this.#level <= 3) this.#log("warn", message, fields, options);
  }

  error(message: string, fields?: LogFields, options?: LineOptions): void {
    this.#log("error", message, fields, options);
  }

  enabled(level: LogLevel): boolean {
    return this.#level <= LEVEL_NUMBER[level];
  }

  setLevel(level: LogLevel): void {
    this.#level = LEVEL_NUMBER[level];
  }

  get stats(): LogStats {
    return { dropped: this.#queue.dropped, folded: this.#folded };
  }

  async flush(): Promise<void> {
    this.#cancelWindow?.();
    this.#cancelWindow = null;
    this.#writeSums();
    this.#folds.clear();
    if (this.#queue.isEmpty) return;
    // A pipe that nobody reads would otherwise keep a process from ending that was asked to.
    let cancel = () => {};
    const late = new Promise<void>((resolve) => cancel = this.#setTimer(resolve, this.#flushTimeoutMs));
    await Promise.race([this.#queue.whenEmpty(), late]);
    cancel();
  }

  #log(level: LogLevel, message: string, fields: LogFields | undefined, options: LineOptions | undefined): void {
    const key = options?.foldKey;
    if (key !== undefined && this.#fold(key, level, message, fields)) return;
    this.#queue.add(this.#format(level, message, fields));
  }

  /**
   * True when the line was counted and is not to be written.
   *
   * Costs one map lookup and four stores; it reads no clock, since the window ends by timer.
   */
  #fold(key: string, level: LogLevel, message: string, fields: LogFields | undefined): boolean {
    let fold = this.#folds.get(key);
    if (fold === undefined) {
      // Keys hold what clients send (a reason, a client id). Without a bound each new one would cost memory and a line.
      const slot = this.#folds.size < this.#maxFoldKeys ? key : OVERFLOW_KEY;
      fold = this.#folds.get(slot);
      if (fold === undefined) {
        this.#folds.set(slot, { level, message, fields, repeated: 0 });
        this.#cancelWindow ??= this.#setTimer(this.#endWindow, this.#foldWindowMs);
        return false;
      }
    }
    fold.level = level;
    fold.message = message;
    fold.fields = fields;
    fold.repeated++;
    this.#folded++;
    return true;
  }

  readonly #endWindow = (): void => {
    this.#cancelWindow = null;
    this.#writeSums();
    // What goes on stays folded, one sum a window; what has stopped is written in full when it comes back.
    if (this.#folds.size > 0) this.#cancelWindow = this.#setTimer(this.#endWindow, this.#foldWindowMs);
  };

  #writeSums(): void {
    for (const [key, fold] of this.#folds) {
      if (fold.repeated === 0) {
        this.#folds.delete(key);
        continue;
      }
      const what = key === OVERFLOW_KEY ? `${fold.message} and others` : fold.message;
      const message = `${what}, repeated ${grouped(fold.repeated)} times`;
      this.#queue.add(this.#format(fold.level, message, fold.fields, fold.repeated));
      fold.repeated = 0;
    }
  }

  /** The whole line with its newline. Never throws: a getter or a proxy in the fields would otherwise decide a verdict. */
  #format(level: LogLevel, message: string, fields: LogFields | undefined, repeated = 0): string {
    let text = "";
    if (fields !== undefined) {
      try {
        text = this.#fields(fields);
      } catch {
        text = this.#field("unreadable", "true");
      }
    }
    // The message of a sum says it too, in words.
    if (repeated > 0 && this.#json) text += this.#field("repeated", String(repeated));
    const shown = cut(message, MAX_MESSAGE_CHARS);
    if (this.#json) return `{"time":"${this.#time()}","level":"${level}","message":${quoted(shown)}${text}}\n`;
    const word = level.toUpperCase().padEnd(5);
    return `${this.#time()} ${this.#colours ? COLOUR[level] + word + COLOUR_END : word} ${visible(shown)}${text}\n`;
  }

  #fields(fields: LogFields): string {
    const budget = { values: MAX_VALUES };
    let text = "";
    for (const name of Object.keys(fields)) {
      const value = jsonValue(name, fields[name], budget);
      if (value !== "") text += this.#field(name, value);
    }
    return text;
  }

  #field(name: string, json: string): string {
    const shown = cut(name, MAX_FIELD_CHARS);
    return this.#json ? `,${quoted(fieldName(shown))}:${json}` : ` ${fieldWord(shown)}=${unquotedIfPlain(json)}`;
  }

  #time(): string {
    const now = this.#now();
    if (now !== this.#timeMs) {
      this.#timeMs = now;
      this.#timeText = new Date(now).toISOString();
    }
    return this.#timeText;
  }
}

/** 3120 as `3,120`. */
function grouped(count: number): string {
  return String(count).replace(/\B(?=(\d{3})+$)/g, ",");
}

function setIdleTimer(callback: () => void, ms: number): () => void {
  const id = setTimeout(callback, ms);
  Deno.unrefTimer(id);
  return () => clearTimeout(id);
}
