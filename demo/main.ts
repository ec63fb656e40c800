import { fileURLToPath } from "node:url";
import { Command, InvalidArgumentError, Option } from "commander";
import { type AgentProcess, startAgentProcess } from "./agent_process.ts";
import { type RunningBroker, startBroker } from "./broker.ts";
import { type Dashboard, DEVICES, startDashboard, type Surroundings } from "./devices.ts";
import type { FrameRecord } from "./proxied_connection.ts";
import { type AgentProtocol, StandInProxy } from "./proxy.ts";
import { DemoReport } from "./report.ts";
import { startTcpFront } from "./tcp_front.ts";
import { Watch } from "./watch.ts";

/** Time between two rounds. */
const PAUSE_MS = 5000;

const CONFIG = fileURLToPath(new URL("./agent.json", import.meta.url));

interface DemoOptions {
  readonly protocol: AgentProtocol;
  readonly pool?: number;
  readonly broker?: string;
  readonly once: boolean;
  readonly agentSocket?: string;
}

/** What has to be stopped at the end, the last started first. */
type Cleanup = () => Promise<void> | void;

async function main(): Promise<number> {
  const options = parseArguments(Deno.args);
  const report = new DemoReport({
    colour: Deno.stdout.isTerminal() && !Deno.noColor,
    print: (line) => console.log(line),
  });
  const cleanups: Cleanup[] = [];
  let wasInterrupted = false;
  const interrupted = firstSignal();
  interrupted.then(() => wasInterrupted = true);
  let failures = 0;
  const setting = setUp(options, report, cleanups);
  try {
    const stage = await Promise.race([setting, interrupted]);
    if (stage === "interrupted") {
      // What it has started so far must be known before it can be stopped. Ctrl-C may have ended a part of it.
      await setting.catch(() => {});
    } else {
      do {
        const round = playRound(stage, report).then((count) => failures += count);
        round.catch(() => {}); // An interrupted round fails, and nobody waits for it.
        if (await Promise.race([round, interrupted]) === "interrupted") break;
      } while (!options.once && await Promise.race([pause(), interrupted]) !== "interrupted");
      report.summary(stage.proxy.counts);
    }
  } catch (error) {
    console.error(messageOf(error));
    failures++;
  }
  for (const cleanup of cleanups.reverse()) await cleanup();
  return failures === 0 || wasInterrupted ? 0 : 1;
}

interface Stage {
  readonly proxy: StandInProxy;
  readonly tcpPort: number;
  readonly mqtt5: boolean;
  readonly frames: Watch<FrameRecord>;
}

async function setUp(options: DemoOptions, report: DemoReport, cleanups: Cleanup[]): Promise<Stage> {
  const directory = await Deno.makeTempDir({ dir: "/tmp", prefix: "sentinel-mqtt-demo-" });
  cleanups.push(() => Deno.remove(directory, { recursive: true }));
  const broker = await startBroker(options.broker === undefined ? {} : { url: options.broker });
  cleanups.push(() => broker.stop());
  const agentSocket = options.agentSocket ?? `${directory}/agent.sock`;
  if (options.agentSocket === undefined) {
    const agent = await startAgentProcess({
      socketPath: agentSocket,
      configPath: CONFIG,
      stateDirectory: directory,
    });
    cleanups.push(() => agent.stop());
    warnWhenItEnds(agent);
  }
  const frames = new Watch<FrameRecord>();
  const proxy = await StandInProxy.start({
    agentSocket,
    broker,
    protocol: options.protocol,
    ...(options.pool === undefined ? {} : { pool: options.pool }),
    // As the guide sets the proxy up: no frame passes because the agent was too slow or away.
    agentTimeoutMs: 90,
    failureMode: "closed",
    // The real client confuses verdicts here (agent_client_v2.ts); the demo shows the agent's.
    idCollision: "avoid",
    onUpgrade: (record) => report.upgrade(record),
    onFrame: (record) => {
      frames.add(record);
      frames.seen.length = 0;
      report.frame(record);
    },
  });
  cleanups.push(() => proxy.stop());
  const front = startTcpFront({ proxyPort: proxy.port });
  cleanups.push(() => front.stop());

  report.title("MQTT devices, a stand-in for the Sentinel proxy, the agent, a broker");
  report.facts({
    agent: `${options.agentSocket ?? "started with demo/agent.json"}, protocol ${options.protocol}`,
    proxy: `${proxy.url}, and plain TCP on mqtt://127.0.0.1:${front.port}`,
    broker: `${describeBroker(broker)}; reached over TCP, where the real proxy speaks WebSocket`,
  });
  return { proxy, frames, tcpPort: front.port, mqtt5: broker.kind === "mosquitto" };
}

/** Lets every device play its part; how many did not go as they should. */
async function playRound({ proxy, frames, tcpPort, mqtt5 }: Stage, report: DemoReport): Promise<number> {
  report.nextRound();
  report.columns();
  report.device("dashboard-1", "a good dashboard: subscribes to what the sensors measure");
  let dashboard: Dashboard;
  try {
    dashboard = await startDashboard({ url: proxy.url, mqtt5 });
  } catch (error) {
    report.failed(messageOf(error));
    return 1; // The others' readings would arrive nowhere.
  }
  const surroundings: Surroundings = {
    url: proxy.url,
    proxyPort: proxy.port,
    tcpPort,
    mqtt5,
    nextDecision: (fits) => frames.until(fits, "a verdict"),
    nextReading: (topic) => dashboard.nextReading(topic),
  };
  let failures = 0;
  for (const device of DEVICES) {
    report.device(device.name, device.about);
    try {
      report.noticed(await device.play(surroundings));
    } catch (error) {
      failures++;
      report.failed(messageOf(error));
    }
  }
  await dashboard.stop();
  return failures;
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

function describeBroker({ kind, hostname, port }: RunningBroker): string {
  const address = `${hostname}:${port}`;
  switch (kind) {
    case "external":
      return `mqtt://${address}, MQTT 3.1.1`;
    case "mosquitto":
      return `Mosquitto on ${address}, MQTT 5`;
    case "aedes":
      return `aedes in this process on ${address}, MQTT 3.1.1`;
    default:
      return kind satisfies never;
  }
}

function warnWhenItEnds(agent: AgentProcess): void {
  agent.ended.then((code) => {
    if (code !== 0) console.error(`The agent ended with ${code}:\n${agent.lastWords()}`);
  });
}

function parseArguments(args: readonly string[]): DemoOptions {
  const program = new Command("deno task demo")
    .description("Shows the agent at work: simulated devices, a stand-in for the Sentinel proxy, a broker")
    .addOption(
      new Option("--protocol <version>", "protocol between proxy and agent").choices(["v1", "v2"]).default("v1"),
    )
    .option("--pool <connections>", "connections to the agent (default: 10 over v1, 4 over v2)", connectionCount)
    .option(
      "--broker <url>",
      "a broker that runs already, mqtt://host:port (default: Mosquitto if installed, else aedes)",
    )
    .option("--agent-socket <path>", "Unix socket of an agent that runs already (default: one is started)")
    .option("--once", "stop after the first round", false);
  return program.parse(args, { from: "user" }).opts<DemoOptions>();
}

function connectionCount(text: string): number {
  const count = Number(text);
  if (!Number.isInteger(count) || count < 1 || count > 100) throw new InvalidArgumentError("1 to 100.");
  return count;
}

function firstSignal(): Promise<"interrupted"> {
  return new Promise((resolve) => {
    for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
      Deno.addSignalListener(signal, () => resolve("interrupted"));
    }
  });
}

function pause(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
}

if (import.meta.main) Deno.exit(await main());
