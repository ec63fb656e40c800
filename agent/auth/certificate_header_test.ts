import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { fingerprintOf, readCertificateHeader, type Shown } from "./certificate_header.ts";

/** Long enough to look like a certificate: what it holds is for others to read. */
const DER = Uint8Array.from([0x30, 0x82, 0x01, 0x80, ...Array.from({ length: 384 }, (_, index) => index & 0xff)]);
const OTHER = Uint8Array.from([
  0x30,
  0x82,
  0x01,
  0x80,
  ...Array.from({ length: 384 }, (_, index) => 255 - index & 0xff),
]);
const base64 = (der: Uint8Array) => Buffer.from(der).toString("base64");
const sequence = (der: Uint8Array) => `:${base64(der)}:`;
const pem = (der: Uint8Array) =>
  `-----BEGIN CERTIFICATE-----\n${base64(der).replace(/.{64}/g, "$&\n")}\n-----END CERTIFICATE-----\n`;
const percent = (text: string) => encodeURIComponent(text);

function read(header: string, value: string | readonly string[], chain: readonly string[] = []) {
  const values = typeof value === "string" ? [value] : value;
  return readCertificateHeader(header, new Map([[header, values], ["client-cert-chain", chain]]));
}

function outcome(...given: Parameters<typeof read>): string {
  const shown = read(...given);
  return shown.kind === "deny" ? shown.code : shown.kind;
}

function certificateOf(shown: ReturnType<typeof read>): Extract<Shown, { kind: "certificate" }> {
  assert.ok(shown.kind === "certificate", JSON.stringify(shown));
  return shown;
}

function subjectOf(shown: ReturnType<typeof read>): Extract<Shown, { kind: "subject" }> {
  assert.ok(shown.kind === "subject", JSON.stringify(shown));
  return shown;
}

Deno.test("a header that is absent or empty is a client without a certificate", () => {
  assert.equal(readCertificateHeader("client-cert", new Map()).kind, "ignore");
  for (const value of [[], [""], ["  "]]) assert.equal(outcome("client-cert", value), "ignore");
});

Deno.test("a header that is there twice is refused, whatever is in it", () => {
  const rows = [
    [sequence(DER), sequence(DER)],
    [sequence(DER), ""],
    ["", ""],
    ["CN=a", "CN=admin"],
    [`${sequence(DER)}, ${sequence(OTHER)}`],
    [`${sequence(DER)},${sequence(DER)}`],
  ];
  for (const values of rows) assert.equal(outcome("client-cert", values), "certificate-ambiguous");
  assert.equal(outcome("x-forwarded-client-cert", [`Hash=${fingerprintOf(DER)}`, ""]), "certificate-ambiguous");
});

Deno.test("a certificate is read in every form that proxies write", () => {
  const rows: readonly string[] = [
    sequence(DER),
    pem(DER),
    pem(DER).replaceAll("\n", "\n\t"),
    pem(DER).replaceAll("\n", " "),
    percent(pem(DER)),
    pem(DER).replaceAll("\n", "%0A"),
    percent(pem(DER).trim()),
    base64(DER),
  ];
  for (const value of rows) {
    for (const header of ["client-cert", "x-ssl-cert"]) {
      assert.deepEqual(certificateOf(read(header, value)).der, DER, value.slice(0, 40));
    }
  }
});

Deno.test("what is nearly a certificate is refused", () => {
  const rows: readonly string[] = [
    ":",
    "::",
    `:${base64(DER)}`,
    `${base64(DER)}:`,
    `:${base64(DER).replace(/=*$/, "")}A:`,
    `: ${base64(DER)}:`,
    `:${base64(DER)}:;a=1`,
    `:${base64(DER).replaceAll("+", "-").replaceAll("/", "_")}:`,
    `${pem(DER)}${pem(OTHER)}`,
    `${pem(DER)}x`,
    percent(pem(DER)) + "%",
    percent(percent(pem(DER))),
    pem(DER).replace("A", "*"),
    pem(DER).replaceAll("CERTIFICATE", "PUBLIC KEY"),
    "-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----",
    `${base64(DER)} `.repeat(2),
    `MII${"A".repeat(70_000)}`,
    "(null)",
    "null",
    "dev-1",
    "%",
    "\0",
  ];
  for (const value of rows) assert.equal(outcome("client-cert", value), "certificate-invalid", value.slice(0, 60));
});

Deno.test("RFC 9440: the chain comes in its own header, in one line or in many", () => {
  const chain = (...lines: string[]) => certificateOf(read("client-cert", sequence(DER), lines)).chain.length;
  assert.equal(chain(), 0);
  assert.equal(chain(""), 0);
  assert.equal(chain(sequence(OTHER)), 1);
  assert.equal(chain(`${sequence(OTHER)}, ${sequence(DER)}`, sequence(OTHER)), 3);
  for (const lines of [["x"], [`${sequence(OTHER)},`], [Array(7).fill(sequence(OTHER)).join(",")], [pem(OTHER)]]) {
    assert.equal(outcome("client-cert", sequence(DER), lines), "certificate-invalid");
  }
  assert.equal(certificateOf(read("x-cert", sequence(DER), [sequence(OTHER)])).chain.length, 0, "of another header");
});

