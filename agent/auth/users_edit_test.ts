import assert from "node:assert/strict";
import type { UsersEdit } from "./user_change.ts";
import { editUsers, emptyUsersText } from "./users_edit.ts";

const LIMITS = { minBcryptCost: 4, maxBcryptCost: 31 };
const A = "$2b$12$abcdefghijklmnopqrstuu2r9OfJnfCsdneAXAGHnS4UpFFP8WIrW";
const B = "$2b$12$abcdefghijklmnopqrstuuF7KK/SfP9IRGj0pPJMr8GdtCS8xpmpC";

const ADD: UsersEdit = { kind: "add", name: "new", user: { hash: B, groups: ["g", "h"], clientIds: ["i"] } };

function setHash(name: string, hash = B): UsersEdit {
  return { kind: "set-hash", name, hash };
}

function remove(name: string): UsersEdit {
  return { kind: "remove", name };
}

function edited(path: string, text: string, edit: UsersEdit): string {
  const result = editUsers(path, text, edit, LIMITS);
  assert.ok("text" in result, `${JSON.stringify(result)} of ${JSON.stringify(edit)} in ${text}`);
  return result.text;
}

const JSONC = `// all of them
{
    "users": {
        // about a
        "a": { "password_hash": "${A}", "groups": ["x"] }, // behind a
        /* about __proto__ */
        "__proto__": {
            "password-hash": "${A}", // behind the hash
            "enabled": false
        }  // behind __proto__
        // the end
    }
}
`;

const JSONC_NEW = `        "new": {
            "password_hash": "${B}",
            "groups": ["g", "h"],
            "client-ids": ["i"]
        }`;

Deno.test("adding a user in JSON leaves every comment at its user", () => {
  assert.equal(
    edited("u.json", JSONC, ADD),
    JSONC.replace("}  // behind __proto__\n", `},  // behind __proto__\n${JSONC_NEW}\n`),
  );
  const trailing = JSONC.replace("}  // behind __proto__", "}, // behind __proto__");
  assert.equal(
    edited("u.json", trailing, ADD),
    trailing.replace("}, // behind __proto__\n", `}, // behind __proto__\n${JSONC_NEW},\n`),
  );
});

Deno.test("changing a password in JSON changes the hash and nothing else, in either spelling", () => {
  for (const name of ["a", "__proto__"]) {
    const at = JSONC.indexOf(A, JSONC.indexOf(`"${name}"`));
    assert.equal(edited("u.json", JSONC, setHash(name)), JSONC.slice(0, at) + B + JSONC.slice(at + A.length));
  }
});

Deno.test("removing a user in JSON takes his lines and the comment behind him", () => {
  const lines = JSONC.split("\n");
  assert.equal(edited("u.json", JSONC, remove("a")), lines.toSpliced(4, 1).join("\n"));
  const without = lines.toSpliced(6, 4).join("\n").replace("}, // behind a", "} // behind a");
  assert.equal(edited("u.json", JSONC, remove("__proto__")), without);
});

Deno.test("users on one line, files without users and files of one user are edited too", () => {
  const texts = [
    `{"users":{"a":{"password_hash":"${A}"}}}`,
    `{"users":{"a":{"password_hash":"${A}"},}}`,
    `{"users":{"a":{"password_hash":"${A}"}, "b":{"password_hash":"${A}"}}}`,
    `{"users": {\r\n\t"a": {"password_hash":"${A}"}\r\n}}\r\n`,
    `{\n  "users": {\n    "a": {"password_hash":"${A}"}, }}`,
    `users: {a: {password_hash: "${A}"}} # flow`,
    `users:\n  a: {password_hash: "${A}"}`,
    `users:\r\n  a:\r\n    password_hash: '${A}'\r\n`,
    `users:\n  a:\n    password_hash: >-\n      ${A}\n`,
    `"users":\n    "a":\n        "password_hash": "${A}" # hash\n\n# end\n`,
  ];
  for (const text of texts) {
    const path = /^"?users/.test(text) ? "u.yaml" : "u.json";
    const added = edited(path, text, ADD);
    edited(path, text, remove("a"));
    assert.equal(added.includes("\r\n"), text.includes("\r\n"), added);
    if (!text.includes(">-")) edited(path, text, setHash("a"));
    const both = edited(path, edited(path, added, setHash("new", A)), { ...ADD, name: "__proto__" });
    edited(path, edited(path, edited(path, both, remove("new")), remove("__proto__")), setHash("a"));
  }
  for (const path of ["u.json", "u.yaml"]) {
    const text = edited(path, emptyUsersText(path), ADD);
    assert.match(edited(path, text, remove("new")), /users"?: \{\s*\}/);
  }
});

const YAML = `# all of them
users:
    # about a
    a: # behind a
        password_hash: ${A} # behind the hash
        groups: [x,  y]   # oddly spaced
    # about 007
    007:
        password-hash: '${A}'
        attributes:
            z: "1"
    # the end
`;

Deno.test("YAML keeps its comments, its order and its spacing", () => {
  const added = `    new:
        password_hash: "${B}"
        groups: ["g", "h"]
        client-ids: ["i"]
`;
  assert.equal(edited("u.yaml", YAML, ADD), YAML.replace("    # the end", `${added}    # the end`));
  assert.equal(edited("u.yaml", YAML, setHash("a")), YAML.replace(A, `"${B}"`));
  assert.equal(edited("u.yaml", YAML, setHash("007")), YAML.replace(`'${A}'`, `"${B}"`));
  const lines = YAML.split("\n");
  assert.equal(edited("u.yaml", YAML, remove("a")), lines.toSpliced(3, 3).join("\n"));
  assert.equal(edited("u.yaml", YAML, remove("007")), lines.toSpliced(7, 4).join("\n"));
});

Deno.test("YAML names that would be read as something else are quoted", () => {
  for (
    const name of ["true", "007", "a: b", "- a", "#a", "é", '"', "null", "~", "1e3", "*a", "&a", "!a", "{", "a\u2028b"]
  ) {
    const text = edited("u.yaml", YAML.replaceAll("007", "seven"), { ...ADD, name });
    assert.ok("text" in editUsers("u.yaml", text, remove(name), LIMITS), name);
  }
});

Deno.test("what an edit would change beside its user is not done", () => {
  const shared = `users:\n  a: &a\n    password_hash: "${A}"\n  b: *a\n`;
  for (const edit of [setHash("a"), setHash("b"), remove("a")]) {
    assert.ok("fault" in editUsers("u.yaml", shared, edit, LIMITS), JSON.stringify(edit));
  }
  // The alias itself can go.
  assert.equal(edited("u.yaml", shared, remove("b")), shared.replace("  b: *a\n", ""));
  const anchored = `hash: &h "${A}"\n`;
  assert.ok("fault" in editUsers("u.yaml", anchored, setHash("a"), LIMITS));
});
