import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { type CertificateConfig, type CertificateProvider, createCertificateProvider } from "./certificate_provider.ts";
import { parseCertificate } from "./certificate.ts";
import type { Answer } from "./provider.ts";
import {
  CA_EXTENSIONS,
  type CertificateFiles,
  CertificateFolder,
  type CertificateOptions,
  CLIENT_EXTENSIONS,
} from "../../tests/support/certificates.ts";
import { TestSurroundings } from "../../tests/support/test_surroundings.ts";
import { connectWith, NOW_MS } from "../../tests/support/tokens.ts";

type Settings = Partial<Omit<CertificateConfig, "type">>;

const SAN =
  "subjectAltName=IP:10.0.0.1,email:dev@plant.example,DNS:dev-1.plant,DNS:b.plant,URI:spiffe://plant/dev-1,URI:b:c";

/** The authority and what it issued, made once: each call of OpenSSL costs some milliseconds. */
const folder = new CertificateFolder();
const root = folder.make({ subject: "/O=Plant/CN=Root", extensions: CA_EXTENSIONS });
const dev1 = folder.make({
  subject: "/O=Plant/CN=dev-1",
  extensions: [...CLIENT_EXTENSIONS, SAN],
  serial: "00AB12CD",
  issuer: root,
});
globalThis.addEventListener("unload", () => folder[Symbol.dispose]());

function issue(options: Omit<CertificateOptions, "issuer">, issuer: CertificateFiles = root): CertificateFiles {
  const authority = options.extensions?.some((line) => line.includes("CA:TRUE")) === true;
  return folder.make({ extensions: CLIENT_EXTENSIONS, issuer, ...(authority ? {} : { keyOf: dev1 }), ...options });
}

function make(settings: Settings = {}, surroundings = new TestSurroundings()): CertificateProvider {
  const result = createCertificateProvider({
    type: "certificate",
    header: "Client-Cert",
    "extract-from": "common_name",
    "on-error": "deny",
    ...settings,
  }, surroundings);
  assert.ok("provider" in result, JSON.stringify(result));
  return result.provider;
}

function problemsOf(settings: Settings): string {
  const result = createCertificateProvider({
    type: "certificate",
    header: "Client-Cert",
    "extract-from": "common_name",
    "on-error": "deny",
    ...settings,
  }, new TestSurroundings());
  assert.ok("problems" in result);
  return result.problems.join("\n");
}

function sequence({ der }: { readonly der: Uint8Array }): string {
  return `:${Buffer.from(der).toString("base64")}:`;
}

/** What a provider says of a certificate with a chain, in RFC 9440 form. */
function check(
  provider: CertificateProvider,
  leaf: CertificateFiles,
  chain: readonly CertificateFiles[] = [],
  nowMs = NOW_MS,
) {
  const headers = { "client-cert": [sequence(leaf)], "client-cert-chain": chain.map(sequence) };
  return provider.check(connectWith({ headers }), nowMs);
}

function outcome(answer: Answer): string {
  return answer.kind === "allow" ? String(answer.identity.username) : answer.kind === "deny" ? answer.why : answer.kind;
}

function nameOf(leaf: CertificateFiles, settings: Settings = {}): string {
  const provider = make(settings);
  const answer = check(provider, leaf);
  // The second time it is known.
  assert.deepEqual(check(provider, leaf), answer);
  provider.close();
  return outcome(answer);
}

const TRUSTED: Settings = { "trusted-ca-file": root.pemPath };

Deno.test("the configured part of the certificate is the user name", () => {
  const from = (part: CertificateConfig["extract-from"]) => nameOf(dev1, { ...TRUSTED, "extract-from": part });
  assert.equal(from("common_name"), "dev-1");
  assert.equal(from("subject_alternative_name"), "spiffe://plant/dev-1");
  assert.equal(from("serial_number"), "AB12CD");
  assert.match(from("fingerprint"), /^[0-9a-f]{64}$/);
  const provider = make(TRUSTED);
  const answer = check(provider, dev1);
  assert.ok(answer.kind === "allow");
  assert.deepEqual(answer.identity, {
    username: "dev-1",
    groups: [],
    attributes: null,
    clientIds: null,
    clientIdClaim: null,
    acl: null,
    expiresAtMs: Date.UTC(2099, 11, 31, 23, 59, 59),
    provider: "certificate",
  });
  provider.close();
});

