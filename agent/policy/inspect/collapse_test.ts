import assert from "node:assert/strict";
import {
  collapsedAt,
  collapsePlus,
  collapseShell,
  collapseSql,
  collapsible,
  GLUED_PLUS,
  isChanged,
  SHELL_QUOTING,
  SQL_COMMENT,
  SQL_JOIN,
} from "./collapse.ts";

type Form = "plus" | "space" | "joined" | "shell";
const bytesOf = (text: string): Uint8Array => new TextEncoder().encode(text);

function collapse(text: string, form: Form, stopBehind = Infinity): string {
  const bytes = bytesOf(text);
  const out = new Uint8Array(bytes.length + 16);
  const end = form === "plus"
    ? collapsePlus(bytes, 0, bytes.length, out, 0, stopBehind)
    : form === "shell"
    ? collapseShell(bytes, 0, bytes.length, false, false, out, 0, stopBehind)
    : collapseSql(bytes, 0, bytes.length, form === "joined", out, 0, stopBehind);
  assert.ok(end <= bytes.length);
  return new TextDecoder().decode(out.subarray(0, end));
}

Deno.test("collapseSql() leaves comments out, as a database and as a filter do", () => {
  assert.equal(collapse("1/**/UNION/*x*/SELECT", "space"), "1 UNION SELECT");
  assert.equal(collapse("UN/**/ION SEL//ECT", "joined"), "UNION SELECT");
  assert.equal(collapse("/*!50000UNION*/ /*!SELECT*/ 1", "space"), " UNION   SELECT  1");
  assert.equal(collapse("1--x\nunion#y\nselect", "space"), "1\nunion\nselect");
  assert.equal(collapse("a /* not closed", "space"), "a /* not closed");
  assert.equal(collapse("x -- the end", "space"), "x -- the end");
});

Deno.test("collapseShell() leaves quotes, backslashes, carets and empty expansions out", () => {
  const cases: Record<string, string> = {
    "c'a't": "cat",
    'c"a"t': "cat",
    "c\\at": "cat",
    "c^a^t": "cat",
    "who$@ami who$()ami who``ami w$1hoami wh${u}oami": "whoami whoami whoami whoami whoami",
    "cat$IFS/x cat${IFS}/x cat${IFS%??}/x cat$IFS$9/x": "cat /x cat /x cat /x cat /x",
    "{cat,/etc/hosts}": "{cat /etc/hosts}",
    "$'rm' $\"x\"": "rm x",
    "a+b + c": "a b + c",
    "${HOME}/x $HOME": "${HOME}/x $HOME",
  };
  for (const [text, expected] of Object.entries(cases)) assert.equal(collapse(text, "shell"), expected);
});

Deno.test("collapsePlus() reads + between other characters as a space", () => {
  assert.equal(collapse("1+UNION+SELECT + 2+", "plus"), "1 UNION SELECT + 2+");
  collapse("1 + 2", "plus");
  assert.equal(isChanged, false);
});

Deno.test("collapsible() tells which of them may show something", () => {
  const found = (text: string) => collapsible(bytesOf(text), 0, bytesOf(text).length);
  assert.equal(found('{"t":21.5,"topic":"a/b","url":"https://x.y/z"}'), 0);
  assert.equal(found("a/**/b"), SQL_COMMENT | SQL_JOIN);
  assert.equal(found("SEL//ECT"), SQL_JOIN);
  assert.equal(found("1--x\ny"), SQL_COMMENT);
  assert.equal(found("1--x"), 0);
  assert.equal(found("c'a't"), SHELL_QUOTING);
  assert.equal(found("a+b"), GLUED_PLUS);
});

Deno.test("the functions stop behind any byte, and say where that came from", () => {
  collapse("c'a't x", "shell", 2);
  assert.equal(collapsedAt, 4);
  collapse("1/**/2", "space", 2);
  assert.equal(collapsedAt, 5);
  collapse("a+b+c", "plus", 3);
  assert.equal(collapsedAt, 3);
});
