/** The command `explain`: what becomes of one packet of one client, and why. */
import { Argument, Command, InvalidArgumentError, Option } from "commander";
import { BanList } from "../agent/bans/mod.ts";
import { compileConfig } from "../agent/compile_config.ts";
import { quote, quoteWhole } from "../agent/config/quote.ts";
import { ANONYMOUS_GROUP } from "../agent/policy/acl/mod.ts";
import { type Address, parseAddress } from "../agent/policy/address.ts";
import { configOption } from "./config_command.ts";
import { type Console, consoleOf, Ending, EXIT, prepared } from "./console.ts";
import { type Level, MAX_TEXT_BYTES, type SentMessage } from "./explain_packets.ts";
import { explainedJson, explainedText } from "./explain_report.ts";
import type { Actor, Deed, Surroundings } from "./explain_run.ts";
import { explain } from "./explanation.ts";
import { type KeptState, readKeptState, stateOption } from "./kept_state.ts";
import { loadWritten } from "./load_written.ts";

const EXAMPLES = `
The flags say who it is, and are taken as proved: no password is asked for and no provider. The packets are judged by the
agent's own code, which tells what it does; no socket is opened and nothing is written. Bans that were set at run time
and what the proxy pushed are read from the state directory, where there is one, and hold as they would for the agent.

Examples:
  explain -c mqtt-gateway.json --client-id pump-1 --username pump-1 publish plant/2/level --qos 1
  explain -c mqtt-gateway.json --username alice --groups operators --ip 10.0.0.7 subscribe 'plant/#'
  explain -c mqtt-gateway.json --client-id pump-1 receive plant/2/command
  explain -c mqtt-gateway.json --client-id pump-1 connect plant/2/gone --retain   the CONNECT, with that topic as its Will
  explain -c mqtt-gateway.json --unproved --username alice publish a --json | jq -r .reason.code

Exit codes: 0 explained, whatever the verdict, 1 the payload cannot be read or, with --exit-code, it is refused,
2 bad arguments, 3 bad configuration.`;

const ACTIONS = ["publish", "subscribe", "unsubscribe", "receive", "connect"] as const;
/** An address of nobody (RFC 5737). */
const NOBODYS_ADDRESS = "192.0.2.1";
const LEVELS: Readonly<Record<string, Level>> = { "3": 3, "3.1": 3, "4": 4, "3.1.1": 4, "5": 5, "5.0": 5 };

interface Flags {
  config?: string;
  stateDir?: string;
  clientId?: string;
  username?: string;
  groups: readonly string[];
  attribute: ReadonlyMap<string, string>;
  ip: Address;
  routeId?: string;
  protocolVersion: Level;
  unproved: boolean;
  qos?: 0 | 1 | 2;
  retain?: boolean;
  payload?: string;
  all: boolean;
  json: boolean;
  exitCode: boolean;
}

/** What `explain` needs besides its console. */
export interface ExplainNeeds {
  /** Standard input, to its end. */
  readonly readInput?: () => Promise<Uint8Array>;
}

export function explainCommand(given: Partial<Console> = {}, needs: ExplainNeeds = {}): Command {
  const on = consoleOf(given);
  const { readInput = () => new Response(Deno.stdin.readable).bytes() } = needs;
  return prepared(new Command("explain"), on)
    .description("Tells what becomes of a packet of a client, by which rule, and why the other rules do not apply")
    .addArgument(new Argument("<action>", "what the client does, or what is delivered to it").choices(ACTIONS))
    .argument("[topic]", "topic name or filter; of connect that of its Will, if it has one")
    .addOption(configOption(on))
    .addOption(stateOption())
    .option("--client-id <id>", "client id (default: explain)")
    .option("--username <name>", "user name; without one a client without credentials")
    .addOption(
      new Option("--groups <a,b>", "groups of the user, beside those of acl.groups").argParser(groups).default(
        [],
        "none",
      ),
    )
    .addOption(
      new Option("--attribute <name=value>", "attribute of the user; may come several times").argParser(attribute)
        .default(new Map(), "none"),
    )
    .addOption(
      new Option("--ip <address>", "address of the client").argParser(address)
        .default(parseAddress(NOBODYS_ADDRESS), NOBODYS_ADDRESS),
    )
    .option("--route-id <id>", "route of the proxy (default: the first of general.routes)")
    .addOption(
      new Option("--protocol-version <version>", "3.1, 3.1.1 or 5.0").argParser(level).default(LEVELS["5.0"], "5.0"),
    )
    .option("--unproved", "nobody proved the user name (default: user name, groups and attributes are proved)", false)
    .addOption(new Option("--qos <qos>", "QoS of the packet (default: 0)").argParser(qos))
    .option("--retain", "set the retain flag")
    .option("--payload <text|@file|@->", "payload of the message: the text, what is in the file, or standard input")
    .option("--all", "tell every rule, however many there are", false)
    .option("--json", "one JSON object, with every rule", false)
    .option("--exit-code", "end with 1 where it is refused", false)
    .addHelpText("after", EXAMPLES)
    .action(async (action: Deed["action"], topic: string | undefined, flags: Flags) => {
      const deed = await readDeed(action, topic, flags, readInput);
      await runExplain(on, readActor(flags), deed, flags);
    });
}

