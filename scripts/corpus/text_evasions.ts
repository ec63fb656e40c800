import { csv, type Evasion, logLine, MARKUP, query, SPECIAL, stateJson, tasmota, telemetry } from "./evasion.ts";
import {
  base64,
  broken,
  fullWidth,
  hexadecimal,
  htmlNamed,
  htmlReferences,
  jsonEscaped,
  mathematical,
  percentEncoded,
  percentUnicode,
  utf16,
  wrapped,
} from "./text_forms.ts";

/** Forms that are text themselves. */
export const TEXT_EVASIONS: readonly Evasion[] = [
  {
    family: "evasion-plain-carrier",
    about: "Attacks as they are, in one field of messages as devices send them.",
    forms: [
      { name: "Zigbee2MQTT state", make: (attack) => stateJson(JSON.stringify(attack).slice(1, -1)) },
      { name: "Tasmota state", make: tasmota },
      { name: "telemetry", make: telemetry },
      { name: "CSV", make: csv },
      { name: "log line", make: logLine },
      { name: "key of an object", make: (attack) => JSON.stringify({ t: 21.5, [attack]: 1 }) },
      { name: "deep in lists", make: (attack) => JSON.stringify([[[[{ a: [{ b: [0, attack] }] }]]]]) },
      { name: "second of two documents", make: (attack) => `{"t":1}\n${telemetry(attack)}\n` },
      { name: "not closed JSON", make: (attack) => `{"t":21.5,"note":${JSON.stringify(attack)},"h":` },
      { name: "after much telemetry", make: (attack) => csv("21.5\n".repeat(400) + attack) },
      {
        name: "Home Assistant discovery",
        make: (attack) => JSON.stringify({ name: attack, stat_t: "a/b", val_tpl: "{{ value_json.t }}" }),
      },
      {
        name: "XML element",
        only: ["sqli", "command-injection", "path-traversal"],
        make: (attack) => `<sensor id="7"><note>${attack}</note></sensor>`,
      },
    ],
  },
  {
    family: "evasion-json",
    about: "Escapes of JSON strings, in values and keys, and JSON within strings of JSON.",
    forms: [
      { name: "every unit escaped", make: (attack) => stateJson(jsonEscaped(attack)) },
      { name: "special characters escaped", make: (attack) => stateJson(jsonEscaped(attack, SPECIAL)) },
      { name: "letters escaped", make: (attack) => `{"t":1,"q":${lettersEscaped(attack)}}` },
      {
        name: "digits in upper case",
        make: (attack) => stateJson(jsonEscaped(attack).replace(/[a-f]/g, (digit) => digit.toUpperCase())),
      },
      { name: "escaped key", make: (attack) => `{"${jsonEscaped(attack)}":21.5,"unit":"C"}` },
      { name: "escaped solidus", needs: /\//, make: (attack) => telemetry(attack).replaceAll("/", "\\/") },
      { name: "JSON in a string", make: (attack) => telemetry(JSON.stringify({ cmd: attack })) },
      { name: "JSON twice in a string", make: (attack) => telemetry(JSON.stringify({ a: JSON.stringify([attack]) })) },
      { name: "escaped JSON in a string", make: (attack) => telemetry(`{"a":"${jsonEscaped(attack)}"}`) },
      { name: "a lone string", make: (attack) => `"${jsonEscaped(attack)}"` },
      { name: "white space around", make: (attack) => `\n\t[ \r\n "${jsonEscaped(attack, SPECIAL)}" ]\n` },
    ],
  },
  {
    family: "evasion-percent",
    about: "Percent encoding once, twice and three times, of units, with plus signs, in queries and in JSON.",
    forms: [
      { name: "every byte", make: (attack) => percentEncoded(attack) },
      { name: "special characters", make: (attack) => query(percentEncoded(attack, /[^A-Za-z0-9]/gu)) },
      { name: "upper case", make: (attack) => percentEncoded(attack, SPECIAL).toUpperCase() },
      {
        name: "plus for space",
        needs: / /,
        make: (attack) => query(percentEncoded(attack, SPECIAL).replaceAll(" ", "+")),
      },
      { name: "twice", make: (attack) => query(percentEncoded(percentEncoded(attack, /[^A-Za-z0-9]/gu), /%/gu)) },
      { name: "twice, every byte", make: (attack) => percentEncoded(percentEncoded(attack)) },
      {
        name: "three times",
        make: (attack) => percentEncoded(percentEncoded(percentEncoded(attack, /[^A-Za-z0-9]/gu), /%/gu), /%/gu),
      },
      { name: "units", make: percentUnicode },
      { name: "in a URL in JSON", make: (attack) => telemetry(`http://cam/get?f=${encodeURIComponent(attack)}`) },
      { name: "letters only", make: (attack) => csv(percentEncoded(attack, /[a-z]/gu)) },
      { name: "in a log line", make: (attack) => logLine(`GET /?q=${encodeURIComponent(attack)} HTTP/1.1`) },
    ],
  },
  {
    family: "evasion-html",
    about: "Character references of HTML by number and name, with and without their end, once and twice.",
    forms: [
      { name: "decimal", make: (attack) => htmlReferences(attack, "&#", 10, ";") },
      { name: "hexadecimal", make: (attack) => htmlReferences(attack, "&#x", 16, ";") },
      { name: "decimal with zeros", make: (attack) => htmlReferences(attack, "&#00000", 10, ";") },
      { name: "hexadecimal without end", make: (attack) => htmlReferences(attack, "&#X", 16, "") + " " },
      { name: "decimal without end", make: (attack) => htmlReferences(attack, "&#", 10, "") },
      { name: "named", needs: /[<>"';|$]/, make: htmlNamed },
      { name: "named in JSON", needs: /[<>"';|$]/, make: (attack) => telemetry(htmlNamed(attack)) },
      {
        name: "named twice",
        needs: /[<>"';|$]/,
        make: (attack) => telemetry(htmlNamed(attack).replaceAll("&", "&amp;")),
      },
      { name: "decimal in CSV", make: (attack) => csv(htmlReferences(attack, "&#", 10, ";")) },
      {
        name: "without end, marks only",
        only: MARKUP,
        make: (attack) => attack.replaceAll("<", "&lt").replaceAll(">", "&gt"),
      },
    ],
  },
  {
    family: "evasion-unicode",
    about: "Characters that stand for ASCII: full width, compatibility forms, invisible ones within words.",
    forms: [
      { name: "full width", make: (attack) => fullWidth(attack) },
      { name: "full width special characters", make: (attack) => telemetry(fullWidth(attack, /[^A-Za-z0-9 ]/g)) },
      { name: "full width letters", make: (attack) => csv(fullWidth(attack, /[A-Za-z]/g)) },
      { name: "mathematical letters", make: mathematical },
      {
        name: "long s and Kelvin",
        needs: /[sk]/i,
        make: (attack) => attack.replace(/s/gi, "ſ").replace(/k/gi, "\u212a"),
      },
      { name: "zero width space", make: (attack) => broken(attack, "\u200b") },
      { name: "zero width joiner in JSON", make: (attack) => telemetry(broken(attack, "\u200d")) },
      { name: "soft hyphen", make: (attack) => broken(attack, "\u00ad") },
      { name: "word joiner", make: (attack) => logLine(broken(attack, "\u2060")) },
      { name: "byte order mark within", make: (attack) => broken(attack, "\ufeff") },
      { name: "direction marks", make: (attack) => `\u202d${broken(attack, "\u200e")}\u202c` },
      { name: "full width by JSON escapes", make: (attack) => stateJson(jsonEscaped(fullWidth(attack))) },
      { name: "no-break spaces", needs: / /, make: (attack) => attack.replaceAll(" ", "\u00a0") + "\u00a0" },
      { name: "ideographic spaces", needs: / /, make: (attack) => `\u3000${attack.replaceAll(" ", "\u3000")}` },
    ],
  },
  {
    family: "evasion-base64",
    about: "Base64 of both alphabets, with and without padding, wrapped, in JSON, in data URIs and twice.",
    forms: [
      { name: "bare", make: base64 },
      { name: "without padding", make: (attack) => base64(attack).replaceAll("=", "") },
      { name: "URL alphabet", make: (attack) => base64(`${attack}ÿÿ>>>???`, "base64url") },
      { name: "wrapped by CRLF", make: (attack) => wrapped(base64(logLine(attack)), 76, "\r\n") },
      { name: "wrapped by LF at 40", make: (attack) => wrapped(base64(telemetry(attack)), 40, "\n") },
      { name: "wrapped in JSON", make: (attack) => telemetry(wrapped(base64(csv(attack)), 64, "\n")) },
      { name: "in JSON", make: (attack) => telemetry(base64(attack)) },
      { name: "LoRaWAN uplink", make: (attack) => JSON.stringify({ fCnt: 4, fPort: 2, data: base64(attack) }) },
      { name: "in CSV", make: (attack) => csv(base64(attack)) },
      { name: "data URI", make: (attack) => telemetry(`data:text/plain;base64,${base64(attack)}`) },
      { name: "basic authorization", make: (attack) => `Authorization: Basic ${base64(`admin:${attack}`)}` },
      { name: "twice", make: (attack) => telemetry(base64(base64(attack))) },
      { name: "UTF-16 as PowerShell wants", make: (attack) => telemetry(base64(utf16(attack, "LE"))) },
      {
        name: "token without signature",
        make: (attack) =>
          `${base64('{"alg":"none"}', "base64url")}.${base64(JSON.stringify({ sub: attack }), "base64url")}.`,
      },
    ],
  },
  {
    family: "evasion-hex",
    about: "Hexadecimal digits of either case, bare, marked, as escapes and in JSON.",
    forms: [
      { name: "bare", make: hexadecimal },
      { name: "upper case", make: (attack) => hexadecimal(attack).toUpperCase() },
      { name: "0x before", make: (attack) => csv(`0x${hexadecimal(attack)}`) },
      { name: "in JSON", make: (attack) => telemetry(hexadecimal(attack)) },
      { name: "escapes of a program", make: (attack) => hexadecimal(attack).replace(/../g, "\\x$&") },
      { name: "escapes in JSON", make: (attack) => telemetry(hexadecimal(attack).replace(/../g, "\\x$&")) },
      { name: "Sigfox uplink", make: (attack) => JSON.stringify({ device: "1C8F12", data: hexadecimal(attack) }) },
    ],
  },
];
/** A JSON string with only its letters escaped. */
function lettersEscaped(attack: string): string {
  return JSON.stringify(attack).replace(/\\.|[A-Za-z]/g, (unit) => unit.length > 1 ? unit : jsonEscaped(unit));
}
