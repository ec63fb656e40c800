import type { Category, PartName } from "../../agent/policy/inspect/mod.ts";

/** One way to hide an attack. */
export interface Form {
  readonly name: string;
  readonly part?: PartName;
  /** Categories that it makes sense for; all where none is said. */
  readonly only?: readonly Category[];
  /** What an attack must hold, or the form would leave it as it is. */
  readonly needs?: RegExp;
  readonly make: (attack: string) => string | Uint8Array;
}

/** Ways to hide an attack that are undone by the same step of decoding. */
export interface Evasion {
  readonly family: string;
  readonly about: string;
  readonly forms: readonly Form[];
}

/** What only a browser reads past. */
export const MARKUP: readonly Category[] = ["script-injection"];
/** Everything but letters, digits and spaces. */
export const SPECIAL = /[^A-Za-z0-9 ]/gu;
/** The time that messages tell, in milliseconds since 1970. */
export const TIME = 1_714_662_148_123;

/** A Zigbee2MQTT state with the inside of a JSON string as the device's name. */
export function stateJson(inner: string): string {
  return `{"friendly_name":"${inner}","battery":97,"contact":true,"linkquality":126}`;
}

/** A Tasmota state with the name of its network. */
export function tasmota(network: string): string {
  return JSON.stringify({ Time: "2024-05-02T15:02:28", Wifi: { SSId: network, RSSI: 78 }, Uptime: "12T03:11:22" });
}

/** Measurements with a note. */
export function telemetry(note: string): string {
  return JSON.stringify({ deviceId: "pump-3", ts: TIME, values: { pressure: 3.2, note } });
}

/** A line of values. */
export function csv(value: string): string {
  return `2024-05-02T15:02:28Z,meter-9,${value},1204,OK`;
}

/** A line of syslog. */
export function logLine(value: string): string {
  return `May  2 15:02:28 gw7 app[311]: request from 10.0.0.7: ${value} (status 200)`;
}

/** A form as browsers send it. */
export function query(value: string): string {
  return `device=pump-3&label=${value}&unit=C`;
}
