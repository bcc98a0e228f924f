/** Rates of counters of several processes. A counter that has become smaller was reset by a restart. */
export class Rates {
  #before = new Map<string, { readonly atMs: number; readonly counts: readonly number[] }>();

  /**
   * How much each counter of each process grew a second since the last time.
   *
   * @param processes counters by the name of their process. A process that is new has no rate yet
   */
  of(
    processes: ReadonlyMap<string, readonly number[]>,
    nowMs: number,
  ): ReadonlyMap<string, readonly number[]> {
    const rates = new Map<string, readonly number[]>();
    for (const [name, counts] of processes) {
      const before = this.#before.get(name);
      if (before === undefined || nowMs <= before.atMs) continue;
      const seconds = (nowMs - before.atMs) / 1000;
      rates.set(
        name,
        counts.map((count, index) => Math.max(0, count - (before.counts[index] ?? 0)) / seconds),
      );
    }
    this.#before = new Map(Array.from(processes, ([name, counts]) => [name, { atMs: nowMs, counts }]));
    return rates;
  }
}
