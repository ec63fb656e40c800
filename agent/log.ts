/**
 * Log lines on standard error: JSON or human, bounded, folded, and safe to look at.
 *
 * Logging must never stand between a frame and its verdict. A line costs its formatting; it is put into a buffer of
 * fixed size that is written in the background, and what does not fit is dropped, counted and told. A flood of equal
 * refusals, whose rate an attacker chooses, costs a counter.
 */

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

const MAX_FIELD_CHARS = 256;
const MAX_MESSAGE_CHARS = 4096;
/** Values in one line, nested ones included: with the cut of each this bounds the line. */
const MAX_VALUES = 64;

const PLAIN_TEXT = /^[\x20-\x7e]*$/;
/** What a human line can show without quotes and still be read back. */
const PLAIN_WORD = /^[\x21\x23-\x3c\x3e-\x5b\x5d-\x7e]+$/;
/** Controls (ANSI begins with one), format characters (bidi, zero width, tags), line separators, lone surrogates. */
const UNSAFE = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/gu;

const SECRET_WORDS: ReadonlySet<string> = new Set([
  "password",
  "passwords",
  "passwd",
  "passphrase",
  "secret",
  "secrets",
  "token",
  "authorization",
  "cookie",
  "cookies",
  "credential",
  "credentials",
]);
const REDACTED = "[redacted]";

const ENCODER = new TextEncoder();
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

/** Lines in one buffer of fixed size while the one before is being written: no promise, list or timer per line. */
class LineQueue {
  readonly #write: (bytes: Uint8Array) => Promise<number>;
  readonly #maxLines: number;
  readonly #droppedLine: (count: number) => string;
  #filling: Uint8Array;
  #spare: Uint8Array;
  #bytes = 0;
  #lines = 0;
  #writing = false;
  #dropped = 0;
  #untold = 0;
  #whenEmpty: (() => void)[] = [];

  constructor(options: {
    write: (bytes: Uint8Array) => Promise<number>;
    maxBytes: number;
    maxLines: number;
    droppedLine: (count: number) => string;
  }) {
    this.#write = options.write;
    this.#maxLines = options.maxLines;
    this.#droppedLine = options.droppedLine;
    this.#filling = new Uint8Array(options.maxBytes);
    this.#spare = new Uint8Array(options.maxBytes);
  }

  get dropped(): number {
    return this.#dropped;
  }

  get isEmpty(): boolean {
    return this.#lines === 0 && !this.#writing;
  }

