import { BINARY_EVASIONS } from "./binary_evasions.ts";
import { familyText, type MadeFamily, type MadeItem } from "./family_writer.ts";
import { TEXT_EVASIONS } from "./text_evasions.ts";

/** Honest texts for every form; those of words alone have nothing in them that is decoded further. */
const SEEDS: readonly { readonly key: string; readonly text: string; readonly isWords: boolean }[] = [
  { key: "answer", text: '{"id":1,"src":"user_1","method":"Switch.Set","params":{"id":0,"on":true}}', isWords: false },
  { key: "note", text: "O'Brien; please select table 4 or 5 -- thanks", isWords: true },
  { key: "measurements", text: '{"t":21.5,"ls":42,"ps":7,"date":"2024-05-02","w":3}', isWords: false },
  { key: "log line", text: "mosquitto.service: Main process exited, code=killed, status=9/KILL", isWords: true },
  { key: "table", text: "date;time;id;host;value;sort", isWords: true },
  { key: "network", text: '{"ssid":"Bob & Alice","ip":"192.168.1.90","id":"7"}', isWords: false },
  { key: "German", text: "Pumpe 3: Druck > 3 bar oder T < 5 °C; Tür 'Süd' zu", isWords: true },
  { key: "markup", text: "<b>ALARM</b> Pump 3<br>Temp: <i>95</i>", isWords: false },
  { key: "rule", text: "ON Switch1#state=2 DO backlog Power1 2; Delay 10; Power2 OFF ENDON", isWords: true },
  { key: "path", text: "/var/log/gw/2024-05-02.log: 3 or 4 lines", isWords: true },
];

/** Forms that break what they carry: a refusal of those is right, whatever is in them. */
const BREAKING: ReadonlySet<string> = new Set(["cut character at the end", "FE behind", "no-break spaces"]);
const SEEDS_EACH = 2;

/** The family `data-encoded`: every form of `evasion-*`, with nothing in it. */
export function encodedFamily(): MadeFamily {
  let turn = 0;
  const items = [...TEXT_EVASIONS, ...BINARY_EVASIONS].flatMap(({ family, forms }) =>
    forms.filter(({ name }) => !BREAKING.has(name)).flatMap(({ name, part, needs, make }): MadeItem[] => {
      // As deep as is decoded at all: one form more, and the refusal would be for the depth.
      const isDeep = family === "evasion-three-deep" || name.includes("twice") || name === "three times";
      const fitting = SEEDS.filter(({ text, isWords }) => (needs?.test(text) ?? true) && (isWords || !isDeep));
      return fitting.slice(0, SEEDS_EACH).map(() => {
        const { key, text } = fitting[turn++ % fitting.length] as typeof SEEDS[number];
        const form = family.slice("evasion-".length);
        return { name: `${form}: ${name}, ${key}`, ...(part === undefined ? {} : { part }), content: make(text) };
      });
    })
  );
  return {
    family: "data-encoded",
    about: "Honest texts in each form in which the attacks of evasion-* are.",
    items,
  };
}

if (import.meta.main) {
  const file = new URL("../../tests/corpus/benign/data-encoded.json", import.meta.url);
  await Deno.writeTextFile(file, familyText(encodedFamily()));
}
