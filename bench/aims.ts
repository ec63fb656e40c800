/** The aims of the issue, and whether a run met them. */
export interface Aim {
  readonly aim: string;
  readonly limit: number;
  readonly unit: string;
  /** One measured figure per case; the aim holds for each of them. */
  readonly measured: readonly { readonly where: string; readonly value: number }[];
}

/** The figure that is farthest off. */
export function worst({ measured }: Aim): { readonly where: string; readonly value: number } | undefined {
  return measured.toSorted((a, b) => b.value - a.value)[0];
}

export function isMet(aim: Aim): boolean {
  const found = worst(aim);
  return found !== undefined && found.value <= aim.limit;
}
