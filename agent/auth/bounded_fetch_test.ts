import assert from "node:assert/strict";
import { boundedFetch, type Fetched, isLoopback, publicAddress } from "./bounded_fetch.ts";
import { TestSurroundings } from "../../tests/support/test_surroundings.ts";

/** Asks a server that answers every connection with these bytes and closes it. */
async function askRaw(bytes: string): Promise<Fetched> {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const served = (async () => {
    using connection = await listener.accept();
    // Until the request is there: a reset would take the answer with it.
    await connection.read(new Uint8Array(4096));
    await connection.write(new TextEncoder().encode(bytes));
  })();
  using client = Deno.createHttpClient({});
  const fetched = await boundedFetch(new URL(`http://127.0.0.1:${listener.addr.port}/?key=hidden`), {
    method: "GET",
    timeoutMs: 5000,
    maxBytes: 100,
    client,
    setTimer: new TestSurroundings().setTimer,
  });
  await served;
  return fetched;
}

Deno.test("what breaks off before its headers end is no answer", async () => {
  const rows = [
    "",
    "SSH-2.0-OpenSSH_9.2\r\n",
    "HTTP/1.1 200",
    "HTTP/1.1 200 OK\r\nContent-Type: text",
    "HTTP/1.1 9 x\r\n\r\n",
  ];
  for (const bytes of rows) {
    const fetched = await askRaw(bytes);
    assert.ok(fetched.kind === "failed", bytes);
    assert.ok(!fetched.why.includes("hidden") && !fetched.why.includes("127.0.0.1"));
  }
});

Deno.test("what breaks off in its body has a status and no body", async () => {
  const rows = [
    "HTTP/1.1 403 Forbidden\r\nContent-Length: 50\r\n\r\npart",
    "HTTP/1.1 403 Forbidden\r\nTransfer-Encoding: chunked\r\n\r\n5\r\npart",
    "HTTP/1.1 403 Forbidden\r\nTransfer-Encoding: chunked\r\n\r\n4\r\npart\r\n",
    "HTTP/1.1 403 Forbidden\r\nContent-Encoding: gzip\r\nContent-Length: 4\r\n\r\npart",
  ];
  for (const bytes of rows) {
    const fetched = await askRaw(bytes);
    assert.ok(fetched.kind === "answer", bytes);
    assert.equal(fetched.status, 403);
    assert.equal(fetched.body, null);
    assert.match(fetched.bodyFault, /did not come to its end/);
  }
});

Deno.test("a body of the limit passes, and one byte more does not, with and without its length told", async () => {
  for (const length of [99, 100, 101, 5000]) {
    const body = "x".repeat(length);
    const told = `HTTP/1.1 200 OK\r\nContent-Length: ${length}\r\n\r\n${body}`;
    const untold = `HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n${body}`;
    for (const bytes of [told, untold]) {
      const fetched = await askRaw(bytes);
      assert.ok(fetched.kind === "answer");
      if (length <= 100) assert.equal(new TextDecoder().decode(fetched.body ?? undefined), body);
      else assert.match(fetched.bodyFault, /larger than 100 bytes/);
    }
  }
});

Deno.test("isLoopback() knows addresses of this machine and none that look like them", () => {
  for (
    const text of ["http://localhost/", "http://127.0.0.1:80/", "http://127.1.2.3/", "http://[::1]/", "http://127.1/"]
  ) {
    assert.ok(isLoopback(new URL(text)), text);
  }
  const others = [
    "http://127.0.0.1.example/",
    "http://localhost.example/",
    "http://10.0.0.1/",
    "http://[::2]/",
    "http://0/",
  ];
  for (const text of others) assert.ok(!isLoopback(new URL(text)), text);
});

Deno.test("publicAddress() leaves out user, password and query", () => {
  assert.equal(publicAddress(new URL("https://u:p@h:1/a/b?token=x#y")), "https://h:1/a/b");
});
