import { expect, setDefaultTimeout, test } from "bun:test";
import fc from "fast-check";
import type { PublishLink } from "../../../src/broker/broker.ts";
import type { Envelope } from "../../../src/envelope/envelope.ts";
import { open } from "../../../src/envelope/envelope.ts";
import { Outbox } from "../../../src/outbox/outbox.ts";
import { integrationTimeoutMs } from "../../support/timeout.ts";
import { RecordingLink } from "../doubles/recording-link.ts";
import { rounds } from "../doubles/rounds.ts";
import { turn } from "../doubles/turn.ts";

setDefaultTimeout(integrationTimeoutMs);

const isPoison = (body: string) => body.startsWith("poison");
const bodiesOf = (envelope: Envelope) => open(envelope, "?").map(({ body }) => String(body));

/**
 * A broker that closes the link over each envelope that has a poison in it, as RabbitMQ does: what came before is stored, but
 * its confirm may get lost with the link.
 */
class TouchyBroker {
  readonly outbox: Outbox;
  /** In the order in which they came for the first time. */
  readonly stored: string[] = [];
  readonly confirmed: string[] = [];
  readonly setAside: string[] = [];
  linkCount = 0;
  lossCount = 0;
  writtenCount = 0;
  readonly #chances: Iterator<number>;

  /** @param chances from 0 to 9, for what it is to do next; it repeats them */
  constructor(isPacking: boolean, chances: readonly number[]) {
    this.outbox = new Outbox("app", isPacking, { windowMax: 300, packCountMax: 100, packedWindowMax: 3 });
    this.#chances = cycle(chances);
    this.outbox.onSetAside = ({ id }) => void expect(id).toMatch(/^app-\d+$/);
  }

  append(body: string): void {
    const waiter = {
      confirmed: () => void this.confirmed.push(body),
      setAside: (why: string) => void this.setAside.push(`${body}: ${why}`),
    };
    this.outbox.append({ body, topic: "" }, waiter);
  }

  connect(): void {
    this.linkCount++;
    let tag = 0;
    let isOpen = true;
    let unwritten = 0;
    let isProven = false;
    let held: Envelope[] = [];
    const close = (isRefusal: boolean) => {
      isOpen = false;
      unwritten += held.length;
      setImmediate(() => {
        this.outbox.closed(
          isRefusal ? { reason: "channelClosed", why: "406", isDoubtful: false } : undefined,
        );
        this.connect();
      });
    };
    const confirm = (upTo: number) => {
      setImmediate(() => {
        if (!isOpen) return;
        isProven = true;
        this.outbox.confirmed(upTo, true);
        write(held.splice(0));
      });
    };
    const write = (envelopes: readonly Envelope[]) => {
      for (const [index, envelope] of envelopes.entries()) {
        if (!isOpen) {
          unwritten += envelopes.length - index;
          return;
        }
        this.writtenCount++;
        const bodies = bodiesOf(envelope);
        if (bodies.some(isPoison)) {
          // Of those before it, the confirms of some are on their way.
          if (tag > 1 && this.#chance() < 4) this.outbox.confirmed(tag - 1, true);
          close(true);
          unwritten += 0;
          continue;
        }
        tag++;
        for (const body of bodies) if (!this.stored.includes(body)) this.stored.push(body);
        if (this.lossCount < 5 && this.#chance() === 9) {
          this.lossCount++;
          close(false);
        } else if (this.#chance() < 3 || index === envelopes.length - 1) confirm(tag);
      }
    };
    const link: PublishLink = {
      isCostly: false,
      headBytesMax: Number.POSITIVE_INFINITY,
      get unwritten() {
        return unwritten;
      },
      giveUp: () => undefined,
      send(envelopes) {
        if (!isOpen) unwritten += envelopes.length;
        else if (isProven) write(envelopes);
        else {
          const isFirst = held.length === 0 && tag === 0;
          held = [...held, ...envelopes];
          if (isFirst) write(held.splice(0, 1));
        }
      },
    };
    this.outbox.opened(link);
  }

  #chance(): number {
    return this.#chances.next().value as number;
  }
}

function* cycle(numbers: readonly number[]): Generator<number> {
  for (;;) yield* numbers;
}

const message = fc.oneof(
  { weight: 30, arbitrary: fc.constant("good") },
  { weight: 1, arbitrary: fc.constant("poison") },
);

test("whatever poisons are among them, good messages are confirmed once and in order, and each poison is set aside", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.boolean(),
      fc.array(fc.array(message, { minLength: 1, maxLength: 400, size: "max" }), {
        minLength: 1,
        maxLength: 4,
      }),
      fc.array(fc.nat(9), { minLength: 1, maxLength: 40 }),
      async (isPacking, turns, chances) => {
        const broker = new TouchyBroker(isPacking, chances);
        let count = 0;
        const appended = turns.map((kinds) => kinds.map((kind) => `${kind} ${count++}`));
        broker.connect();
        for (const bodies of appended) {
          for (const body of bodies) broker.append(body);
          await turn();
        }
        for (let turns = 0; !broker.outbox.isEmpty && turns < 20_000; turns++) {
          if (turns % 10 === 9) await Bun.sleep(1);
          else await turn();
        }
        const all = appended.flat();
        const good = all.filter((body) => !isPoison(body));
        const poisons = all.filter(isPoison);
        expect(broker.stored).toEqual(good);
        expect(broker.confirmed).toEqual(good);
        await turn();
        expect(broker.setAside).toEqual(poisons.map((body) => `${body}: 406`));
        expect(broker.outbox.level.bytes).toBe(0);
        // Two ends while it was alone, and at most three to find it.
        expect(broker.linkCount).toBeLessThanOrEqual(1 + broker.lossCount + 5 * poisons.length);
        // Suspects are sent together once and alone once, packs as a whole before.
        expect(broker.writtenCount).toBeLessThanOrEqual(
          (4 + broker.lossCount) * all.length + 5 * poisons.length,
        );
        broker.outbox.close();
      },
    ),
    rounds(100),
  );
}, 30_000);

