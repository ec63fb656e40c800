import { word } from "../keywords.ts";
import type { Pattern } from "../pattern.ts";
import { isPublicAddress } from "../public_address.ts";
import { BOUND, NUMBER, type Tokens, WORD } from "../tokens.ts";

const JAR = word("jar"), HTTP = word("http"), HTTPS = word("https"), FILE_WORD = word("file");
const COMPRESS = word("compress");
const DOT = 0x2e, SLASH = 0x2f, COLON = 0x3a;

/** `php://filter`, `phar://`, `expect://`. */
function isWrapper(t: Tokens, i: number): boolean {
  // jar:file:
  if (t.word[i] === JAR) {
    if (t.kind[i + 1] !== COLON || t.kind[i + 3] !== COLON) return false;
    return t.word[i + 2] === HTTP || t.word[i + 2] === HTTPS ||
      (t.word[i + 2] === FILE_WORD && t.kind[i - 1] === BOUND);
  }
  // file:////host/share
  if (t.word[i] === FILE_WORD) {
    if (t.kind[i + 1] !== COLON || t.kind[i + 2] !== SLASH || t.kind[i + 3] !== SLASH) return false;
    // file://\\host\share
    if (t.kind[i + 4] === 0x5c) return t.kind[i + 5] === 0x5c && t.glued(i + 4) && t.glued(i + 5);
    // file://203.0.113.5/share: of a network that is not ours
    if (t.kind[i + 4] === NUMBER) return t.glued(i + 4) && isPublicAddress(t.bytes, t.start[i + 4] as number);
    return t.kind[i + 4] === SLASH && t.kind[i + 5] === SLASH && t.glued(i + 5);
  }
  // compress.zlib://
  const at = t.word[i] === COMPRESS && t.kind[i + 1] === DOT ? i + 2 : i;
  return t.kind[at + 1] === COLON && t.glued(at + 1) && t.kind[at + 2] === SLASH && t.kind[at + 3] === SLASH &&
    t.kind[i - 1] !== DOT;
}

/** `x.php%00.jpg`: a NUL behind the name of a file, where software in C stops reading. */
function isNulSuffix(t: Tokens, i: number): boolean {
  if (t.kind[i - 1] !== DOT || !t.glued(i)) return false;
  const end = t.end[i] as number;
  if (t.bytes[end] !== 0 || t.end[i]! >= t.bytes.length) return false;
  if (t.kind[i + 1] === DOT && t.kind[i + 2] === WORD) return t.start[i + 1] === end + 1;
  return SERVER_FILES.has(t.word[i] as number) && t.kind[i + 1] === BOUND && t.start[i + 1]! > end;
}

const SERVER_FILES = new Set(["php", "phtml", "jsp", "jspx", "asp", "aspx", "cgi", "pl", "conf", "ini"].map(word));
const FILES = [
  "php",
  "phtml",
  "jsp",
  "jspx",
  "asp",
  "aspx",
  "cgi",
  "pl",
  "conf",
  "ini",
  "txt",
  "html",
  "htm",
  "png",
  "jpg",
  "jpeg",
  "gif",
  "pdf",
  "log",
  "bak",
  "yml",
  "yaml",
  "xml",
  "passwd",
  "sh",
];

/** Names that lead elsewhere than a path does: schemes of stream wrappers, a NUL within. */
export const WRAPPERS = {
  scheme: {
    name: "path-wrapper",
    category: "path-traversal",
    severity: "medium",
    catches: "Stream wrappers of PHP and Java, and schemes that only forged requests have",
    example: "php://filter/convert.base64-encode/resource=x",
    nearMiss: "index.php://x zip: 1234",
    at: [
      "php",
      "phar",
      "expect",
      "zip",
      "glob",
      "gopher",
      "dict",
      "netdoc",
      "jar",
      "ogg",
      "rar",
      "compress",
      "data",
      "file",
    ]
      .map(
        word,
      ),
    test: isWrapper,
  },
  nul: {
    name: "path-nul",
    category: "path-traversal",
    severity: "medium",
    catches: "A NUL behind the name of a file",
    example: "x.php\0.jpg",
    nearMiss: "readme.txt\0",
    at: FILES.map(word),
    gate: "nul",
    test: isNulSuffix,
  },
} as const satisfies Readonly<Record<string, Pattern>>;
