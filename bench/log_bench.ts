/** Cost of log lines on the calling side. `deno bench bench/log_bench.ts` */
import { createLogger } from "../agent/log.ts";

const write = (bytes: Uint8Array) => Promise.resolve(bytes.length);
const json = createLogger({ json: true, write });
const human = createLogger({ write });
const foldKey = { foldKey: "acl-no-rule" };
const topic = "sensors/s1/data";
json.warn("PUBLISH refused", undefined, foldKey);

Deno.bench("below the level", { group: "log" }, () => json.debug("PUBLISH", { topic }));
Deno.bench("folded, options made once (aim: 150 ns)", { group: "log" }, () => {
  json.warn("PUBLISH refused", { topic, client: "sensor-1" }, foldKey);
});
Deno.bench("folded, key put together on the spot", { group: "log" }, () => {
  json.warn("PUBLISH refused", { topic, client: "sensor-1" }, { foldKey: `acl-no-rule ${topic}` });
});
Deno.bench(
  "JSON line, three fields",
  { group: "log" },
  () => json.info("PUBLISH", { topic, client: "sensor-1", qos: 1 }),
);
Deno.bench(
  "human line, three fields",
  { group: "log" },
  () => human.info("PUBLISH", { topic, client: "sensor-1", qos: 1 }),
);