Deno.test("of alternative names URIs come first, then DNS names, mail addresses and IP addresses", () => {
  const rows: readonly (readonly [string, string])[] = [
    ["DNS:a.plant,DNS:b.plant,email:x@y,IP:10.0.0.1", "a.plant"],
    ["IP:10.0.0.1,email:Dev@Plant.example", "Dev@Plant.example"],
    ["IP:2001:db8::1,IP:10.0.0.1", "2001:db8::1"],
    ["dirName:other", "the certificate has not the part that is to be the user name"],
  ];
  for (const [names, expected] of rows) {
    const extensions = [...CLIENT_EXTENSIONS, `subjectAltName=${names}`];
    if (names.startsWith("dirName")) extensions.push("[other]", "CN=admin");
    const leaf = issue({ subject: "/CN=x", extensions });
    assert.equal(nameOf(leaf, { ...TRUSTED, "extract-from": "subject_alternative_name" }), expected, names);
  }
});

Deno.test("B124: a common name is one, whole, and exactly what it is", () => {
  const rows: readonly (readonly [subject: string, expected: string])[] = [
    ["/O=Plant/CN=Dev-1", "Dev-1"],
    ["/CN=dev,CN\\=admin", "dev,CN=admin"],
    ["/CN=dev\\/CN\\=admin", "dev/CN=admin"],
    ["/CN=zażółć 😀", "zażółć 😀"],
    ["/CN=dev-1/CN=admin", "the certificate has several common names"],
    ["/CN=dev-1+CN=admin", "the certificate has several common names"],
    ["/CN=dev-1/CN=dev-1", "the certificate has several common names"],
    ["/O=CN\\=admin", "the certificate has not the part that is to be the user name"],
    ["/O=Plant", "the certificate has not the part that is to be the user name"],
    ["/CN=dev\u0001", "the part that is to be the user name is no usable text"],
    ["/CN=dev\n/O=x", "the part that is to be the user name is no usable text"],
  ];
  for (const [subject, expected] of rows) assert.equal(nameOf(issue({ subject }), TRUSTED), expected, subject);
  const empty = issue({ subject: "/O=Plant", extensions: [...CLIENT_EXTENSIONS, "2.5.29.17=DER:30028200"] });
  assert.equal(
    nameOf(empty, { "extract-from": "subject_alternative_name" }),
    "the part that is to be the user name is no usable text",
  );
});

Deno.test("B124: bytes that a C program would read otherwise are no name", () => {
  // OpenSSL writes no such name, so a good one is changed in place: who checks no signature sees it.
  const leaf = issue({ subject: "/CN=admin.evil" });
  const at = Buffer.from(leaf.der).indexOf("admin.evil");
  const changed = (...bytes: readonly number[]) => {
    const der = Uint8Array.from(leaf.der);
    der.set(bytes, at + 5);
    return { ...leaf, der };
  };
  assert.equal(nameOf(changed(0x61)), "adminaevil");
  assert.equal(nameOf(changed(0x00)), "the part that is to be the user name is no usable text");
  assert.equal(nameOf(changed(0xff)), "the certificate cannot be read", "Latin-1 in UTF-8");
  assert.equal(nameOf(changed(0xc0, 0x80)), "the certificate cannot be read", "an overlong NUL");
  assert.equal(nameOf(changed(0xc3, 0xa9)), "adminévil");
  const trusting = make(TRUSTED);
  assert.equal(outcome(check(trusting, changed(0x61))), "the certificate was issued by no trusted authority");
  // T.61, in which one byte is another letter for each reader.
  const teletex = Uint8Array.from(leaf.der);
  teletex[at - 2] = 0x14;
  assert.equal(nameOf({ ...leaf, der: teletex }), "the part that is to be the user name is no usable text");
  assert.equal(nameOf({ ...leaf, der: teletex }, { "extract-from": "serial_number" }), "1");
  trusting.close();
});

