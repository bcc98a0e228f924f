import type { Played } from "./play.ts";

/** The result of some runs, in one line. */
export class Summary {
  readonly #seeds: number[] = [];
  readonly #failed: number[] = [];
  readonly #faults = new Set<string>();
  readonly #figures: Record<string, number> = {};
  #faultCount = 0;
  #wrongCount = 0;

  get isClean(): boolean {
    return this.failed === 0;
  }

  /** Runs in which something was wrong, or that were not played to their end. */
  get failed(): number {
    return this.#wrongCount + this.#failed.length;
  }

  get passed(): number {
    return this.#seeds.length - this.failed;
  }

  add(seed: number, { verdict, sent, receipts, played }: Played): void {
    const { findings, ...counts } = verdict;
    this.#seeds.push(seed);
    this.#faultCount += played.length;
    for (const name of played) this.#faults.add(name);
    if (!findings.isClean) this.#wrongCount++;
    const figures = { sent, receipts, ...counts, ...findings.counts };
    for (const [name, figure] of Object.entries(figures))
      this.#figures[name] = (this.#figures[name] ?? 0) + figure;
  }

  /** A run that could not be played to its end. */
  fail(seed: number): void {
    this.#seeds.push(seed);
    this.#failed.push(seed);
  }

  line(): string {
    const figures = Object.entries(this.#figures).map(([name, figure]) => `${words(name)} ${figure}`);
    const failed = this.#failed.length === 0 ? [] : [`not played to the end ${this.#failed.join(" ")}`];
    return [
      `${this.isClean ? "pass" : "FAIL"}: seeds ${this.#seeds.join(" ")}`,
      `faults ${this.#faultCount} of ${this.#faults.size} kinds`,
      ...figures,
      ...failed,
    ].join(", ");
  }
}

/** `receiptsNotInLog` → `receipts not in log` */
function words(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`);
}
