import type { FlockPlan } from "../flock.ts";

/** What all clients of a flock have seen together. */
export interface Tally {
  open: number;
  readonly closes: Record<string, number>;
  received: number;
  readonly faults: string[];
}

/** How long it waits before it connects again, in milliseconds: at random, up to twice as long with each attempt. */
const againMs = { first: 100, most: 2000 } as const;

/** More of them are not told. */
const faultsMax = 10;

/** One client of a flock. It comes back whenever it is disconnected, to the next manager. */
export abstract class Member {
  readonly plan: FlockPlan;
  readonly n: number;
  isOpen = false;
  /** Messages that it has got. */
  received = 0;
  readonly #tally: Tally;
  /** Of its connections: the first goes to the first port. */
  #turn = 0;
  #attempts = 0;
  #first: PromiseWithResolvers<void> | undefined;

  constructor(plan: FlockPlan, n: number, tally: Tally) {
    this.plan = plan;
    this.n = n;
    this.#tally = tally;
  }

  /** Resolves when it is connected for the first time. */
  async open(): Promise<void> {
    this.#first = Promise.withResolvers();
    this.connect(this.port);
    await this.#first.promise;
  }

  /** Where it goes now. Neighbours that were together go different ways. */
  get port(): number {
    const { ports } = this.plan;
    const turn = this.#turn;
    if (turn === 0) return ports[0]!;
    return ports[(turn + (this.n % Math.max(1, ports.length - 1))) % ports.length]!;
  }

  abstract say(text: string): void;
  protected abstract connect(port: number): void;

  protected opened(): void {
    this.isOpen = true;
    this.#tally.open++;
    this.#attempts = 0;
    this.#first?.resolve();
  }

  /** Its connection has ended, or did not come about. */
  protected ended(why: string): void {
    // What was never open is an attempt that failed: its manager may be down.
    if (this.isOpen) {
      this.#tally.open--;
      this.#tally.closes[why] = (this.#tally.closes[why] ?? 0) + 1;
    }
    this.isOpen = false;
    this.#turn++;
    const mostMs = Math.min(againMs.most, againMs.first * 2 ** this.#attempts++);
    setTimeout(() => this.connect(this.port), Math.random() * mostMs);
  }

  /** A message came. */
  protected got(): void {
    this.received++;
    this.#tally.received++;
  }

  /** A number came, which should be how many there were before. */
  protected gotNumber(text: string): void {
    const expected = this.received;
    this.got();
    if (Number(text) === expected) return;
    this.fault(`${text} came instead of ${expected}`);
    this.received = Number(text) + 1;
  }

  protected fault(what: string): void {
    if (this.#tally.faults.length < faultsMax)
      this.#tally.faults.push(`${this.plan.prefix}-${this.n}: ${what}`);
  }
}
