import { serveConstant } from "./constant_server.ts";

/**
 * What no inspection can do without, in the obvious way: JSON, base64, the fixed header of one MQTT packet.
 * `deno run --allow-net --allow-read --allow-write parse_server.ts SOCKET`
 */
const DECODER = new TextDecoder("utf-8", { fatal: true });
let data = new Uint8Array(1 << 16);
/** Read by nobody, so that the work can not be optimized away. */
export let packets = 0;

function look(buffer: Uint8Array<ArrayBuffer>, start: number, end: number): void {
  const v2 = buffer[start] !== 0x7b;
  const message = JSON.parse(DECODER.decode(buffer.subarray(v2 ? start + 1 : start, end)));
  const text: string = (v2 ? message : message.payload).data;
  if (text.length > data.length) data = new Uint8Array(text.length);
  const { written } = data.setFromBase64(text, { lastChunkHandling: "strict" });
  let length = 0;
  let at = 1;
  for (let shift = 0; at < written && shift < 28; shift += 7) {
    const byte = data[at++] ?? 0;
    length |= (byte & 0x7f) << shift;
    if (byte < 0x80) break;
  }
  if (at + length === written) packets++;
}

if (import.meta.main) await serveConstant(Deno.args[0] ?? "", look);
