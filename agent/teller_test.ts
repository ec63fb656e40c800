import assert from "node:assert/strict";
import { Rig } from "../tests/support/rig.ts";

Deno.test("log-packets writes a debug line for each packet, and never a payload or a password", async () => {
  for (const [logPackets, level, packets] of [[true, "debug", 2], [false, "debug", 0], [true, "info", 0]] as const) {
    const rig = new Rig({
      rules: [{ name: "all", topics: ["#"], decision: "allow" }],
      general: { "log-packets": logPackets },
    });
    rig.parts.log.setLevel(level);
    const wire = rig.connection();
    wire.connect({ username: "ann", password: "hunter2" });
    wire.publish("a/b", { payload: "s3cr3t" });
    await rig.parts.log.flush();
    const told = rig.parts.lines.filter((line) => line.includes('"debug"'));
    assert.equal(told.length, packets, `${logPackets} ${level}`);
    assert.doesNotMatch(rig.parts.lines.join("\n"), /hunter2|s3cr3t/);
    if (packets > 0) assert.match(told[1] ?? "", /PUBLISH.*a\/b/);
  }
});
