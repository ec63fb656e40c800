import type { Steps } from "./steps.ts";

/** Entries of a list that are written at a time: 0.2 ms of rules. */
const STEP_ENTRIES = 128;

/** A value's JSON text, as JSON.stringify writes it, in steps. */
export function* jsonSteps(value: unknown): Steps<string> {
  const pieces: string[] = [];
  for (const piece of jsonPieces(value)) {
    pieces.push(piece);
    yield;
  }
  return pieces.join("");
}

/** Pieces of a value's JSON text that together are what JSON.stringify gives of it. None for what JSON does not know. */
export function* jsonPieces(value: unknown): Generator<string, void> {
  if (Array.isArray(value) && value.length > STEP_ENTRIES) {
    for (let from = 0; from < value.length; from += STEP_ENTRIES) {
      // Without its brackets: "[1,2]" to "1,2".
      const text = JSON.stringify(value.slice(from, from + STEP_ENTRIES)).slice(1, -1);
      yield from === 0 ? `[${text}` : `,${text}`;
    }
    yield "]";
    return;
  }
  if (!isObject(value) || !holdsMany(value)) {
    const text: string | undefined = JSON.stringify(value);
    if (text !== undefined) yield text;
    return;
  }
  let before = "{";
  for (const key of Object.keys(value)) {
    let head = `${before}${JSON.stringify(key)}:`;
    for (const piece of jsonPieces(value[key])) {
      yield head + piece;
      head = "";
    }
    // An undefined member is left out, with its key.
    if (head === "") before = ",";
  }
  yield before === "{" ? "{}" : "}";
}

/** Whether there is a long list, or there are many keys, in an object or in those in it. */
function holdsMany(value: Readonly<Record<string, unknown>>): boolean {
  const keys = Object.keys(value);
  return keys.length > STEP_ENTRIES || keys.some((key) => {
    const inner = value[key];
    return Array.isArray(inner) ? inner.length > STEP_ENTRIES : isObject(inner) && holdsMany(inner);
  });
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
