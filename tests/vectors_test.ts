/** What holds for the vectors as a whole; those of each section are played by a module of their own. */
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import mqttPacket, { type Parser } from "mqtt-packet";
import { annotatedBytes, type MqttVersion } from "./support/annotated_hex.ts";
import { isFrame } from "./support/vector.ts";
import { readVectorFile, vectorFileNames } from "./support/vector_files.ts";

const FILES = vectorFileNames();

Deno.test("every row of the six sections has a vector", () => {
  const rows = [
    ...[1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 14, 16, 17, 18, 19, 20, 23, 24, 25, 26, 27, 28],
    ...[29, 30, 31, 32, 33, 34, 35, 37, 38, 39, 40, 41, 42, 43, 44, 45, 46, 47, 48, 49, 51, 52],
    ...[53, 54, 55, 56, 57, 58, 60, 61, 62, 63, 65, 66, 67, 68, 69, 70, 71, 72, 74, 75],
    ...[77, 78, 79, 80, 176, 81, 82, 84, 85, 86, 87, 88, 89, 90, 91, 93, 95, 97],
    ...[98, 99, 100, 101, 102, 103, 104, 105, 106, 107, 108, 109, 111, 112, 113, 114, 115, 116, 117, 118, 119, 120],
    ...[121, 122, 123, 124, 125, 126, 127, 128, 129],
    ...[130, 131, 132, 133, 134, 135, 136, 137, 138, 139, 140, 141, 143, 145, 146, 147, 149, 150],
  ].map((number) => `B${String(number).padStart(2, "0")}`);
  const versions = new Set<MqttVersion>();
  const covered = new Set<string>();
  for (const name of FILES) {
    for (const vector of readVectorFile(name).vectors) {
      covered.add(vector.class);
      for (const version of vector.versions) versions.add(version);
    }
  }
  assert.deepEqual(rows.filter((row) => !covered.has(row)), []);
  assert.deepEqual([...versions].sort(), [3, 4, 5]);
});

/** Of the sections on inspection, limits and configuration; 142, 144 and 148 are no rows. */
const PLACED = Array.from({ length: 46 }, (_, i) => 130 + i).filter((number) => ![142, 144, 148].includes(number));

Deno.test("every row of the sections on inspection, limits and configuration has its place in the README, and it is there", () => {
  const readme = Deno.readTextFileSync(new URL("./vectors/README.md", import.meta.url));
  const covered = new Set(
    FILES.flatMap((name) => readVectorFile(name).vectors.map((vector) => `${name} ${vector.class}`)),
  );
  for (const number of PLACED) {
    const row = `B${number}`;
    const [, vectors = "", tests = ""] = new RegExp(`^\\| ${row} *\\|([^|]*)\\|(.*)\\|$`, "m").exec(readme) ?? [];
    assert.ok(tests.trim() !== "", `${row} has no place`);
    for (const [, file] of vectors.matchAll(/`((?:inspection|limits|failure)\w*)`/g)) {
      assert.ok(covered.has(`${file} ${row}`), `${row}: ${file}.json has none of it`);
    }
    const named = [...tests.matchAll(/`([^`]+)`: "([^"]+)"/g)];
    assert.ok(named.length > 0 || /waits for/.test(tests), `${row} has no test`);
    for (const [, path = "", name = ""] of named) {
      const source = Deno.readTextFileSync(new URL(`../${path}`, import.meta.url));
      assert.ok(source.includes(name), `${row}: no test "${name}" in ${path}`);
    }
  }
});

/** What mqtt-packet refuses or misreads although the standard allows it. */
const NOT_FOR_ORACLE: readonly RegExp[] = [/^MQTT 3\.1: /];

Deno.test("mqtt-packet reads the bytes of the vectors that must pass", () => {
  const refused: string[] = [];
  for (const vector of readVectorFile("passing").vectors) {
    if (NOT_FOR_ORACLE.some((name) => name.test(vector.name))) continue;
    for (const version of vector.versions) {
      const lanes = new Map<string, Parser>();
      for (const step of vector.frames) {
        if (!isFrame(step) || !["binary", "continuation", undefined].includes(step.opcode)) continue;
        const lane = `${step.conn} ${step.id} ${step.dir}`;
        let parser = lanes.get(lane);
        if (parser === undefined) {
          parser = mqttPacket.parser({ protocolVersion: version });
          parser.on(
            "error",
            (error: Error) => refused.push(`${vector.class}: ${vector.name}, MQTT ${version}: ${error.message}`),
          );
          lanes.set(lane, parser);
        }
        const { bytes } = annotatedBytes(step.hex, { version, clientId: "c1" });
        for (let times = step.times ?? 1; times > 0; times--) parser.parse(Buffer.from(bytes));
      }
    }
  }
  assert.deepEqual(refused, []);
});
