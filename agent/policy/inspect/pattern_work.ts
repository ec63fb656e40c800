/**
 * What patterns of the operator cost in the inspection that is going on: custom patterns, and those of schemas. RE2 is
 * linear in the text, but with a factor: `a[ab]{100}c` was measured at 4 µs for each character of a text of `a` and `b`,
 * where its automaton has more states than it keeps. So what a text may cost at worst is counted before it is tested.
 */

/** Units of {@link patternWork} are those of `inspectionWork`, about 15 ns each. */
export let patternWork = 0;
/** A pattern was not tested, since it might have cost more than was left. */
export let arePatternsCut = false;
let maxWork = Infinity;

/** What a call costs, and what a byte costs where the automaton has few states. */
const CALL_WORK = 30, BYTE_WORK = 3;
/** Instructions up to which an automaton is small, and what each costs for a byte where it is not. */
const SMALL_PROGRAM = 16, INSTRUCTION_WORK = 2.5;

/** What a byte costs at worst a pattern of so many instructions (`LinearRegex.programSize`). */
export function byteWorkOf(programSize: number): number {
  return programSize <= SMALL_PROGRAM ? BYTE_WORK : programSize * INSTRUCTION_WORK;
}

/** Begins an inspection in which patterns may cost so much. */
export function beginPatterns(max: number): void {
  patternWork = 0;
  arePatternsCut = false;
  maxWork = max;
}

/** Takes what testing a text of so many bytes may cost; false where less is left: then it is not to be tested. */
export function takePatternWork(bytes: number, byteWork: number): boolean {
  const work = CALL_WORK + bytes * byteWork;
  if (patternWork + work > maxWork) {
    arePatternsCut = true;
    return false;
  }
  patternWork += work;
  return true;
}