async function runExplain(
  on: Console,
  actor: Actor,
  deed: Deed,
  { config: file, stateDir, all, json, exitCode }: Flags,
): Promise<void> {
  const kept = readKeptState(stateDir, on.env);
  if ("problem" in kept) throw new Ending(EXIT.FAILURE, kept.problem);
  const { state } = kept;
  const bansFault = state === null ? null : faultOfBans(state, on.wallMs());
  if (bansFault !== null) throw new Ending(EXIT.FAILURE, bansFault);
  const result = loadWritten({ file, env: on.env, pushJson: state?.push?.json });
  if ("problems" in result) refuse(result.problems);
  const { loaded, written } = result;
  // Its tests are not run: why one of them fails may be what is to be explained.
  const { compiled, problems } = await compileConfig(loaded, { number: 1, testsAtMs: null, buildRegexes: false });
  if (compiled === null) refuse(problems);
  const { policy, bans } = compiled;
  const surroundings: Surroundings = {
    config: loaded.config,
    policy,
    bans,
    bansText: state?.bansText ?? null,
    wallMs: on.wallMs,
  };
  const [route = null] = loaded.config.general.routes ?? [];
  const explanation = explain(surroundings, written, { ...actor, routeId: actor.routeId ?? route }, deed, {
    placeAll: all || json,
    state,
  });
  on.out(json ? JSON.stringify(explainedJson(explanation), null, 2) : explainedText(explanation, all));
  if (exitCode && explanation.judgement.verdict !== "allow") throw new Ending(EXIT.FAILURE);
}

/** What keeps the run-time bans from being understood, or null. */
function faultOfBans({ bansText, bansFile }: KeptState, wallMs: number): string | null {
  const silent = () => {};
  const read = BanList.ofText(bansText, { setTimer: () => silent, tell: silent }, wallMs);
  return "fault" in read ? `Cannot read bans from ${quoteWhole(bansFile)}: ${read.fault}` : null;
}

function refuse(problems: readonly { readonly message: string }[]): never {
  throw new Ending(EXIT.CONFIGURATION, problems.map(({ message }) => message).join("\n"));
}

function readActor(flags: Flags): Actor {
  const { clientId = "explain", username, groups, attribute: attributes, ip, routeId, protocolVersion, unproved } =
    flags;
  if (unproved && (groups.length > 0 || attributes.size > 0)) {
    throw wrong(
      "Cannot use --groups or --attribute with --unproved: they come with a proof; acl.groups go by the user name",
    );
  }
  for (const [flag, text] of [["--client-id", clientId], ["--username", username ?? ""]] as const) {
    checkText(flag, text);
  }
  return {
    clientId,
    username: username ?? null,
    groups,
    attributes,
    proved: !unproved,
    address: ip,
    routeId: routeId ?? null,
    level: protocolVersion,
  };
}

