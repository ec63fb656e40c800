import type { RuleClass } from "./compiled_rule.ts";
import type { MatchConfig } from "./config.ts";
import { IntVector } from "./int_vector.ts";
import { MadeList } from "./made_list.ts";
import { type CompiledMatch, compileMatch } from "./match.ts";
import { type PackedTexts, TextList } from "./text_list.ts";

/** What a {@link MatchTable} holds, as another thread can be given it. */
export interface PackedMatches {
  readonly texts: PackedTexts;
  readonly ends: Int32Array;
  readonly classes: Int32Array;
  readonly receiveUntilMs: Float64Array;
  readonly withRegex: Int32Array;
}

/** Of each class: the fields of {@link RuleClass} that are numbers, but for `listsReceiveUntilMs`. */
const CLASS_SIZE = 7;
const MIN_ORDER = 1;
const ROOT = 2;
const DOLLAR_ROOT = 3;
const OVERLAPS = 4;
const DOLLAR_OVERLAPS = 5;
const CONNECT_RULES = 6;

const SHADOW_FLAG = 1 << 1;
const ALLOW_FLAG = 1 << 2;
const BITS_SHIFT = 4;

const NO_CLASSES: readonly RuleClass[] = [];

/**
 * The distinct matches of all rules by number, and the classes of rules that have them. What a client needs of it is
 * made when it comes, and kept: most matches are for one client, who may not be there.
 */
export class MatchTable {
  /** `match` of each, as JSON; none yet where they are kept as they are. */
  #texts = new TextList();
  #kept: MatchConfig[] | null = null;
  /** Of each match where its classes end; they begin where those of the match before end. */
  #ends = new IntVector(64);
  #classes = new IntVector(64);
  #receiveUntilMs: Float64Array = new Float64Array(0);
  /** Numbers of the matches with a regex, which takes long to compile. */
  #withRegex = new IntVector(8);
  readonly #made = new MadeList<CompiledMatch>();
  readonly #madeClasses = new MadeList<readonly RuleClass[]>();

  /** True: matches are kept as they are written and compiled, for who will ask for all of them. */
  constructor(keepsAll = false) {
    if (keepsAll) this.#kept = [];
  }

  get count(): number {
    return this.#kept?.length ?? this.#texts.count;
  }

  /** The conditions of this number. Equal ones are one object. */
  at(number: number): CompiledMatch {
    return this.#made.get(number) ??
      this.#made.keep(number, compileMatch(JSON.parse(this.#texts.at(number)), []));
  }

  /** Adds a match behind the others, with its compiled conditions. */
  add(config: MatchConfig, compiled: CompiledMatch): void {
    const hasRegex = compiled.usernameRegex !== null || compiled.clientIdRegex !== null;
    if (hasRegex) this.#withRegex.push(this.count);
    if (hasRegex || this.#kept !== null) this.#made.keep(this.count, compiled);
    if (this.#kept === null) this.#texts.add(JSON.stringify(config));
    else this.#kept.push(config);
  }

  /** Sets the classes of all matches, in the order of the matches; nothing can be added any more. */
  *seal(classes: readonly (readonly RuleClass[] | undefined)[], yieldEvery: number): Generator<void, void> {
    const receiveUntilMs: number[] = [];
    for (let number = 0; number < this.count; number++) {
      if (number % yieldEvery === yieldEvery - 1) yield;
      for (const of of classes[number] ?? NO_CLASSES) {
        receiveUntilMs.push(of.listsReceiveUntilMs);
        const at = this.#classes.extend(CLASS_SIZE);
        const { data } = this.#classes;
        data[at] = of.flags;
        data[at + MIN_ORDER] = of.minOrder;
        data[at + ROOT] = of.root;
        data[at + DOLLAR_ROOT] = of.dollarRoot;
        data[at + OVERLAPS] = of.overlaps;
        data[at + DOLLAR_OVERLAPS] = of.dollarOverlaps;
        data[at + CONNECT_RULES] = of.connectRules;
      }
      this.#ends.push(receiveUntilMs.length);
    }
    this.#receiveUntilMs = Float64Array.from(receiveUntilMs);
  }

  /** The classes of rules that have the match of this number. The same objects each time. */
  classesOf(number: number): readonly RuleClass[] {
    return this.#madeClasses.get(number) ?? this.#madeClasses.keep(number, this.#makeClasses(number));
  }

  /** Compiles all regexes, so that the first client who meets them need not: in steps of one match. */
  *buildRegexes(): Generator<void, void> {
    for (let at = 0; at < this.#withRegex.length; at++) {
      const { usernameRegex, clientIdRegex } = this.at(this.#withRegex.data[at]!);
      usernameRegex?.build();
      clientIdRegex?.build();
      yield;
    }
  }

  pack(): PackedMatches {
    for (let number = this.#texts.count; number < this.count; number++) {
      this.#texts.add(JSON.stringify(this.#kept?.[number]));
    }
    return {
      texts: this.#texts.pack(),
      ends: this.#ends.packed(),
      classes: this.#classes.packed(),
      receiveUntilMs: this.#receiveUntilMs.slice(),
      withRegex: this.#withRegex.packed(),
    };
  }

  /** What was packed, taken over. */
  static unpack({ texts, ends, classes, receiveUntilMs, withRegex }: PackedMatches): MatchTable {
    const table = new MatchTable();
    table.#texts = TextList.unpack(texts);
    table.#ends = IntVector.of(ends);
    table.#classes = IntVector.of(classes);
    table.#receiveUntilMs = receiveUntilMs;
    table.#withRegex = IntVector.of(withRegex);
    return table;
  }

  #makeClasses(number: number): readonly RuleClass[] {
    const { data } = this.#classes;
    const made: RuleClass[] = [];
    for (let place = number === 0 ? 0 : this.#ends.data[number - 1]!; place < this.#ends.data[number]!; place++) {
      const at = place * CLASS_SIZE;
      const flags = data[at]!;
      made.push({
        flags,
        allow: (flags & ALLOW_FLAG) !== 0,
        shadow: (flags & SHADOW_FLAG) !== 0,
        literal: (flags & 1) !== 0,
        bits: flags >> BITS_SHIFT,
        minOrder: data[at + MIN_ORDER]!,
        root: data[at + ROOT]!,
        dollarRoot: data[at + DOLLAR_ROOT]!,
        overlaps: data[at + OVERLAPS]!,
        dollarOverlaps: data[at + DOLLAR_OVERLAPS]!,
        connectRules: data[at + CONNECT_RULES]!,
        listsReceiveUntilMs: this.#receiveUntilMs[place]!,
      });
    }
    return made.length === 0 ? NO_CLASSES : made;
  }
}
