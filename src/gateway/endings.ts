import type { LabelledMetric } from "../ops/metrics.ts";
import { type CloseCode, closeCodes } from "./close-codes.ts";

/** How connections ended. A client may close with any code: those that Warren does not use count together. */
export class Endings {
  readonly #counts = new Map<number | "other", number>([
    ...Object.values<CloseCode>(closeCodes).map(({ code }) => [code, 0] as const),
    ["other", 0],
  ]);

  readonly metric: LabelledMetric = {
    name: "warren_closed_total",
    type: "counter",
    help: "Connections that ended, by close code.",
    label: "code",
    readEach: () => Array.from(this.#counts, ([code, count]) => [String(code), count] as const),
  };

  count(code: number): void {
    const key = this.#counts.has(code) ? code : "other";
    this.#counts.set(key, this.#counts.get(key)! + 1);
  }
}
