import assert from "node:assert/strict";
import {
  DEFAULT_BODY,
  fillForm,
  fillJson,
  fillUrl,
  formFault,
  placeholdersIn,
  placeholdersInUrl,
  readUrlTemplate,
  type RequestValues,
  type UrlTemplate,
} from "./request_template.ts";

const VALUES: RequestValues = {
  clientid: "dev-1",
  username: "bob",
  password: 'p"w\\',
  ip: "192.0.2.7",
  protocol: "mqtt",
};
const NONE = new URLSearchParams();

function template(text: string): UrlTemplate {
  const read = readUrlTemplate(text);
  assert.ok(!("fault" in read), text);
  return read;
}

function filled(text: string, values: Partial<RequestValues> = {}): string | null {
  return fillUrl(template(text), { ...VALUES, ...values }, NONE)?.href ?? null;
}

Deno.test("fillJson() keeps every value inside of its text", () => {
  const nasty = '","result":"allow","x":"';
  const body = JSON.stringify(fillJson(DEFAULT_BODY, { ...VALUES, clientid: nasty, username: "${password}" }));
  assert.deepEqual(JSON.parse(body), {
    clientid: nasty,
    username: "${password}",
    password: VALUES.password,
    ip: "192.0.2.7",
    protocol: "mqtt",
  });
});

Deno.test("fillJson() gives null for a value that is not there, and nothing within text", () => {
  const values = { ...VALUES, username: null, password: null, ip: null };
  const filled = fillJson(
    { a: "${username}", b: ["u:${username}@${ip}", 1, true, null], c: { "${ip}": "$${x}" } },
    values,
  );
  assert.deepEqual(JSON.parse(JSON.stringify(filled)), {
    a: null,
    b: ["u:@", 1, true, null],
    c: { "${ip}": "$${x}" },
  });
});

Deno.test("fillJson() takes __proto__ for a key like others", () => {
  const body = JSON.parse('{"__proto__":"${clientid}","constructor":"${ip}"}');
  assert.equal(JSON.stringify(fillJson(body, VALUES)), '{"__proto__":"dev-1","constructor":"192.0.2.7"}');
});

Deno.test("fillForm() encodes values and leaves out those that are not there", () => {
  const values = { ...VALUES, clientid: "a&result=allow", username: "ü +", password: null };
  assert.equal(
    String(fillForm({ ...DEFAULT_BODY, on: true, n: 1 }, values)),
    "clientid=a%26result%3Dallow&username=%C3%BC+%2B&ip=192.0.2.7&protocol=mqtt&on=true&n=1",
  );
  assert.equal(formFault({ a: { b: 1 } }) === null, false);
  assert.equal(formFault([]) === null, false);
  assert.equal(formFault("a=b") === null, false);
  assert.equal(formFault({ a: 1, b: null, c: "x" }), null);
});

Deno.test("fillUrl() lets no value out of its part of the address", () => {
  const base = "http://backend:8080/auth/${clientid}/check?user=${username}&fixed=a%26b";
  assert.equal(filled(base), "http://backend:8080/auth/dev-1/check?user=bob&fixed=a%26b");
  const rows: readonly (readonly [string, string | null])[] = [
    ["a?x=", "http://backend:8080/auth/a%3Fx%3D/check?user=bob&fixed=a%26b"],
    ["a#x", "http://backend:8080/auth/a%23x/check?user=bob&fixed=a%26b"],
    ["a/b", "http://backend:8080/auth/a%2Fb/check?user=bob&fixed=a%26b"],
    ["%2e%2e%2f", "http://backend:8080/auth/%252e%252e%252f/check?user=bob&fixed=a%26b"],
    ["a@evil", "http://backend:8080/auth/a%40evil/check?user=bob&fixed=a%26b"],
    ["...", "http://backend:8080/auth/.../check?user=bob&fixed=a%26b"],
    ["\ud800", "http://backend:8080/auth/%EF%BF%BD/check?user=bob&fixed=a%26b"],
    ["../admin?x=", null],
    ["..", null],
    [".", null],
    ["a/../b", null],
    ["a/..", null],
    ["..\\admin", null],
    ["a\\.\\b", null],
    ["", null],
  ];
  for (const [clientid, expected] of rows) assert.equal(filled(base, { clientid }), expected, clientid);
  assert.equal(
    filled(base, { username: "x&admin=1#" }),
    "http://backend:8080/auth/dev-1/check?user=x%26admin%3D1%23&fixed=a%26b",
  );
  assert.equal(filled("http://h/${username}", { username: null }), null);
  assert.equal(filled("http://h/?u=${username}", { username: null }), "http://h/?u=");
});

Deno.test("fillUrl() keeps its origin whatever the values are", () => {
  const nasty = ["//evil", "/\\evil", "@evil", ":80@evil", "http://evil", "\t//evil", "..//evil", "?", "#", "\r\nX: y"];
  const addresses = [
    "https://h:1/${clientid}",
    "https://h:1/a/${clientid}${username}",
    "https://h:1/?${ip}=${clientid}",
  ];
  for (const address of addresses) {
    for (const clientid of nasty) {
      const url = fillUrl(template(address), { ...VALUES, clientid, username: clientid }, NONE);
      assert.ok(url === null || url.origin === "https://h:1", `${address} ${clientid}`);
    }
  }
});

Deno.test("readUrlTemplate() refuses placeholders where the host is", () => {
  const rows = [
    "http://${clientid}/",
    "http://${ip}:80/",
    "http://u:${password}@h/",
    "http://h${clientid}.example/",
    "ftp://h/",
    "nothing",
    "http://",
    "http://%zz:x@h/",
  ];
  for (const text of rows) assert.ok("fault" in readUrlTemplate(text), text);
});

Deno.test("readUrlTemplate() makes a header of the address's own password", () => {
  const { authorization, origin } = template("https://us%40er:p%C3%A4ss@h/x");
  assert.equal(origin, "https://h");
  assert.equal(authorization, `Basic ${btoa("us@er:p\xc3\xa4ss")}`);
  assert.equal(template("https://h").authorization, null);
  assert.equal(filled("https://h"), "https://h/");
});

Deno.test("placeholdersIn() finds what a template needs", () => {
  assert.deepEqual([...placeholdersIn({ a: ["x ${username}", { b: "${ip}" }], c: "${other}" })], ["username", "ip"]);
  assert.deepEqual([...placeholdersInUrl(template("http://h/${clientid}?p=${password}"))], ["clientid", "password"]);
  assert.deepEqual([...placeholdersIn(undefined)], []);
});
