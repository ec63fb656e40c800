/** A real HTTP server on loopback that answers as the test says. */
export class HttpServer {
  /** What comes next; the last one stays. */
  answer: (request: Request) => Response | Promise<Response>;
  /** Requests that came, oldest first. */
  readonly requests: Request[] = [];
  /** Different client ports: one for each connection. */
  readonly ports = new Set<number>();
  readonly #server: Deno.HttpServer<Deno.NetAddr>;
  readonly #hanging: (() => void)[] = [];
  #onRequest: (() => void)[] = [];

  constructor(answer: (request: Request) => Response | Promise<Response>, tls: Deno.TlsCertifiedKeyPem | object = {}) {
    this.answer = answer;
    this.#server = Deno.serve(
      { port: 0, hostname: "127.0.0.1", onListen: () => {}, ...tls },
      (request, { remoteAddr }) => {
        this.requests.push(request);
        this.ports.add(remoteAddr.port);
        const waiting = this.#onRequest;
        this.#onRequest = [];
        for (const resolve of waiting) resolve();
        return this.answer(request);
      },
    );
  }

  get port(): number {
    return this.#server.addr.port;
  }

  url(path = "/"): string {
    return `http://127.0.0.1:${this.port}${path}`;
  }

  /** Resolves with the next request. */
  nextRequest(): Promise<void> {
    return new Promise((resolve) => this.#onRequest.push(resolve));
  }

  /** An answer that never comes, until the server stops. */
  readonly hang = (): Promise<Response> =>
    new Promise((resolve) => this.#hanging.push(() => resolve(new Response(null, { status: 500 }))));

  /** An answer whose body begins and does not end, until the server stops. */
  readonly hangInBody = (status = 200, headers: HeadersInit = {}): Response => {
    const stream = new ReadableStream<Uint8Array>({
      start: (controller) => {
        controller.enqueue(new TextEncoder().encode('{"keys":['));
        this.#hanging.push(() => {
          try {
            controller.close();
          } catch {
            // The client has gone, and the stream with it.
          }
        });
      },
    });
    return new Response(stream, { status, headers });
  };

  async stop(): Promise<void> {
    for (const release of this.#hanging) release();
    await this.#server.shutdown();
  }
}
