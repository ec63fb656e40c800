import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { X509Certificate } from "node:crypto";
import { parseCertificate } from "./certificate.ts";
import { CA_EXTENSIONS, CertificateFolder, CLIENT_EXTENSIONS } from "../../tests/support/certificates.ts";

Deno.test("parseCertificate() reads what OpenSSL wrote, and agrees with node:crypto where that can be asked", () => {
  using folder = new CertificateFolder();
  const root = folder.make({
    subject: "/C=AT/O=Plant/CN=Root",
    extensions: ["basicConstraints=critical,CA:TRUE,pathlen:3", "keyUsage=critical,keyCertSign"],
    notAfter: "20491231235959Z",
  });
  const leaf = folder.make({
    subject: "/O=Plant, Inc.+OU=a/CN=gerät 1/UID=7",
    issuer: root,
    serial: "00F00D",
    notBefore: "20260102030405Z",
    notAfter: "20500101000000Z",
    extensions: [
      ...CLIENT_EXTENSIONS,
      "keyUsage=digitalSignature",
      "subjectAltName=IP:2001:db8::1,IP:::ffff:10.0.0.1,DNS:a.plant,URI:spiffe://x,email:a@b,RID:1.2.3,otherName:1.2.3;UTF8:x",
    ],
  });
  for (const { der } of [root, leaf]) {
    const parsed = parseCertificate(der);
    const known = new X509Certificate(Buffer.from(der));
    assert.ok(parsed !== null);
    assert.equal(parsed.serialNumber, known.serialNumber.toUpperCase());
    assert.equal(parsed.fingerprint, known.fingerprint256.replaceAll(":", "").toLowerCase());
    assert.equal(parsed.authority, known.ca);
    assert.equal(parsed.notBeforeMs, Date.parse(known.validFrom));
    assert.equal(parsed.notAfterMs, Date.parse(known.validTo));
  }
  const [authority, client] = [root, leaf].map(({ der }) => parseCertificate(der));
  assert.ok(authority && client);
  assert.deepEqual([authority.authority, authority.maxPathLength, authority.purposes], [true, 3, null]);
  assert.equal(client.issuer, authority.subject);
  assert.notEqual(client.subject, authority.subject);
  assert.deepEqual(client.commonNames, ["gerät 1"]);
  assert.equal(client.serialNumber, "F00D");
  assert.deepEqual(client.alternativeNames, {
    uris: ["spiffe://x"],
    dnsNames: ["a.plant"],
    emails: ["a@b"],
    addresses: ["2001:db8::1", "10.0.0.1"],
  });
  assert.deepEqual([client.authority, client.maxPathLength], [false, Infinity]);
  assert.deepEqual(client.purposes, ["2b06010505070302"]);
});

Deno.test("parseCertificate() reads no other bytes as a certificate", () => {
  using folder = new CertificateFolder();
  const { der } = folder.make({ subject: "/CN=x", extensions: CA_EXTENSIONS });
  assert.notEqual(parseCertificate(der), null);
  const wrong: Record<string, Uint8Array> = {
    "nothing": new Uint8Array(),
    "a byte more": Uint8Array.of(...der, 0),
    "twice": Uint8Array.of(...der, ...der),
    "a byte less": der.subarray(0, -1),
    "another kind": Uint8Array.of(0x31, ...der.subarray(1)),
    "PEM": new TextEncoder().encode(`-----BEGIN CERTIFICATE-----\n${btoa("x")}\n-----END CERTIFICATE-----`),
    "text": new TextEncoder().encode("CN=admin"),
  };
  for (const [name, bytes] of Object.entries(wrong)) assert.equal(parseCertificate(bytes), null, name);
  // The algorithm outside of what is signed says another thing than the one inside.
  const swapped = Uint8Array.from(der);
  const at = Buffer.from(der).lastIndexOf(Buffer.from("2a8648ce3d040302", "hex"));
  swapped[at + 7] = 0x03;
  assert.equal(parseCertificate(swapped), null);
});

Deno.test("parseCertificate() refuses an extension that is there twice", () => {
  using folder = new CertificateFolder();
  const { der } = folder.make({
    subject: "/CN=x",
    extensions: [...CA_EXTENSIONS, "1.2.3.4=DER:0500", "1.2.3.5=DER:0500"],
  });
  assert.notEqual(parseCertificate(der), null);
  const twice = Uint8Array.from(der);
  const at = Buffer.from(der).indexOf(Buffer.from("06032a0305", "hex"));
  twice[at + 4] = 0x04;
  assert.equal(parseCertificate(twice), null);
});

Deno.test("parseCertificate() survives any bytes", () => {
  using folder = new CertificateFolder();
  const { der } = folder.make({ subject: "/CN=x", extensions: CA_EXTENSIONS });
  let seed = 9;
  const random = (below: number) => (seed = (seed * 48_271) % 2_147_483_647) % below;
  for (let round = 0; round < 5000; round++) {
    const bytes = Uint8Array.from(der);
    for (let edits = 1 + random(3); edits > 0; edits--) bytes[random(bytes.length)] = random(256);
    parseCertificate(bytes);
  }
});