Deno.test("a trusted authority must have issued it, for this time and purpose", () => {
  const stranger = folder.make({ subject: "/O=Plant/CN=Root", extensions: CA_EXTENSIONS });
  const rows: Record<string, readonly [CertificateFiles, RegExp]> = {
    "by another authority of the same name": [issue({ subject: "/CN=x" }, stranger), /no trusted authority/],
    "by itself": [folder.make({ subject: "/CN=x", extensions: CLIENT_EXTENSIONS }), /no trusted authority/],
    "by a client": [issue({ subject: "/CN=x" }, dev1), /no trusted authority/],
    expired: [issue({ subject: "/CN=x", notAfter: "20250101000000Z" }), /has expired/],
    "not valid yet": [issue({ subject: "/CN=x", notBefore: "20500101000000Z" }), /not valid yet/],
    "for servers": [
      issue({ subject: "/CN=x", extensions: ["extendedKeyUsage=serverAuth"] }),
      /for other purposes/,
    ],
    "with an extension that is not known": [
      issue({ subject: "/CN=x", extensions: ["1.2.3.4=critical,DER:0500"] }),
      /critical extension/,
    ],
    "signed with SHA-1": [issue({ subject: "/CN=x", signing: ["-md", "sha1"] }), /no trusted authority/],
  };
  for (const [name, [leaf, why]] of Object.entries(rows)) assert.match(nameOf(leaf, TRUSTED), why, name);
  const good: Record<string, CertificateFiles> = {
    "without extensions": folder.make({ subject: "/CN=x", issuer: root }),
    "for clients and servers": issue({ subject: "/CN=x", extensions: ["extendedKeyUsage=serverAuth,clientAuth"] }),
    "for any purpose": issue({ subject: "/CN=x", extensions: ["extendedKeyUsage=anyExtendedKeyUsage"] }),
    "with an extension that may be passed over": issue({ subject: "/CN=x", extensions: ["1.2.3.4=DER:0500"] }),
  };
  for (const [name, leaf] of Object.entries(good)) assert.equal(nameOf(leaf, TRUSTED), "x", name);
  // The signature is over what it says.
  const forged = Uint8Array.from(dev1.der);
  forged[forged.length - 3] = (forged[forged.length - 3] as number) ^ 1;
  assert.match(nameOf({ ...dev1, der: forged }, TRUSTED), /no trusted authority/);
});

Deno.test("certificates of every kind of key are verified", () => {
  for (const key of ["rsa:2048", "ec:P-256", "ec:P-384", "ec:P-521", "ed25519"]) {
    const authority = folder.make({ subject: `/CN=Root ${key}`, extensions: CA_EXTENSIONS, key });
    const signing = key === "ed25519" ? ["-md", "null"] : ["-md", "sha384"];
    const leaf = issue({ subject: "/CN=x", signing }, authority);
    assert.equal(nameOf(leaf, { "trusted-ca-file": authority.pemPath }), "x", key);
    assert.match(nameOf(leaf, TRUSTED), /no trusted authority/, key);
  }
});

Deno.test("the way to the authority may lead over others, as many as the authorities allow", () => {
  const extensions = (pathLength: string) => [`basicConstraints=critical,CA:TRUE${pathLength}`, "keyUsage=keyCertSign"];
  const top = folder.make({ subject: "/CN=Top", extensions: extensions(",pathlen:1") });
  const middle = issue({ subject: "/CN=Middle", extensions: extensions("") }, top);
  const lower = issue({ subject: "/CN=Lower", extensions: extensions("") }, middle);
  const old = issue({ subject: "/CN=Old", extensions: extensions(""), notAfter: "20250101000000Z" }, top);
  const noSigner = issue({ subject: "/CN=No", extensions: ["basicConstraints=CA:TRUE", "keyUsage=cRLSign"] }, top);
  const constrained = issue({
    subject: "/CN=Constrained",
    extensions: [...extensions(""), "nameConstraints=critical,permitted;DNS:plant"],
  }, top);
  const provider = make({ "trusted-ca-file": top.pemPath });
  const of = (issuer: CertificateFiles) => issue({ subject: "/CN=x", notAfter: "20700101000000Z" }, issuer);
  const rows: Record<string, readonly [CertificateFiles, readonly CertificateFiles[], RegExp]> = {
    "directly": [of(top), [], /^x$/],
    "over one": [of(middle), [middle], /^x$/],
    "over one, with others around and the authority itself": [of(middle), [dev1, lower, top, middle], /^x$/],
    "without the one between": [of(middle), [], /no trusted/],
    "over two, where one is allowed": [of(lower), [lower, middle], /no trusted/],
    "over one that has expired": [of(old), [old], /not valid at this time/],
    "over one that may not sign": [of(noSigner), [noSigner], /no trusted/],
    "over one with constraints that are not understood": [of(constrained), [constrained], /no trusted/],
    "over a client": [issue({ subject: "/CN=x" }, dev1), [dev1], /no trusted/],
  };
  for (const [name, [leaf, chain, expected]] of Object.entries(rows)) {
    assert.match(outcome(check(provider, leaf, chain)), expected, name);
    assert.match(outcome(check(provider, leaf, chain)), expected, `${name}, again`);
  }
  provider.close();
  // Whoever trusts the one between needs nothing above it.
  const lowest = make({ "trusted-ca-file": lower.pemPath });
  assert.equal(outcome(check(lowest, of(lower))), "x");
  lowest.close();
});

