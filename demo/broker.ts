import { Aedes } from "aedes";
import type { BrokerAddress } from "./broker_websocket.ts";
import { endWithThisProgram } from "./child_guard.ts";
import { ConnStream } from "./conn_stream.ts";

/** Which broker runs: one elsewhere, Mosquitto as a process of ours, or aedes in this process. */
export type BrokerKind = "external" | "mosquitto" | "aedes";

/** A broker that clients can reach over TCP. */
export interface RunningBroker extends BrokerAddress {
  readonly kind: BrokerKind;
  /** Stops what was started; an external broker is left alone. */
  stop(): Promise<void>;
}

/** Which broker to use. */
export interface BrokerOptions {
  /** A broker that runs already, as `mqtt://host:port`. */
  readonly url?: string;
  /** Default `mosquitto`, and aedes where that is not installed. Mosquitto speaks MQTT 5, aedes only 3.1.1. */
  readonly prefer?: "mosquitto" | "aedes";
}

/** Where packages put a program that is not on every PATH. */
const PLACES = ["/usr/sbin", "/usr/local/sbin", "/opt/homebrew/sbin", "/usr/bin", "/usr/local/bin"];

/** Someone else may take a free port before Mosquitto does. */
const PORT_ATTEMPTS = 5;

/** Starts a broker on a free port of 127.0.0.1, or takes the one given. Throws when that is not a `mqtt://` address. */
export async function startBroker(options: BrokerOptions = {}): Promise<RunningBroker> {
  if (options.url !== undefined) return externalBroker(options.url);
  const mosquitto = options.prefer === "aedes" ? null : findMosquitto();
  return mosquitto === null ? await startAedes() : await startMosquitto(mosquitto);
}

/** Path of Mosquitto, or null where it is not installed or may not be run. */
export function findMosquitto(): string | null {
  return findProgram("mosquitto");
}

/** Path of a program on the PATH or where packages put servers; null where it is not, or may not be run. */
export function findProgram(name: string): string | null {
  const pathIsReadable = Deno.permissions.querySync({ name: "env", variable: "PATH" }).state === "granted";
  const places = pathIsReadable ? (Deno.env.get("PATH") ?? "").split(":").concat(PLACES) : PLACES;
  return places.map((place) => `${place}/${name}`).find((path) => isFile(path) && mayRun(path)) ?? null;
}

function externalBroker(url: string): RunningBroker {
  const parsed = URL.canParse(url) ? new URL(url) : null;
  if (parsed?.protocol !== "mqtt:" || parsed.hostname === "") {
    throw new Error(`Cannot use the broker "${url}": expected mqtt://host:port`);
  }
  const port = parsed.port === "" ? 1883 : Number(parsed.port);
  return { kind: "external", hostname: parsed.hostname, port, stop: () => Promise.resolve() };
}

async function startAedes(): Promise<RunningBroker> {
  const broker = await Aedes.createBroker();
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const accepting = (async () => {
    for await (const conn of listener) broker.handle(new ConnStream(conn));
  })();
  return {
    kind: "aedes",
    hostname: "127.0.0.1",
    port: listener.addr.port,
    async stop() {
      listener.close();
      await accepting;
      await new Promise<void>((resolve) => broker.close(resolve));
    },
  };
}

async function startMosquitto(path: string): Promise<RunningBroker> {
  const directory = await Deno.makeTempDir({ prefix: "sentinel-mqtt-broker-" });
  try {
    let said = "";
    for (let attempt = 0; attempt < PORT_ATTEMPTS; attempt++) {
      const port = freePort();
      const started = await launchMosquitto(path, directory, port);
      if (started.kind === "failed") {
        said = started.said;
        continue;
      }
      const { process, drained } = started;
      const stop = async () => {
        try {
          process.kill("SIGTERM");
        } catch {
          // It has ended by itself: Ctrl-C in a terminal reaches it too.
        }
        await process.status;
        await drained;
        await Deno.remove(directory, { recursive: true });
      };
      return { kind: "mosquitto", hostname: "127.0.0.1", port, stop };
    }
    throw new Error(`Cannot start "${path}": it ended and said ${JSON.stringify(said.trim())}`);
  } catch (error) {
    await Deno.remove(directory, { recursive: true });
    throw error;
  }
}

type Launch =
  | { readonly kind: "running"; readonly process: Deno.ChildProcess; readonly drained: Promise<void> }
  | { readonly kind: "failed"; readonly said: string };

async function launchMosquitto(path: string, directory: string, port: number): Promise<Launch> {
  const configPath = `${directory}/mosquitto.conf`;
  const lines = [
    `listener ${port} 127.0.0.1`,
    "allow_anonymous true",
    "persistence false",
    "set_tcp_nodelay true",
    "max_queued_messages 0",
    // mqtt.js sends on past the receive maximum that a broker names, and Mosquitto (20 by default) then hangs up.
    "max_inflight_messages 0",
    "log_dest stderr",
    "log_type error",
    "log_type warning",
    "log_type information",
  ];
  await Deno.writeTextFile(configPath, lines.join("\n") + "\n");
  const command = new Deno.Command(path, {
    args: ["-c", configPath],
    clearEnv: true,
    stdin: "null",
    stdout: "null",
    stderr: "piped",
  });
  const process = command.spawn();
  endWithThisProgram(process);
  const reader = process.stderr.pipeThrough(new TextDecoderStream()).getReader();
  let said = "";
  for (let read = await reader.read(); !read.done; read = await reader.read()) {
    said += read.value;
    // Its last line before it serves: "mosquitto version 2.0.11 running".
    if (/ running\r?\n/.test(said)) return { kind: "running", process, drained: drain(reader) };
  }
  await process.status;
  return { kind: "failed", said };
}

/** Goes on reading, so that the process never waits for its own log. */
async function drain(reader: ReadableStreamDefaultReader<string>): Promise<void> {
  while (!(await reader.read()).done);
}

function freePort(): number {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr;
  listener.close();
  return port;
}

function mayRun(path: string): boolean {
  return Deno.permissions.querySync({ name: "run", command: path }).state === "granted";
}

function isFile(path: string): boolean {
  try {
    return Deno.statSync(path).isFile;
  } catch {
    return false; // Not there, or not ours to look at.
  }
}
