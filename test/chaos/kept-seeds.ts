/** A seed that has found something. `bun run test:chaos --kept` plays all of them first. */
export interface KeptSeed {
  readonly seed: number;
  /** In seconds. */
  readonly duration: number;
  readonly found: string;
}

export const keptSeeds: readonly KeptSeed[] = [];
