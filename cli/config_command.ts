/** The command `config`: what the configuration comes to, and the schema of its file. */
import { Command, Option } from "commander";
import { configSchema } from "../agent/config/json_schema.ts";
import { readKeptState, stateOption } from "./kept_state.ts";
import { loadWritten } from "./load_written.ts";
import { shownConfig, shownOrigins } from "./config_view.ts";
import { type Console, consoleOf, Ending, EXIT, prepared } from "./console.ts";

const SHOW_EXAMPLES = `
Secrets are shown as ***. With --origin every value stands beside the place that it comes from. What the proxy pushed and
the agent keeps in its state directory lies over the file, as it does for the agent.

Examples:
  config show -c mqtt-gateway.json
  config show -c mqtt-gateway.json --origin | jq '."acl.default-action"'

Exit codes: 0 ok, 1 the state directory cannot be read, 2 bad arguments, 3 bad configuration.`;

const SCHEMA_EXAMPLES = `
Examples:
  config schema > mqtt-gateway.schema.json`;

interface ShowFlags {
  config?: string;
  stateDir?: string;
  origin?: boolean;
}

export function configCommand(given: Partial<Console> = {}): Command {
  const on = consoleOf(given);
  const show = prepared(new Command("show"), on)
    .description("Prints the effective configuration as JSON: defaults with file and the proxy's push over them")
    .addOption(configOption(on))
    .addOption(stateOption())
    .option("--origin", "print where each value comes from")
    .addHelpText("after", SHOW_EXAMPLES)
    .action((flags: ShowFlags) => showConfig(on, flags));
  const schema = prepared(new Command("schema"), on)
    .description("Prints the JSON Schema of the configuration file, for editors")
    .addHelpText("after", SCHEMA_EXAMPLES)
    .action(() => on.out(JSON.stringify(configSchema(), null, 2)));
  return prepared(new Command("config"), on)
    .description("Shows what the configuration comes to, and the schema of its file")
    .addCommand(show)
    .addCommand(schema);
}

/** `-c FILE`, or MQTT_CONFIG as for the agent itself. */
export function configOption(on: Console): Option {
  const option = new Option("-c, --config <file>", "configuration file (JSON, comments allowed; env: MQTT_CONFIG)");
  const named = on.env("MQTT_CONFIG");
  return named === undefined || named === "" ? option : option.default(named);
}

function showConfig(on: Console, { config: file, stateDir, origin = false }: ShowFlags): void {
  const kept = readKeptState(stateDir, on.env);
  if ("problem" in kept) throw new Ending(EXIT.FAILURE, kept.problem);
  const push = kept.state?.push ?? null;
  if (push !== null) on.note(`What ${push.from} pushed lies over the file: it is kept in ${kept.state?.pushFile}`);
  const result = loadWritten({ file, env: on.env, pushJson: push?.json });
  if ("problems" in result) {
    throw new Ending(EXIT.CONFIGURATION, result.problems.map(({ message }) => message).join("\n"));
  }
  const { loaded: { config }, written } = result;
  const shown = origin ? Object.fromEntries(shownOrigins(config, written)) : shownConfig(config, written);
  on.out(JSON.stringify(shown, null, 2));
}
