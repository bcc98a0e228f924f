import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { LogCredit, prefetch } from "../../../../../src/broker/rabbitmq/reading/log-credit.ts";
import { rounds } from "../../../doubles/rounds.ts";

/** RabbitMQ's side: as long as it has credit it sends what is published, chunk by chunk. */
class Stream {
  readonly credit: LogCredit;
  #sent = 0;
  #acked = 0;
  published = 0;
  /** How many are published together; what is together is sent together, though it be more than there is credit for. */
  readonly #chunk: number;
  /** What was sent as soon as it was published, each for itself. */
  alone = 0;
  acks = 0;

  constructor(chunk = 1) {
    this.#chunk = chunk;
    this.credit = new LogCredit((tag) => {
      // As RabbitMQ, which closes the channel over such a tag.
      if (tag <= this.#acked || tag > this.#sent) throw new RangeError(`${tag} is no open delivery`);
      this.acks++;
      this.#acked = tag;
    });
  }

  get behind(): number {
    return this.published - this.#sent;
  }

  get isOutOfCredit(): boolean {
    return this.#sent - this.#acked >= prefetch;
  }

  /** One chunk at a time. */
  publish(count: number): void {
    for (let each = 0; each < count; each++) {
      this.published += this.#chunk;
      const before = this.#sent;
      this.send();
      if (this.#sent > before) this.alone += this.#chunk;
    }
  }

  send(): void {
    while (this.behind > 0 && !this.isOutOfCredit)
      for (let each = 0; each < this.#chunk; each++) this.credit.delivered(++this.#sent);
  }

  /** A rest in which so many are published, and then the follower reads. */
  step(count: number): void {
    this.publish(count);
    this.credit.step();
    this.send();
  }
}

describe("credit for the log", () => {
  test("without rests all is sent as it is published, and acknowledged now and again", () => {
    const stream = new Stream();
    stream.publish(10_000);
    expect(stream.behind).toBe(0);
    expect(stream.alone).toBe(10_000);
    expect(stream.acks).toBe(100);
  });

  test("in steps RabbitMQ sends hardly anything but at their beginning", () => {
    const stream = new Stream();
    for (let step = 0; step < 60; step++) stream.step(33);
    const alone = stream.alone;
    for (let step = 0; step < 100; step++) stream.step(33);
    expect(stream.alone - alone).toBeLessThan(0.25 * 3300);
    expect(stream.behind).toBeLessThan(3 * 33);
  });

  test("it follows a rate that grows, and one that falls", () => {
    const stream = new Stream();
    for (let step = 0; step < 60; step++) stream.step(5);
    for (let step = 0; step < 60; step++) stream.step(80);
    expect(stream.behind).toBeLessThan(3 * 80);
    for (let step = 0; step < 60; step++) stream.step(3);
    expect(stream.behind).toBeLessThan(20);
  });

  test("more than steps are good for is sent at once", () => {
    const stream = new Stream();
    for (let step = 0; step < 60; step++) stream.step(20);
    for (let step = 0; step < 60; step++) stream.step(600);
    expect(stream.behind).toBe(0);
  });

  test("whatever is published, RabbitMQ may always send something after a step, and all that it has when nothing rests", () => {
    const act = fc.oneof(
      { weight: 8, arbitrary: fc.nat({ max: 300 }).map((count) => ["step", count] as const) },
      fc.constant(["flow", 0] as const),
      fc.constant(["look", 0] as const),
    );
    fc.assert(
      fc.property(fc.array(act, { maxLength: 80 }), fc.integer({ min: 1, max: 900 }), (acts, chunk) => {
        const stream = new Stream(chunk);
        for (const [what, count] of acts) {
          if (what === "step") {
            stream.publish(count);
            stream.credit.step();
            expect(stream.isOutOfCredit).toBe(false);
            stream.send();
          } else {
            stream.credit[what]();
            stream.send();
            if (what === "flow") expect(stream.behind).toBe(0);
          }
        }
        stream.credit.flow();
        stream.send();
        expect(stream.behind).toBe(0);
        stream.credit.look();
        stream.credit.look();
        stream.publish(1);
        expect(stream.behind).toBe(0);
      }),
      rounds(),
    );
  });
});
