import type { ConfigDocument, Spot } from "./document.ts";
import { rawPath } from "./keyed.ts";
import { says } from "./merge.ts";
import { type Fault, type Path, type Place, type Problem, problem } from "./problem.ts";
import type { AnyShape } from "./shape.ts";
import { finished, type Steps } from "./steps.ts";

/** Which layer a value comes from. */
export type LayerName = "defaults" | "file" | "rules-file" | "push";

export interface Origin extends Place {
  readonly layer: LayerName;
}

/** One source and what it says. */
export interface Layer {
  readonly name: LayerName;
  readonly document: ConfigDocument;
  readonly shape: AnyShape;
  /** In one form, without defaults. */
  readonly value: unknown;
}

/** The rules file, whose entries stand behind those of the layers. */
export interface RulesLayer extends Layer {
  /** What leads to its rules: nothing where it is a list of them. */
  readonly rulesPath: Path;
  /** How many rules and tests stand before its own. */
  readonly rulesBefore: number;
  readonly testsBefore: number;
}

interface Whereabouts {
  readonly layer: Layer | null;
  /** In the terms of the layer's own source. */
  readonly path: Path;
}

const DEFAULTS = "the defaults";

/** Finds where an effective value was written. Places are looked up only when they are asked for. */
export class Sources {
  readonly #layers: readonly Layer[];
  readonly #rules: RulesLayer | null;

  /** Layers in the order in which they were laid over each other. */
  constructor(layers: readonly Layer[], rules: RulesLayer | null) {
    this.#layers = layers;
    this.#rules = rules;
  }

  originOf(path: Path): Origin {
    const { layer, path: local } = this.#find(path);
    if (layer === null || isFilledIn(layer.value, local)) return { layer: "defaults", source: DEFAULTS };
    const [place] = layer.document.places([spot(layer, local)]);
    return { layer: layer.name, source: layer.document.source, ...place };
  }

  /** The layer that a value comes from; without its place, so at no cost. */
  layerOf(path: Path): LayerName {
    return this.#find(path).layer?.name ?? "defaults";
  }

  /** Words faults, each with its place. Linear in the faults and the sources together. */
  problemsAt(faults: readonly Fault[]): Problem[] {
    return finished(this.problemsAtSteps(faults));
  }

  *problemsAtSteps(faults: readonly Fault[]): Steps<Problem[]> {
    const bySource = new Map<Layer | null, { fault: Fault; path: Path }[]>();
    for (const fault of faults) {
      const found = this.#find(fault.path);
      const same = bySource.get(found.layer);
      if (same === undefined) bySource.set(found.layer, [{ fault, path: found.path }]);
      else same.push({ fault, path: found.path });
    }
    const problems: Problem[] = [];
    for (const [layer, found] of bySource) {
      const spots = layer === null ? [] : found.map(({ path }) => spot(layer, path));
      const places = layer === null ? [] : yield* layer.document.placesSteps(spots);
      found.forEach(({ fault, path }, index) => {
        const place = places[index] ?? { source: DEFAULTS };
        problems.push(problem("check", place, path, fault.message));
      });
    }
    return problems.sort(byPlace);
  }

  #find(path: Path): Whereabouts {
    const own = this.#inRulesFile(path);
    if (own !== null) return { layer: this.#rules, path: own };
    return { layer: this.#layers.findLast(({ value }) => says(value, path)) ?? null, path };
  }

  #inRulesFile(path: Path): Path | null {
    const rules = this.#rules;
    const [section, key, entry, ...rest] = path;
    if (rules === null || section !== "acl") return null;
    if (key === "rules" && typeof entry === "number" && entry >= rules.rulesBefore) {
      return [...rules.rulesPath, entry - rules.rulesBefore, ...rest];
    }
    if (key === "tests" && typeof entry === "number" && entry >= rules.testsBefore) {
      return ["tests", entry - rules.testsBefore, ...rest];
    }
    if (key !== "groups" || entry === undefined || !says(rules.value, ["groups", entry])) return null;
    return ["groups", entry, ...rest];
  }
}

/** Whether an object of the layer, in a list too, lacks what the path asks for: then it is a default. */
function isFilledIn(layer: unknown, path: Path): boolean {
  let value = layer;
  for (const part of path) {
    if (typeof value !== "object" || value === null) return false;
    if (!Object.hasOwn(value, part)) return true;
    value = (value as Record<string | number, unknown>)[part];
  }
  return false;
}

function spot({ shape, document }: Layer, path: Path): Spot {
  return { raw: rawPath(shape, document.value, path), of: "value" };
}

/** File by file as they first come, then by line and column. */
export function byPlace(a: Problem, b: Problem): number {
  if (a.place.source !== b.place.source) return 0;
  return (a.place.line ?? 0) - (b.place.line ?? 0) || (a.place.column ?? 0) - (b.place.column ?? 0);
}
