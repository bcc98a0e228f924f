import type { FlockPlan } from "../flock.ts";

/** The state that all clients of a flock share. */
export interface Tally {
  open: number;
  readonly closes: Record<string, number>;
  received: number;
  readonly faults: string[];
}

/** How long a client waits before it connects again, in milliseconds: a random time, up to twice as long with each attempt. */
const againMs = { first: 100, most: 2000 } as const;

/** How many faults are reported. */
const faultsMax = 10;

/** One client of a flock. It reconnects to the next manager whenever it is disconnected. */
export abstract class Member {
  readonly plan: FlockPlan;
  readonly n: number;
  isOpen = false;
  /** How many messages it has got. */
  received = 0;
  readonly #tally: Tally;
  /** How many connections it has had. The first goes to the first port. */
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

  /** The next port. Clients that were on the same manager spread over the others. */
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

  /** Its connection has ended, or failed to open. */
  protected ended(why: string): void {
    // A connection that was never open is a failed attempt, since its manager may be down.
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