Deno.test("a plain subject shows its common names", () => {
  assert.deepEqual(subjectOf(read("x-subject", "CN=dev\\,1,O=Plant")).commonNames, ["dev,1"]);
  assert.deepEqual(subjectOf(read("x-subject", "/O=Plant/CN=dev-1")).commonNames, ["dev-1"]);
  assert.deepEqual(subjectOf(read("x-subject", "CN=a, CN=admin")).commonNames, ["a", "admin"]);
});

const XFCC = "x-forwarded-client-cert";
const HASH = fingerprintOf(DER);

Deno.test("Envoy's header is read with a certificate, with its chain, or with what Envoy read from it", () => {
  const certificate = certificateOf(
    read(
      XFCC,
      `By=spiffe://plant/proxy;Hash=${HASH.toUpperCase()};Cert="${percent(pem(DER))}";Subject="CN=ignored";URI=`,
    ),
  );
  assert.deepEqual([certificate.der, certificate.chain], [DER, []]);
  const chained = `Cert="${percent(pem(DER))}";Chain="${percent(pem(DER) + pem(OTHER))}"`;
  assert.deepEqual(certificateOf(read(XFCC, chained)).chain, [OTHER]);
  assert.deepEqual(
    certificateOf(read(XFCC, chained.replace(percent(pem(DER) + pem(OTHER)), percent(pem(OTHER))))).chain,
    [
      OTHER,
    ],
  );
  const subject = subjectOf(
    read(XFCC, `By=a;By=b;Hash=${HASH};Subject="O=\\\\"x\\\\", CN=dev\\,1";URI=spiffe://plant/dev-1;DNS=a.b;DNS=c.d`),
  );
  assert.deepEqual(subject, {
    kind: "subject",
    commonNames: ["dev,1"],
    uris: ["spiffe://plant/dev-1"],
    dnsNames: ["a.b", "c.d"],
    fingerprint: HASH,
  });
});

Deno.test("Envoy's header is refused where it says more than one thing", () => {
  const rows: readonly (readonly [string, string])[] = [
    [`Hash=${HASH},Hash=${HASH}`, "certificate-ambiguous"],
    [`By=x;Subject="CN=admin",Subject="CN=dev-1"`, "certificate-ambiguous"],
    [`Subject="CN=admin";Subject="CN=dev-1"`, "certificate-ambiguous"],
    [`Cert="${percent(pem(DER))}";Cert="${percent(pem(OTHER))}"`, "certificate-ambiguous"],
    [`Hash=${HASH};hash=${HASH}`, "certificate-ambiguous"],
    [`Hash=${fingerprintOf(OTHER)};Cert="${percent(pem(DER))}"`, "certificate-invalid"],
    [`Hash=1234`, "certificate-invalid"],
    [`Cert=""`, "certificate-invalid"],
    [`Cert="${percent(pem(DER) + pem(OTHER))}"`, "certificate-invalid"],
    [`Cert="${percent(pem(DER))}";Chain="x"`, "certificate-invalid"],
    [`By=spiffe://plant/proxy`, "certificate-invalid"],
    [`Subject=""`, "certificate-invalid"],
    [`Subject="CN=a`, "certificate-invalid"],
    [`Subject="CN=a"x`, "certificate-invalid"],
    [`Subject="CN=a\\\\";URI=x;DNS=""`, "certificate-invalid"],
    [`Subject=CN=a`, "certificate-invalid"],
    [`Subject`, "certificate-invalid"],
    [`=x`, "certificate-invalid"],
    [`Hash=${HASH};`, "certificate-invalid"],
    [`Hash=${HASH},`, "certificate-invalid"],
    [`Hash=${HASH} ;URI=x`, "certificate-invalid"],
    [`CN=admin`, "certificate-invalid"],
    [sequence(DER), "certificate-invalid"],
    [pem(DER), "certificate-invalid"],
  ];
  for (const [value, expected] of rows) assert.equal(outcome(XFCC, value), expected, value.slice(0, 80));
});

Deno.test("no mutation of a header throws", () => {
  const originals = [
    ["client-cert", sequence(DER)],
    ["x-cert", percent(pem(DER))],
    ["x-subject", 'CN=dev\\,1+OU=\\C4\\8D,O=Pl\\"ant'],
    [XFCC, `By=x;Hash=${HASH};Subject="CN=dev\\"1";URI=spiffe://plant/dev-1`],
  ] as const;
  const characters = [...'\\":;,=+%/ \0\té<>#-A1', "😀", "\ud800"];
  let seed = 3;
  const random = (below: number) => (seed = (seed * 48_271) % 2_147_483_647) % below;
  for (let round = 0; round < 4000; round++) {
    const [header, original] = originals[round % originals.length] as typeof originals[number];
    const text = [...original];
    for (let edits = 1 + random(3); edits > 0; edits--) {
      text.splice(random(text.length), random(3), characters[random(characters.length)] as string);
    }
    const shown = read(header, text.join(""));
    assert.ok(["certificate", "subject", "deny", "ignore"].includes(shown.kind));
  }
});