Deno.test("the session ends when the first certificate on the way does", () => {
  const short = { notAfter: "20400101000000Z" };
  const middle = issue({ subject: "/CN=Middle", extensions: CA_EXTENSIONS, ...short });
  const leaf = issue({ subject: "/CN=x" }, middle);
  const provider = make(TRUSTED);
  const answer = check(provider, leaf, [middle]);
  assert.ok(answer.kind === "allow");
  const endMs = Date.UTC(2040, 0, 1);
  assert.equal(answer.identity.expiresAtMs, endMs);
  assert.ok(provider.stillHolds(answer.identity, endMs - 1));
  assert.ok(!provider.stillHolds(answer.identity, endMs));
  assert.equal(outcome(check(provider, leaf, [middle], endMs - 1)), "x");
  assert.match(outcome(check(provider, leaf, [middle], endMs)), /not valid at this time/);
  assert.match(outcome(check(provider, leaf, [middle], Date.UTC(2023, 0, 1))), /not valid yet/);
  provider.close();
});

Deno.test("only allowed fingerprints pass, however they are written", () => {
  const hash = parseCertificate(dev1.der)?.fingerprint ?? "";
  const colons = hash.toUpperCase().replace(/..(?=.)/g, "$&:");
  for (const allowed of [hash, hash.toUpperCase(), colons]) {
    assert.equal(nameOf(dev1, { "allowed-fingerprints": ["0".repeat(64), allowed] }), "dev-1");
  }
  assert.match(nameOf(dev1, { "allowed-fingerprints": ["0".repeat(64)] }), /none of allowed-fingerprints/);
  const provider = make({ header: "X-Forwarded-Client-Cert", "allowed-fingerprints": [hash] });
  const forwarded = (value: string) =>
    outcome(provider.check(connectWith({ headers: { "x-forwarded-client-cert": [value] } }), NOW_MS));
  assert.equal(forwarded(`Hash=${hash};Subject="CN=dev-1"`), "dev-1");
  assert.match(forwarded(`Hash=${"0".repeat(64)};Subject="CN=dev-1"`), /none of allowed/);
  assert.match(forwarded('Subject="CN=dev-1"'), /holds no hash/);
  provider.close();
});

Deno.test("a subject alone gives the names that are in it, and is not enough for an authority", () => {
  const said = (value: string, settings: Settings = {}, header = "x-subject") => {
    const provider = make({ header, ...settings });
    const answer = provider.check(connectWith({ headers: { [header]: [value] } }), NOW_MS);
    if (answer.kind === "allow") {
      assert.equal(answer.identity.expiresAtMs, Infinity);
      assert.ok(provider.stillHolds(answer.identity, NOW_MS));
    }
    provider.close();
    return outcome(answer);
  };
  assert.equal(said("CN=dev-1,O=Plant"), "dev-1");
  assert.equal(said("/O=Plant/CN=dev-1"), "dev-1");
  assert.match(said("CN=dev-1,CN=admin"), /several common names/);
  assert.match(said("/CN=dev-1/CN=admin"), /several common names/);
  assert.match(said("CN=dev\\00-1"), /no usable text/);
  assert.match(said("CN="), /no usable text/);
  assert.match(said("O=Plant"), /not the part/);
  assert.match(said("CN=dev-1", TRUSTED), /subject only/);
  assert.match(said("CN=dev-1", { "extract-from": "serial_number" }), /not the part/);
  assert.match(said("CN=dev-1", { "extract-from": "fingerprint" }), /not the part/);
  const envoy = 'Subject="CN=dev-1";URI=spiffe://plant/dev-1;DNS=dev-1.plant';
  const alternative: Settings = { "extract-from": "subject_alternative_name" };
  assert.equal(said(envoy, alternative, "x-forwarded-client-cert"), "spiffe://plant/dev-1");
  assert.equal(said('Subject="CN=dev-1";DNS=dev-1.plant', alternative, "x-forwarded-client-cert"), "dev-1.plant");
  assert.match(said('Subject="CN=dev-1"', alternative, "x-forwarded-client-cert"), /not the part/);
});

Deno.test("B123: the header must be there once, and no other counts", () => {
  const provider = make(TRUSTED);
  const said = (headers: Record<string, string[]>) => provider.check(connectWith({ headers }), NOW_MS);
  assert.equal(said({}).kind, "ignore");
  assert.equal(said({ "x-client-cert": [sequence(dev1)] }).kind, "ignore");
  assert.equal(said({ "client-cert": [""] }).kind, "ignore");
  for (const values of [[sequence(dev1), sequence(dev1)], [sequence(dev1), ""], ["", sequence(dev1)]]) {
    const answer = said({ "client-cert": values });
    assert.ok(answer.kind === "deny" && answer.code === "certificate-ambiguous");
  }
  assert.deepEqual(provider.headers, ["client-cert", "client-cert-chain"]);
  assert.equal(said({ "client-cert": [sequence(dev1)] }).kind, "allow");
  // The chain is a part of what is known.
  const broken = said({ "client-cert": [sequence(dev1)], "client-cert-chain": ["x"] });
  assert.equal(broken.kind, "deny");
  provider.close();
});

