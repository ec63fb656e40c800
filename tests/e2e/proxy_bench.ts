import type { FrameRecord } from "../../demo/proxied_connection.ts";
import { type ProxyOptions, StandInProxy } from "../../demo/proxy.ts";
import { RawClient, type RawClientOptions, type UpgradeRefusal, UpgradeRefusedError } from "../../demo/raw_client.ts";
import { Watch } from "../../demo/watch.ts";
import { FakeAgent, type Script } from "./fake_agent.ts";
import { RecordingBroker } from "./recording_broker.ts";

/** Bytes of hexadecimal text, in which blanks do not matter. */
export function bytes(hex: string): Uint8Array {
  return Uint8Array.fromHex(hex.replaceAll(" ", ""));
}

/** Bytes as hexadecimal text; of nothing, nothing. */
export function hex(value: Uint8Array | undefined): string {
  return value?.toHex().toUpperCase() ?? "";
}

/** A whole MQTT packet of which nothing matters but that it comes from a broker. */
export const PINGRESP = bytes("D0 00");

/** The stand-in between an agent and a broker that do as they are told. */
export interface Bench {
  readonly agent: FakeAgent;
  readonly broker: RecordingBroker;
  readonly proxy: StandInProxy;
  readonly frames: Watch<FrameRecord>;
  connect(options?: RawClientOptions): Promise<RawClient>;
}

/** Runs `run` with a bench; all of it is gone afterwards. */
export async function withBench(script: Script, options: Partial<ProxyOptions>, run: (bench: Bench) => Promise<void>) {
  const agent = FakeAgent.start(script);
  const broker = new RecordingBroker();
  const frames = new Watch<FrameRecord>();
  const proxy = await StandInProxy.start({ agentSocket: agent.path, broker, onFrame: frames.add, ...options });
  const clients: RawClient[] = [];
  try {
    await run({
      agent,
      broker,
      proxy,
      frames,
      async connect(clientOptions) {
        const client = await RawClient.connect(proxy.port, clientOptions);
        clients.push(client);
        return client;
      },
    });
  } finally {
    for (const client of clients) client.close();
    await proxy.stop();
    await agent.stop();
    broker.stop();
  }
}

/** What a refused upgrade was answered. Throws when it was accepted. */
export async function refused(connecting: Promise<RawClient>): Promise<UpgradeRefusal> {
  try {
    await connecting;
  } catch (error) {
    if (error instanceof UpgradeRefusedError) return error.refusal;
    throw error;
  }
  throw new Error("Cannot see a refusal: the upgrade was accepted");
}
