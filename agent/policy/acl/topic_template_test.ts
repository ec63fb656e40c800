import { strict as assert } from "node:assert";
import { splitPlaceholders, templateIsLevel, templateIsUsable, TemplateTable, usableValue } from "./topic_template.ts";

Deno.test("splitPlaceholders() cuts text at its placeholders", () => {
  assert.deepEqual(splitPlaceholders("a"), { parts: ["a"] });
  assert.deepEqual(splitPlaceholders("a-${clientid}-${attr.x.y}"), {
    parts: ["a-", { variable: "clientid" }, "-", { variable: "attr.x.y" }],
  });
  assert.deepEqual(splitPlaceholders("${ip}${username}"), { parts: [{ variable: "ip" }, { variable: "username" }] });
  for (
    const bad of [
      "${",
      "a${b",
      "${}",
      "${client-id}",
      "${CLIENTID}",
      "${attr}",
      "${attr.}",
      "${attr.a b}",
      "${clientid ${ip}}",
    ]
  ) {
    assert.ok("problem" in splitPlaceholders(bad), bad);
  }
});

Deno.test("usableValue() is null for what is no single level", () => {
  for (const bad of [null, undefined, "", "/", "a/b", "+", "#", "a+", "a#b"]) {
    assert.equal(usableValue(bad), null, String(bad));
  }
  for (const good of ["a", "$SYS", "a b", "é", "\0"]) assert.equal(usableValue(good), good);
});

Deno.test("templateIsLevel() compares the whole level, no less and no more", () => {
  const table = new TemplateTable();
  const template = table.templates[table.intern("x-${clientid}-${username}")]!;
  const is = (values: (string | null)[], text: string, start = 0, end = text.length) =>
    templateIsLevel(template, values, text, start, end);
  assert.ok(is(["c", "u"], "x-c-u"));
  assert.ok(is(["c", "u"], "a/x-c-u/b", 2, 7));
  assert.ok(!is(["c", "u"], "x-c-u1"));
  assert.ok(!is(["c", "u1"], "x-c-u"));
  assert.ok(!is(["c", "u"], "x-c-"));
  assert.ok(!is([null, "u"], "x--u"));
  assert.ok(!is(["c", "u"], "a/x-c-u/b", 2, 6));
  assert.deepEqual(table.variables, ["clientid", "username"]);
  assert.equal(table.intern("x-${clientid}-${username}"), 0);
});

Deno.test("templateIsUsable() needs all values, and none that makes the first level begin with $", () => {
  const table = new TemplateTable();
  const template = (text: string) => table.templates[table.intern(text)]!;
  assert.ok(templateIsUsable(template("${clientid}"), ["c"], 0));
  assert.ok(!templateIsUsable(template("${clientid}"), [null], 1));
  assert.ok(!templateIsUsable(template("${clientid}"), ["$c"], 0));
  assert.ok(templateIsUsable(template("${clientid}"), ["$c"], 1));
  assert.ok(templateIsUsable(template("a${clientid}"), ["$c"], 0));
  assert.ok(templateIsUsable(template("$a${clientid}"), ["c"], 0));
});