Deno.test("authorities are loaded again when their file changes, and sessions are held against them", () => {
  const path = folder.write("changing.pem", `comment\n${root.pem}`);
  const surroundings = new TestSurroundings();
  const provider = make({ "trusted-ca-file": path }, surroundings);
  assert.deepEqual(surroundings.watched, [path]);
  const answer = check(provider, dev1);
  assert.ok(answer.kind === "allow");
  const { identity } = answer;

  Deno.writeTextFileSync(path, "nonsense");
  surroundings.changeFiles();
  assert.equal(provider.generation, 0);
  assert.equal(surroundings.told.at(-1)?.level, "warn");
  assert.ok(provider.stillHolds(identity, NOW_MS));

  const next = folder.make({ subject: "/O=Plant/CN=Root", extensions: CA_EXTENSIONS });
  Deno.writeTextFileSync(path, next.pem + root.pem);
  surroundings.changeFiles();
  assert.equal(provider.generation, 1);
  assert.ok(provider.stillHolds(identity, NOW_MS));

  Deno.writeTextFileSync(path, next.pem);
  surroundings.changeFiles();
  assert.equal(provider.generation, 2);
  assert.ok(!provider.stillHolds(identity, NOW_MS));
  assert.match(outcome(check(provider, dev1)), /no trusted authority/);

  // Another provider, as a reload of the configuration makes it.
  const holds = (settings: Settings) => {
    const other = make(settings);
    const held = other.stillHolds(identity, NOW_MS);
    other.close();
    return held;
  };
  assert.ok(holds(TRUSTED));
  assert.ok(!holds({ ...TRUSTED, "extract-from": "serial_number" }));
  assert.ok(!holds({ ...TRUSTED, "allowed-fingerprints": ["0".repeat(64)] }));
  provider.close();
  assert.equal(surroundings.watchers, 0);
});

Deno.test("createCertificateProvider() tells all that is wrong", () => {
  const all = problemsOf({
    name: "main",
    header: "bad header",
    "trusted-ca-file": "/nowhere/ca.pem",
    "allowed-fingerprints": ["1234", "0".repeat(64)],
  }).split("\n");
  assert.equal(all.length, 3);
  assert.match(all[0] ?? "", /^Cannot use the provider "certificate \(main\)": header: it is no name of a header$/);
  assert.match(all[1] ?? "", /trusted-ca-file: "\/nowhere\/ca.pem": no such file/);
  assert.match(all[2] ?? "", /allowed-fingerprints\[0\]: expected a SHA-256/);
  const weak = folder.make({ subject: "/CN=Weak", extensions: CA_EXTENSIONS, key: "rsa:1024" });
  const rows: readonly (readonly [Settings, RegExp])[] = [
    [{ "trusted-ca-file": folder.write("none.pem", "text") }, /holds no certificate/],
    [{ "trusted-ca-file": dev1.pemPath }, /certificate 1 is not that of an authority/],
    [{ "trusted-ca-file": folder.write("two.pem", root.pem + dev1.pem) }, /certificate 2 is not that of an authority/],
    [{ "trusted-ca-file": weak.pemPath }, /RSA key of less than 2048 bits/],
    [{ "allowed-fingerprints": [] }, /empty list/],
  ];
  for (const [settings, problem] of rows) assert.match(problemsOf(settings), problem);
});

Deno.test("no mutation of a certificate is ever allowed where an authority is asked for, and none throws", () => {
  const provider = make(TRUSTED);
  let seed = 5;
  const random = (below: number) => (seed = (seed * 48_271) % 2_147_483_647) % below;
  for (let round = 0; round < 3000; round++) {
    const bytes = [...dev1.der];
    for (let edits = 1 + random(2); edits > 0; edits--) {
      const at = random(bytes.length);
      const edit = random(4);
      if (edit === 0) bytes.splice(at, 1 + random(3));
      else if (edit === 1) bytes.splice(at, 0, random(256));
      else bytes[at] = (bytes[at] as number) ^ (1 << random(8));
    }
    const der = Uint8Array.from(bytes);
    if (Buffer.compare(der, dev1.der) === 0) continue;
    assert.equal(check(provider, { ...dev1, der }).kind, "deny");
  }
  assert.equal(check(provider, dev1).kind, "allow");
  provider.close();
});
