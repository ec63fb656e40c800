import { word } from "../keywords.ts";
import type { Pattern } from "../pattern.ts";
import { BOUND, BOUNDARY, type Tokens, WORD } from "../tokens.ts";

const PROTOTYPE = word("prototype"), CONSTRUCTOR = word("constructor"), DUNDER_PROTO = word("__proto__");
const EQUALS = 0x3d, OPEN = 0x28, CLOSE = 0x29, BRACE = 0x7b, DOT = 0x2e, COLON = 0x3a, BRACKET = 0x5b;
const CLOSE_BRACKET = 0x5d, SLASH = 0x2f;

/** `constructor.constructor('…')()`, `[]['filter']['constructor']`: a function out of thin air. */
function isConstructorChain(t: Tokens, i: number): boolean {
  if (t.isQuote(i + 1)) {
    // []["filter"]["constructor"](
    return t.isQuote(i - 1) && t.kind[i - 2] === BRACKET &&
      (t.kind[i - 3] === CLOSE_BRACKET || t.kind[i - 3] === CLOSE || t.kind[i - 3] === WORD) &&
      (t.kind[i + 3] === OPEN || t.kind[i + 3] === BRACKET);
  }
  if (t.kind[i + 1] === DOT) {
    if (t.word[i + 2] === PROTOTYPE) {
      // {"constructor.prototype.role": …
      if (t.kind[i - 1] === BOUND && t.kind[i + 5] === BOUND && t.kind[i + 6] === COLON) return t.kind[i + 3] === DOT;
      return t.kind[i + 3] === DOT && t.kind[i + 5] === EQUALS && t.kind[i + 6] !== EQUALS;
    }
    return t.word[i + 2] === CONSTRUCTOR;
  }
  // {"constructor":{"prototype":
  if (t.kind[i + 1] === BOUND) {
    return t.kind[i + 2] === COLON && t.kind[i + 3] === BRACE && t.kind[i + 4] === BOUND && t.word[i + 5] === PROTOTYPE;
  }
  // /constructor/prototype/x
  if (t.kind[i + 1] === SLASH) {
    return t.kind[i - 1] === SLASH && t.word[i + 2] === PROTOTYPE && t.kind[i + 3] === SLASH && t.glued(i + 2);
  }
  // a[constructor][prototype][b]=1
  if (t.kind[i + 1] === CLOSE_BRACKET) {
    return t.kind[i - 1] === BRACKET && t.kind[i + 2] === BRACKET && t.word[i + 3] === PROTOTYPE &&
      t.kind[i + 4] === CLOSE_BRACKET;
  }
  if (t.kind[i + 1] === BRACKET && t.word[i] === CONSTRUCTOR) {
    return t.word[i + 2] === PROTOTYPE && t.kind[i + 3] === CLOSE_BRACKET;
  }
  return t.kind[i - 1] === DOT && t.kind[i + 1] === OPEN && t.isQuote(i + 2) && t.glued(i + 2);
}

function isPrototypeWrite(t: Tokens, i: number): boolean {
  // {"op":"add","path":"/__proto__/x"
  if (t.kind[i - 1] === SLASH && t.kind[i + 1] === SLASH) return t.kind[i - 2] === BOUND && t.kind[i + 2] === WORD;
  // __proto__[x]=, __proto__.x=, {"__proto__":{
  if (t.kind[i + 1] === BRACKET) return t.kind[i + 3] === CLOSE_BRACKET || t.kind[i + 4] === BRACKET;
  if (t.kind[i + 1] === DOT) {
    // {"a.__proto__.b": 1}, {"path": "__proto__.b"}: a string that is nothing but a way through objects
    if (t.kind[i + 3] === BOUND && t.kind[i + 2] === WORD) {
      return t.kind[i - 1] === BOUND || (t.kind[i - 1] === DOT && t.kind[i - 3] === BOUND);
    }
    return t.kind[i + 3] === EQUALS && t.kind[i + 4] !== EQUALS;
  }
  // A string of a document without punctuation, as CBOR and MessagePack are read, with another behind it.
  if (
    t.kind[i - 1] === BOUND && t.kind[i + 1] === BOUND && t.kind[i + 2] === WORD && t.start[i + 2] === t.end[i]! + 1
  ) {
    return t.bytes[t.end[i] as number] === BOUNDARY;
  }
  const behind = t.isQuote(i + 1) || t.kind[i + 1] === BOUND ? i + 2 : i + 1;
  if (t.kind[i + 1] === CLOSE_BRACKET) return t.kind[i - 1] === BRACKET;
  return t.kind[behind] === COLON && t.kind[behind + 1] === BRACE;
}

/** Functions and properties by way of constructors and prototypes. */
export const PROTOTYPES = {
  constructorChain: {
    name: "script-constructor",
    category: "script-injection",
    severity: "high",
    catches: "A function made by way of constructors",
    example: "x=[]['filter']['constructor']('alert(1)')()",
    nearMiss: "class A { constructor(x) { this.constructor.name } }",
    at: [CONSTRUCTOR],
    test: isConstructorChain,
  },
  write: {
    name: "script-prototype",
    category: "script-injection",
    severity: "medium",
    catches: "Writing to the prototype of all objects",
    example: "__proto__[isAdmin]=1",
    nearMiss: "set __proto__ to null",
    at: [DUNDER_PROTO],
    test: isPrototypeWrite,
  },
} as const satisfies Readonly<Record<string, Pattern>>;
