import type { View } from "./book.ts";

/** A finding: its kind, the reader and the details. */
export interface Finding {
  readonly kind: string;
  readonly who: string;
  readonly what: string;
}

const shownOfEach = 6;

/** The findings of a run, counted by kind. */
export class Findings {
  readonly counts = {
    missing: 0,
    repeated: 0,
    reordered: 0,
    gapsWithoutCause: 0,
    conflicts: 0,
    receiptsNotInLog: 0,
    receiptsNotProcessed: 0,
    faults: 0,
  };
  /** Gaps that were told once more, by a manager that learned of the new log later than another. Nothing is missing. */
  gapsToldAgain = 0;
  /** The first of each kind and reader. */
  readonly shown: Finding[] = [];

  get isClean(): boolean {
    return Object.values(this.counts).every((count) => count === 0);
  }

  missing({ name }: Named, what: string, count: number): void {
    this.#add("missing", name, what, count);
  }

  repeated({ name }: Named, what: string): void {
    this.#add("repeated", name, what);
  }

  reordered({ name }: Named, what: string): void {
    this.#add("reordered", name, what);
  }

  gapWithoutCause({ name }: Named, what: string): void {
    this.#add("gapsWithoutCause", name, what);
  }

  /** Two readers saw different messages at the same position of the same log. */
  conflict({ name }: Named, what: string): void {
    this.#add("conflicts", name, what);
  }

  receiptNotInLog(sender: string, what: string): void {
    this.#add("receiptsNotInLog", sender, what);
  }

  receiptNotProcessed(sender: string, what: string): void {
    this.#add("receiptsNotProcessed", sender, what);
  }

  fault(name: string, what: string): void {
    this.#add("faults", name, what);
  }

  #add(kind: keyof Findings["counts"], who: string, what: string, count = 1): void {
    this.counts[kind] += count;
    if (this.shown.filter((one) => one.kind === kind && one.who === who).length < shownOfEach)
      this.shown.push({ kind, who, what });
  }
}

type Named = Pick<View, "name">;
