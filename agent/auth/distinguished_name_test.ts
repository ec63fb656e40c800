import assert from "node:assert/strict";
import { commonNames, parseDistinguishedName } from "./distinguished_name.ts";

function read(text: string): string[] | null {
  return parseDistinguishedName(text)?.map(({ type, value }) => `${type}: ${value}`) ?? null;
}

Deno.test("parseDistinguishedName() reads the examples of RFC 4514 section 4", () => {
  assert.deepEqual(read("UID=jsmith,DC=example,DC=net"), ["UID: jsmith", "DC: example", "DC: net"]);
  assert.deepEqual(read("OU=Sales+CN=J.  Smith,DC=example,DC=net"), [
    "OU: Sales",
    "CN: J.  Smith",
    "DC: example",
    "DC: net",
  ]);
  assert.deepEqual(read('CN=James \\"Jim\\" Smith\\, III,DC=example,DC=net'), [
    'CN: James "Jim" Smith, III',
    "DC: example",
    "DC: net",
  ]);
  assert.deepEqual(read("CN=Before\\0dAfter,DC=example,DC=net"), ["CN: Before\rAfter", "DC: example", "DC: net"]);
  assert.equal(read("1.3.6.1.4.1.1466.0=#04024869"), null);
  assert.deepEqual(read("CN=Lu\\C4\\8Di\\C4\\87"), ["CN: Lučić"]);
});

Deno.test("parseDistinguishedName() takes escapes away, and nothing for one", () => {
  const rows: readonly (readonly [string, string[] | null])[] = [
    ["CN=dev-1", ["CN: dev-1"]],
    ["CN=dev-1, O=Plant,  C=AT", ["CN: dev-1", "O: Plant", "C: AT"]],
    ["CN=a\\,CN=b", ["CN: a,CN=b"]],
    ["CN=a\\+CN\\=b", ["CN: a+CN=b"]],
    ["CN=a=b", ["CN: a=b"]],
    ["CN=\\ a\\ ", ["CN:  a "]],
    ["CN=\\#a", ["CN: #a"]],
    ["CN=a\\\\", ["CN: a\\"]],
    ["CN=a\\00b", ["CN: a\0b"]],
    ["CN=", ["CN: "]],
    ["2.5.4.3=x", ["2.5.4.3: x"]],
    ["OID.2.5.4.3=x", ["OID.2.5.4.3: x"]],
    ["CN=ü", ["CN: ü"]],
    ["", null],
    ["CN", null],
    ["CN=a,", null],
    ["CN=a,,O=b", null],
    [",CN=a", null],
    [" CN=a", null],
    ["CN =a", null],
    ["CN= a", null],
    ["CN=a ", null],
    ["CN=a ,O=b", null],
    ['CN="a"', null],
    ["CN=a;O=b", null],
    ["CN=<a>", null],
    ["CN=a\0", null],
    ["CN=a\\", null],
    ["CN=a\\x", null],
    ["CN=a\\4", null],
    ["CN=\\ff", null],
    ["CN=\\ed\\a0\\80", null],
    ["CN=#0c0161", null],
    ["=a", null],
    ["C N=a", null],
    ["2.=a", null],
    ["(null)", null],
  ];
  for (const [text, expected] of rows) assert.deepEqual(read(text), expected, JSON.stringify(text));
});

Deno.test("parseDistinguishedName() reads OpenSSL's one-line form where it has one meaning", () => {
  assert.deepEqual(read("/C=AT/O=Plant, Inc./CN=dev-1"), ["C: AT", "O: Plant, Inc.", "CN: dev-1"]);
  assert.deepEqual(read("/CN=a=b"), ["CN: a=b"]);
  for (const text of ["/", "//CN=a", "/CN=a/b", "/CN=a/", "/CN=a\\x00b", "/CN", "/=a", "/CN=a//CN=b"]) {
    assert.equal(read(text), null, text);
  }
});

Deno.test("commonNames() knows the type by all its names", () => {
  const names = (text: string) => commonNames(parseDistinguishedName(text) ?? []);
  assert.deepEqual(names("cn=a,O=x,2.5.4.3=b+commonName=c,OID.2.5.4.3=d"), ["a", "b", "c", "d"]);
  assert.deepEqual(names("/O=x/CN=admin/CN=dev-1"), ["admin", "dev-1"]);
  assert.deepEqual(names("O=CN\\=a"), []);
});
