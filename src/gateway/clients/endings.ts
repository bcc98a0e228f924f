import { LabelledCounter, type LabelledMetric } from "../../ops/metrics.ts";
import { type CloseCode, closeCodes } from "../../wire/close-codes.ts";

const other = "other";

/** How connections ended. A client may close with any code: those that Warren does not use count together. */
export class Endings {
  readonly #codes = new Set(Object.values<CloseCode>(closeCodes).map(({ code }) => `${code}`));
  readonly #counts = new LabelledCounter(
    { name: "warren_closed_total", help: "Connections that ended, by close code.", label: "code" },
    [...this.#codes, other],
  );

  get metric(): LabelledMetric {
    return this.#counts.metric;
  }

  count(code: number): void {
    const name = `${code}`;
    this.#counts.add(this.#codes.has(name) ? name : other);
  }
}
