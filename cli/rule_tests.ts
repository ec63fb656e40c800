/** The command `test`: decisions that the rules must take. */
import { Command } from "commander";
import { conform } from "../agent/config/conform.ts";
import { ConfigDocument } from "../agent/config/document.ts";
import {
  type AclTestConfig,
  type Environment,
  type LoadedConfig,
  type Place,
  type Problem,
  readText,
} from "../agent/config/mod.ts";
import { problem } from "../agent/config/problem.ts";
import { quoteWhole } from "../agent/config/quote.ts";
import { ACL_TESTS } from "../agent/config/schema/acl.ts";
import { object, ours, REQUIRED } from "../agent/config/shape.ts";
import { byPlace } from "../agent/config/sources.ts";
import { type CompiledAcl, type EmbeddedTestFailure, runEmbeddedTests } from "../agent/policy/acl/mod.ts";
import { compileConfig } from "../agent/compile_config.ts";
import { configOption } from "./config_command.ts";
import { placeWords } from "./config_view.ts";
import { type Console, consoleOf, Ending, EXIT, prepared } from "./console.ts";
import { loadWritten } from "./load_written.ts";

const EXAMPLES = `
A file of tests is JSON with comments: a list of tests as in acl.tests, or an object with such a list as "tests":

  [
    { "name": "sensors publish", "as": { "username": "sensor-1" }, "publish": "sensors/1/data", "expect": "allow" },
    { "name": "and nothing else", "as": { "username": "sensor-1" }, "subscribe": "#", "expect": "deny" }
  ]

Examples:
  test -c mqtt-gateway.json                       the tests in the configuration
  test -c mqtt-gateway.json tests/*.json          and those of these files

Exit codes: 0 all passed, 1 a file of tests cannot be read, 2 bad arguments, 3 bad configuration or file of tests,
4 a test failed.`;

/** A file of tests that is no list of them. */
const TESTS_FILE = object({ tests: ours("Tests of the rules", ACL_TESTS, REQUIRED) });

interface TestFlags {
  config?: string;
}

export function testCommand(given: Partial<Console> = {}): Command {
  const on = consoleOf(given);
  return prepared(new Command("test"), on)
    .description("Runs the tests of the rules, those of the configuration and those in files")
    .argument("[files...]", "files of tests")
    .addOption(configOption(on))
    .addHelpText("after", EXAMPLES)
    .action((files: string[], { config }: TestFlags) => runTests(on, files, config));
}

/** Tests of one source, and where each of them is written. */
interface Suite {
  readonly tests: readonly AclTestConfig[];
  places(tests: readonly number[]): Place[];
}

async function runTests(on: Console, files: readonly string[], config: string | undefined): Promise<void> {
  const result = loadWritten({ file: config, env: on.env });
  if ("problems" in result) refuse(result.problems);
  const { loaded } = result;
  const { compiled, problems } = await compileConfig(loaded, { number: 1, testsAtMs: null, buildRegexes: false });
  if (compiled === null) refuse(problems);
  const suites = [suiteOfConfig(loaded), ...suitesOf(files, on.env)];
  const failures = suites.flatMap((suite) => failuresOf(suite, compiled.policy.acl, on.wallMs()));
  for (const line of failures) on.out(line);
  const all = suites.reduce((count, { tests }) => count + tests.length, 0);
  on.out(`${all - failures.length} passed, ${failures.length} failed`);
  if (failures.length > 0) throw new Ending(EXIT.TESTS);
}

function failuresOf({ tests, places }: Suite, acl: CompiledAcl, nowMs: number): string[] {
  const failures: readonly EmbeddedTestFailure[] = runEmbeddedTests(acl, tests, nowMs);
  const found = places(failures.map(({ test }) => test));
  return failures.map(({ message }, index) => {
    const place = found[index];
    return place === undefined ? message : `${placeWords(place)}: ${message}`;
  });
}

function suiteOfConfig({ config, problemsAt }: LoadedConfig): Suite {
  return {
    tests: config.acl.tests,
    places(tests) {
      // Problems come back by place: the number of the test is what tells them apart.
      const told = problemsAt(tests.map((test) => ({ path: ["acl", "tests", test], message: String(test) })));
      const byTest = new Map(told.map(({ text, place }) => [Number(text), place]));
      return tests.map((test) => byTest.get(test) ?? { source: "the configuration" });
    },
  };
}

/** The tests in all files, or the command's end with all that is wrong with them. */
function suitesOf(files: readonly string[], env: Environment): Suite[] {
  const texts = files.map((path) => ({ path, found: readText(path) }));
  const missing = texts.flatMap(({ path, found }) =>
    "fault" in found ? [`Cannot read ${quoteWhole(path)}: ${found.fault}`] : []
  );
  if (missing.length > 0) throw new Ending(EXIT.FAILURE, missing.join("\n"));
  const read = texts.map(({ path, found }) => readTests(path, "text" in found ? found.text : "", env));
  const problems = read.flatMap((one) => "problems" in one ? one.problems : []);
  if (problems.length > 0) refuse(problems);
  return read.flatMap((one) => "problems" in one ? [] : [one]);
}

function readTests(path: string, text: string, env: Environment): Suite | { readonly problems: readonly Problem[] } {
  const document = ConfigDocument.ofText(path, text);
  const { fault, source } = document;
  if (fault !== null) return { problems: [problem("syntax", document.placeAt(fault.offset), [], fault.text)] };
  const isList = Array.isArray(document.value);
  const { value, findings, untold } = conform(isList ? ACL_TESTS : TESTS_FILE, document, env, new Map());
  if (findings.length > 0) {
    const places = document.places(findings);
    const problems = findings.map(({ kind, path, text }, at) => problem(kind, places[at] ?? { source }, path, text));
    const more = untold > 0 ? [problem("check", { source }, [], `${untold} more problems`)] : [];
    return { problems: [...problems.sort(byPlace), ...more] };
  }
  const tests = (isList ? value : (value as { tests: unknown }).tests) as readonly AclTestConfig[];
  return { tests, places: (failed) => document.places(failed.map((test) => ({ raw: rawPath(test), of: "value" }))) };

  function rawPath(test: number): (string | number)[] {
    const list = isList ? document.value : (document.value as { tests: unknown }).tests;
    const part = Array.isArray(list) ? test : tests[test]?.name ?? test;
    return isList ? [part] : ["tests", part];
  }
}

function refuse(problems: readonly Problem[]): never {
  throw new Ending(EXIT.CONFIGURATION, problems.map(({ message }) => message).join("\n"));
}