/** The deed that the arguments name; what does not belong to it is refused, not left out. */
async function readDeed(
  action: Deed["action"],
  topic: string | undefined,
  flags: Flags,
  readInput: () => Promise<Uint8Array>,
): Promise<Deed> {
  const { qos, retain, payload } = flags;
  const given = [["--qos", qos], ["--retain", retain], ["--payload", payload]] as const;
  const refuseGiven = (names: readonly string[], why: string) => {
    const extra = given.find(([name, value]) => value !== undefined && names.includes(name));
    if (extra !== undefined) throw wrong(`Cannot use ${extra[0]} with ${quote(action)}: ${why}`);
  };
  if (topic === undefined) {
    if (action !== "connect") throw wrong(`Cannot explain ${quote(action)} without a topic`);
    refuseGiven(["--qos", "--retain", "--payload"], "it has no Will without a topic");
    return { action, will: null };
  }
  checkText("the topic", topic);
  switch (action) {
    case "connect": {
      const will = await readMessage(topic, flags, readInput);
      if (will.payload.length > MAX_TEXT_BYTES) {
        throw wrong(`Cannot send a Will of ${will.payload.length} bytes: it holds 65535`);
      }
      return { action, will };
    }
    case "publish":
    case "receive":
      return { action, message: await readMessage(topic, flags, readInput) };
    case "subscribe":
      refuseGiven(["--retain", "--payload"], "it holds no message");
      return { action, filter: topic, qos: qos ?? 0 };
    case "unsubscribe":
      refuseGiven(["--qos", "--retain", "--payload"], "it holds no message");
      return { action, filter: topic };
    default:
      return action satisfies never;
  }
}

async function readMessage(
  topic: string,
  { qos = 0, retain = false, payload = "" }: Flags,
  readInput: () => Promise<Uint8Array>,
): Promise<SentMessage> {
  return { topic, qos, retain, payload: await readPayload(payload, readInput) };
}

async function readPayload(payload: string, readInput: () => Promise<Uint8Array>): Promise<Uint8Array> {
  if (!payload.startsWith("@")) return new TextEncoder().encode(payload);
  const path = payload.slice(1);
  let bytes: Uint8Array;
  try {
    bytes = path === "-" ? await readInput() : await Deno.readFile(path);
  } catch (error) {
    const why = error instanceof Deno.errors.NotFound ? "no such file" : error instanceof Error ? error.message : error;
    throw new Ending(EXIT.FAILURE, `Cannot read the payload from ${quoteWhole(path)}: ${why}`);
  }
  if (bytes.length > MAX_PAYLOAD_BYTES) {
    throw new Ending(EXIT.FAILURE, `Cannot send the payload: it has ${bytes.length} bytes, and MQTT holds 256 MiB`);
  }
  return bytes;
}

/** What a packet holds at most (MQTT 5.0 section 2.1.4), less room for its head. */
const MAX_PAYLOAD_BYTES = 268_435_455 - 2 * MAX_TEXT_BYTES;

function checkText(what: string, text: string): void {
  const bytes = new TextEncoder().encode(text).length;
  if (bytes > MAX_TEXT_BYTES) {
    throw wrong(`Cannot send ${what}: it has ${bytes} bytes, and MQTT holds ${MAX_TEXT_BYTES}`);
  }
}

function wrong(message: string): Ending {
  return new Ending(EXIT.ARGUMENTS, message);
}

function groups(text: string, before: readonly string[]): readonly string[] {
  const named = text.split(",").map((group) => group.trim()).filter((group) => group !== "");
  if (named.includes(ANONYMOUS_GROUP)) {
    throw new InvalidArgumentError(`the group "${ANONYMOUS_GROUP}" has whoever comes without a user name`);
  }
  return [...before, ...named];
}

function attribute(text: string, before: ReadonlyMap<string, string>): ReadonlyMap<string, string> {
  const equals = text.indexOf("=");
  if (equals < 1) throw new InvalidArgumentError("say name=value");
  return new Map([...before, [text.slice(0, equals), text.slice(equals + 1)]]);
}

function address(text: string): Address {
  const found = parseAddress(text);
  if (found === null) throw new InvalidArgumentError("it is no IPv4 or IPv6 address");
  return found;
}

function level(text: string): Level {
  const found = LEVELS[text];
  if (found === undefined) throw new InvalidArgumentError("say 3.1, 3.1.1 or 5.0");
  return found;
}

function qos(text: string): 0 | 1 | 2 {
  if (!/^[012]$/.test(text)) throw new InvalidArgumentError("say 0, 1 or 2");
  return Number(text) as 0 | 1 | 2;
}
