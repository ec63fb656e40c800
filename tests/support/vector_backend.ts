import { HttpServer } from "./http_server.ts";

/** What a backend answers under one path; the body is `json` or `text`, and behind it so many spaces. */
export interface BackendAnswer {
  /** Default 200. */
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly json?: unknown;
  readonly text?: string;
  readonly spaces?: number;
  /** It never comes (`head`), or its body does not end (`body`). */
  readonly hangs?: "head" | "body";
  /** Milliseconds before it comes. */
  readonly afterMs?: number;
  /** Only to a request whose JSON has exactly these members among others; to all others the answer is a 403. */
  readonly if?: Readonly<Record<string, unknown>>;
}

/** By path; a list is answered in turn to each client address, the last one again and again. */
export type Backend = Readonly<Record<string, BackendAnswer | readonly BackendAnswer[]>>;

/** A server that answers as a backend is described. A path that is not described is a 404. */
export class BackendServer {
  readonly #server: HttpServer;
  readonly #backend: Backend;
  /** Requests so far, by path and client address. */
  readonly #turns = new Map<string, number>();

  constructor(backend: Backend) {
    this.#backend = backend;
    this.#server = new HttpServer((request) => this.#answer(request));
  }

  get url(): string {
    return this.#server.url("");
  }

  async stop(): Promise<void> {
    await this.#server.stop();
  }

  async #answer(request: Request): Promise<Response> {
    const path = new URL(request.url).pathname;
    const body = await asked(request);
    const described = Object.hasOwn(this.#backend, path) ? this.#backend[path] : undefined;
    if (described === undefined) return new Response(null, { status: 404 });
    if (!Array.isArray(described)) return await this.#give(described as BackendAnswer, body);
    const turn = `${path} ${body["ip"]}`;
    const number = this.#turns.get(turn) ?? 0;
    this.#turns.set(turn, number + 1);
    return await this.#give(described[Math.min(number, described.length - 1)], body);
  }

  async #give(answer: BackendAnswer, body: Readonly<Record<string, unknown>>): Promise<Response> {
    const { status = 200, json, text, spaces = 0, hangs, afterMs } = answer;
    if (afterMs !== undefined) await new Promise((resolve) => setTimeout(resolve, afterMs));
    if (hangs === "head") return await this.#server.hang();
    if (hangs === "body") return this.#server.hangInBody(status, { "content-type": "application/json" });
    const unlike = Object.entries(answer.if ?? {}).some(([key, value]) => body[key] !== value);
    if (unlike) return new Response(null, { status: 403 });
    const headers = { ...(json === undefined ? {} : { "content-type": "application/json" }), ...answer.headers };
    const content = json === undefined ? text : JSON.stringify(json);
    return new Response(content === undefined ? null : content + " ".repeat(spaces), { status, headers });
  }
}

async function asked(request: Request): Promise<Readonly<Record<string, unknown>>> {
  try {
    const body: unknown = JSON.parse(await request.text());
    return typeof body === "object" && body !== null ? body as Record<string, unknown> : {};
  } catch {
    return {};
  }
}