  whenEmpty(): Promise<void> {
    return this.isEmpty ? Promise.resolve() : new Promise((resolve) => this.#whenEmpty.push(resolve));
  }

  add(line: string): void {
    if (!this.#put(line)) {
      this.#dropped++;
      this.#untold++;
    }
    if (!this.#writing && this.#lines > 0) {
      this.#writing = true;
      // Later in this turn, so that the lines of one turn share a write.
      queueMicrotask(() => this.#run());
    }
  }

  #put(line: string): boolean {
    if (this.#lines >= this.#maxLines) return false;
    const { read, written } = ENCODER.encodeInto(line, this.#filling.subarray(this.#bytes));
    if (read < line.length) return false;
    this.#bytes += written;
    this.#lines++;
    return true;
  }

  async #run(): Promise<void> {
    while (this.#lines > 0) {
      const batch = this.#filling, bytes = this.#bytes, lines = this.#lines;
      this.#filling = this.#spare;
      this.#spare = batch;
      this.#bytes = 0;
      this.#lines = 0;
      if (await this.#writeAll(batch, bytes)) {
        this.#tellDropped();
      } else {
        // Told with the next line that gets through, not now: a closed pipe would otherwise be written to for ever.
        this.#dropped += lines;
        this.#untold += lines;
      }
    }
    this.#writing = false;
    const waiting = this.#whenEmpty;
    this.#whenEmpty = [];
    for (const resolve of waiting) resolve();
  }

  #tellDropped(): void {
    if (this.#untold === 0) return;
    // Where it finds no room, the next write that ends tells it, with what was dropped until then.
    if (this.#put(this.#droppedLine(this.#untold))) this.#untold = 0;
  }

  async #writeAll(batch: Uint8Array, bytes: number): Promise<boolean> {
    try {
      for (let from = 0; from < bytes;) {
        const written = await this.#write(batch.subarray(from, bytes));
        if (written <= 0) return false;
        from += written;
      }
      return true;
    } catch {
      return false;
    }
  }
}

/** JSON text of a field's value, or "" for one that is left out. Strings cut, secrets replaced, cycles ended by the budget. */
function jsonValue(name: string, value: unknown, budget: { values: number }): string {
  if (value === undefined) return "";
  if (isSecret(name)) return `"${REDACTED}"`;
  if (budget.values-- <= 0) return "";
  switch (typeof value) {
    case "string":
      return quoted(cut(value, MAX_FIELD_CHARS));
    case "number":
      return Number.isFinite(value) ? String(value) : `"${value}"`;
    case "boolean":
      return String(value);
    case "bigint":
      return quoted(cut(String(value), MAX_FIELD_CHARS));
    case "object":
      return value === null ? "null" : jsonObject(name, value, budget);
    default:
      return `"[${typeof value}]"`;
  }
}

function jsonObject(name: string, value: object, budget: { values: number }): string {
  if (value instanceof Error) return quoted(cut(`${value.name}: ${value.message}`, MAX_FIELD_CHARS));
  if (value instanceof Date) return quoted(Number.isNaN(value.getTime()) ? "Invalid Date" : value.toISOString());
  // Bytes are payloads and credentials more often than not; their number says enough.
  if (ArrayBuffer.isView(value)) return `"[${value.byteLength} bytes]"`;
  if (Array.isArray(value)) {
    let list = "";
    for (const item of value) {
      if (budget.values <= 0) break;
      const text = jsonValue(name, item ?? null, budget);
      list += list === "" ? text : `,${text}`;
    }
    return `[${list}]`;
  }
  let members = "";
  for (const [key, member] of Object.entries(value)) {
    if (budget.values <= 0) break;
    const text = jsonValue(key, member, budget);
    if (text === "") continue;
    members += `${members === "" ? "" : ","}${quoted(cut(key, MAX_FIELD_CHARS))}:${text}`;
  }
  return `{${members}}`;
}

/** A field may not stand for the line's own keys: of two equal keys in a JSON object readers take the last. */
function fieldName(name: string): string {
  return name === "time" || name === "level" || name === "message" ? `${name}_` : name;
}

/** Whether one of the words in `clientToken`, `set-cookie`, `db_password` names a secret. `tokens`, a number, does not. */
function isSecret(name: string): boolean {
  let secret = secretNames.get(name);
  if (secret === undefined) {
    const words = name.replace(/([a-z0-9])([A-Z])/g, "$1 $2").toLowerCase().split(/[^a-z0-9]+/);
    secret = words.some((word) => SECRET_WORDS.has(word));
    if (secretNames.size < 1024) secretNames.set(name, secret);
  }
  return secret;
}

/** Field names are few, but nested ones may come from clients: full, it is not added to. */
const secretNames = new Map<string, boolean>();

function cut(text: string, maxChars: number): string {
  if (text.length <= maxChars) return text;
  // Half a surrogate pair would be shown as a code that nobody sent.
  const end = isHighSurrogate(text.charCodeAt(maxChars - 1)) ? maxChars - 1 : maxChars;
  return text.slice(0, end) + "…";
}

function isHighSurrogate(unit: number): boolean {
  return unit >= 0xd800 && unit <= 0xdbff;
}

/** A JSON string in which nothing can move a cursor, turn text round or end a line. */
function quoted(text: string): string {
  const json = JSON.stringify(text);
  return PLAIN_TEXT.test(json) ? json : json.replace(UNSAFE, codes);
}

/** The same for text without quotes. */
function visible(text: string): string {
  return PLAIN_TEXT.test(text) ? text : text.replace(UNSAFE, codes);
}

function codes(character: string): string {
  let text = "";
  for (let i = 0; i < character.length; i++) text += `\\u${character.charCodeAt(i).toString(16).padStart(4, "0")}`;
  return text;
}

function fieldWord(name: string): string {
  return PLAIN_WORD.test(name) ? name : quoted(name);
}

function unquotedIfPlain(json: string): string {
  if (!json.startsWith('"')) return json;
  const inner = json.slice(1, -1);
  return PLAIN_WORD.test(inner) ? inner : json;
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
