/** A breach of the MQTT standard, as a value: refusals are never thrown on the frame path. */
export interface Violation {
  /** Stable kebab-case code, unique, e.g. `mqtt-remaining-length`. */
  readonly code: string;
  /** Statement number or section, e.g. `MQTT-1.5.5-1`. */
  readonly clause: string;
  /** What was found, for a person; no full stop. */
  readonly text: string;
}

const registered: Violation[] = [];

/** Declares a violation once, at module level; frozen. */
export function violation(code: string, clause: string, text: string): Violation {
  const made = Object.freeze({ code, clause, text });
  registered.push(made);
  return made;
}

/** Every violation that the decoder can report, for the registry of reason codes. */
export function allViolations(): readonly Violation[] {
  return registered;
}