test("losses without a refusal set nothing aside, however many there are", async () => {
  const outbox = new Outbox("app", false);
  const setAside: string[] = [];
  outbox.append(
    { body: "unlucky", topic: "" },
    { confirmed: () => undefined, setAside: (why) => void setAside.push(why) },
  );
  for (let loss = 0; loss < 50; loss++) {
    outbox.opened({
      isCostly: false,
      headBytesMax: Number.POSITIVE_INFINITY,
      unwritten: 0,
      send: () => undefined,
      giveUp: () => undefined,
    });
    await turn();
    outbox.closed();
  }
  expect(setAside).toEqual([]);
  expect(outbox.isEmpty).toBe(false);
});

test("a link that throws ends, and what it cannot write is set aside: the others are sent in order", async () => {
  const outbox = new Outbox("app", false);
  const settled: string[] = [];
  const given: string[] = [];
  for (const body of ["one", "two", "poison", "three"]) {
    const waiter = {
      confirmed: () => void settled.push(body),
      setAside: (why: string) => void given.push(`${body}: ${why}`),
    };
    outbox.append({ body, topic: "" }, waiter);
  }
  let isOpen = false;
  const connect = () => {
    isOpen = true;
    let tag = 0;
    outbox.opened({
      isCostly: false,
      headBytesMax: Number.POSITIVE_INFINITY,
      unwritten: 0,
      send(envelopes) {
        if (envelopes.some((envelope) => isPoison(String(envelope.body)))) throw new RangeError("too long");
        tag += envelopes.length;
        setImmediate((upTo) => outbox.confirmed(upTo, true), tag);
      },
      giveUp() {
        isOpen = false;
      },
    });
  };
  for (let turns = 0; !outbox.isEmpty && turns < 100; turns++) {
    if (!isOpen) connect();
    await turn();
  }
  expect(settled).toEqual(["one", "two", "three"]);
  expect(given).toEqual(["poison: it cannot be written: too long"]);
});

/** Bytes that were given to another thread: nobody can read them any more. */
function detached(): Uint8Array {
  const bytes = new Uint8Array(8);
  structuredClone(bytes.buffer, { transfer: [bytes.buffer] });
  return bytes;
}

test("what no envelope can be made of, and names that AMQP cannot carry, are set aside without being sent", async () => {
  for (const isPacking of [false, true]) {
    const outbox = new Outbox("app", isPacking);
    const link = new RecordingLink();
    link.headBytesMax = 4000;
    const given: string[] = [];
    outbox.onSetAside = ({ reason }) => void given.push(reason);
    outbox.append({ body: "one", topic: "" });
    outbox.append({ body: detached(), topic: "" });
    outbox.append({ body: "two", topic: "\ufffd".repeat(100) });
    outbox.append({ body: "three", topic: "", headers: { long: "x".repeat(5000) } });
    outbox.append({ body: "four", topic: "", headers: { ["n".repeat(256)]: "" } });
    outbox.append({ body: "five", topic: "" });
    outbox.opened(link);
    for (let turns = 0; turns < 5; turns++) {
      outbox.confirmed(link.envelopes.length, true);
      await turn();
    }
    expect(given.toSorted()).toEqual(["encoding", "frameSize", "name", "name"]);
    expect(link.bodies).toEqual(["one", "five"]);
    outbox.confirmed(link.envelopes.length, true);
    expect([outbox.isEmpty, outbox.level.bytes]).toEqual([true, 0]);
    outbox.close();
  }
});
