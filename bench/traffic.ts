import { BenchSession, type SessionFrame } from "./closed_loop.ts";
import { frameTemplate, type Origin, type ProtocolVersion } from "./event_bytes.ts";
import { connackPacket, connectPacket, publishPacket, telemetry } from "./mqtt_bytes.ts";

/** Devices and what they send. The rules that let them are in `rules.ts`. */

const PAYLOAD_BYTES = 200;
/** One PUBLISH in so many goes to a topic that no rule allows. */
const DENIED_EVERY = 50;
/** Frames that `openingFrames` takes of each count of `frame_index`. */
const OPENED = { fromClient: 1, fromBroker: 1 };

export function deviceId(n: number): string {
  return `device-${String(n).padStart(6, "0")}`;
}

/** The `n`th WebSocket of a run; a run's name keeps it apart from those of other runs in the same agent. */
export function origin(run: string, n: number): Origin {
  const ip = `10.${(n >> 16) & 255}.${(n >> 8) & 255}.${n & 255}`;
  return { correlationId: `${run}-${String(n).padStart(8, "0")}`, clientIp: `${ip}:${20_000 + n % 40_000}` };
}

/** CONNECT from the client and CONNACK from the broker: the session is live after them. */
export function openingSession(version: ProtocolVersion, run: string, n: number): BenchSession {
  const from = origin(run, n);
  return new BenchSession(from, [
    {
      template: frameTemplate(version, from, connectPacket(clientId(run, n)), true),
      expected: "allow",
      fromClient: true,
    },
    { template: frameTemplate(version, from, connackPacket(), false), expected: "allow", fromClient: false },
  ]);
}

/** A live session that publishes telemetry, one frame in 50 to a topic that is denied. */
export function publishingSession(version: ProtocolVersion, run: string, n: number): BenchSession {
  const payload = telemetry(deviceId(n), PAYLOAD_BYTES);
  const allowed = publishPacket(`sensors/${deviceId(n)}/data`, payload);
  const denied = publishPacket(`actuators/${deviceId(n)}/set`, payload);
  const allow: SessionFrame = framed(version, origin(run, n), allowed, "allow");
  const drop: SessionFrame = framed(version, origin(run, n), denied, "drop");
  // Each session begins elsewhere in its round, so that the denied ones do not come all together.
  const frames = Array.from({ length: DENIED_EVERY }, (_, i) => (i + n * 7) % DENIED_EVERY === 0 ? drop : allow);
  return new BenchSession(origin(run, n), frames, OPENED);
}

/** A live session that sends these bytes in turn, each as one frame that is allowed. */
export function repeatingSession(
  version: ProtocolVersion,
  run: string,
  n: number,
  data: readonly Uint8Array[],
): BenchSession {
  const from = origin(run, n);
  return new BenchSession(from, data.map((bytes) => framed(version, from, bytes, "allow")), OPENED);
}

function framed(
  version: ProtocolVersion,
  from: Origin,
  data: Uint8Array,
  expected: "allow" | "drop",
): SessionFrame {
  return { template: frameTemplate(version, from, data, true), expected, fromClient: true };
}

/** Unique among all runs, or the second run would take over the first one's client ids. */
export function clientId(run: string, n: number): string {
  return `${deviceId(n)}-${run}`;
}
