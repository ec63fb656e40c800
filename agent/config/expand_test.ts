import { equal } from "node:assert/strict";
import { type Environment, expand } from "./expand.ts";
import type { Placeholders } from "./shape.ts";

const VARIABLES: Readonly<Record<string, string>> = {
  SITE: "north",
  EMPTY: "",
  NESTED: "${SITE}",
  PLACEHOLDER: "${clientid}",
  BRACED: "{clientid}",
  DOLLAR: "$",
  PATTERN: "$& $1 $$",
  clientid: "from the environment",
};
const env: Environment = (name) => Object.hasOwn(VARIABLES, name) ? VARIABLES[name] : undefined;

function expanded(text: string, placeholders: Placeholders | null = null): string {
  const result = expand(text, env, placeholders);
  return "fault" in result ? `fault: ${result.fault}` : result.text;
}

Deno.test("expand() fills in the environment, once", () => {
  const cases: readonly (readonly [string, string])[] = [
    ["plain $ text {}", "plain $ text {}"],
    ["${SITE}", "north"],
    ["a/${SITE}/${SITE}/b", "a/north/north/b"],
    ["${EMPTY}", ""],
    ["${ABSENT:-south}", "south"],
    ["${EMPTY:-south}", "south"],
    ["${SITE:-south}", "north"],
    ["${ABSENT:-}", ""],
    ["${ABSENT:-a:-b c}", "a:-b c"],
    ["$${SITE}", "${SITE}"],
    ["$$${SITE}", "$${SITE}"],
    ["$$ $SITE", "$$ $SITE"],
    ["${NESTED}", "${SITE}"],
    ["${PATTERN}", "$& $1 $$"],
    ["${clientid}", "from the environment"],
    ["${ABSENT}", `fault: the environment has no "ABSENT"`],
    ["${SITE}${ABSENT}", `fault: the environment has no "ABSENT"`],
    ["${", `fault: holds "\${" that begins no "\${NAME}"; the text itself is written "$\${"`],
    ["${}", `fault: holds "\${" that begins no "\${NAME}"; the text itself is written "$\${"`],
    ["${1A}", `fault: holds "\${" that begins no "\${NAME}"; the text itself is written "$\${"`],
    ["pass${word", `fault: holds "\${" that begins no "\${NAME}"; the text itself is written "$\${"`],
    ["${attr.site}", `fault: holds "\${" that begins no "\${NAME}"; the text itself is written "$\${"`],
    ["${A:-${SITE}}", `fault: the default of "A" holds another "\${"`],
  ];
  for (const [text, result] of cases) equal(expanded(text), result, text);
});

Deno.test("expand() leaves placeholders alone where they mean something", () => {
  for (const text of ["${clientid}", "u/${username}/x", "${ip}", "${attr.site-name}/${SITE}"]) {
    equal(expanded(text, "topic"), text.replace("${SITE}", "north"), text);
  }
  equal(expanded("${password} ${protocol}", "request"), "${password} ${protocol}");
  equal(expanded("${password}", "topic"), `fault: the environment has no "password"`);
  equal(expanded("${Clientid}", "topic"), `fault: the environment has no "Clientid"`);
  equal(expanded("${clientid:-x}", "topic"), "from the environment");
});

Deno.test("expand() refuses what only becomes a placeholder by what is filled in", () => {
  const fault = "fault: holds what would be taken for a placeholder after the environment is filled in";
  for (const text of ["${PLACEHOLDER}", "$${clientid}", "${DOLLAR}{clientid}", "${DOLLAR}${BRACED}", "$${attr.x}"]) {
    equal(expanded(text, "topic"), fault, text);
  }
  equal(expanded("$${BRACED}", "topic"), "${BRACED}");
  equal(expanded("$${clientid}"), "${clientid}");
});

Deno.test("expand() says whether the environment had part in a text, so that no message quotes it", () => {
  for (const [text, part] of [["a", false], ["$${A}", false], ["${SITE}", true], ["${ABSENT:-x}", true]] as const) {
    const result = expand(text, env, null);
    equal("text" in result && result.fromEnvironment, part, text);
  }
});

Deno.test("expand() takes a variable that it may not read as absent", () => {
  const forbidden: Environment = () => {
    throw new Deno.errors.NotCapable("Requires env access");
  };
  equal("fault" in expand("${SITE}", forbidden, null), true);
  equal("text" in expand("${SITE:-x}", forbidden, null), true);
});
