import { afterEach, beforeEach, expect, jest, setDefaultTimeout, test } from "bun:test";
import fc from "fast-check";
import type { Envelope } from "../../../src/envelope/envelope.ts";
import { open } from "../../../src/envelope/envelope.ts";
import { Share } from "../../../src/envelope/share.ts";
import { Outbox } from "../../../src/outbox/outbox.ts";
import { integrationTimeoutMs } from "../../support/timeout.ts";
import { rounds } from "../doubles/rounds.ts";
import { turn } from "../doubles/turn.ts";
import { onConfirmed } from "../doubles/waiter.ts";

setDefaultTimeout(integrationTimeoutMs);

// Immediates stay real: `turn` waits for them.
beforeEach(() => {
  jest.useFakeTimers();
});
afterEach(() => {
  jest.useRealTimers();
});

/** Small caps, so that every one of them is met. */
const limits = {
  bytesMax: 6000,
  windowMax: 5,
  packedWindowMax: 3,
  flushBytesMax: 900,
  packCountMax: 4,
  packBytesMax: 2500,
  ownLineBytes: 1500,
  lingerMs: 1,
} as const;

type Step =
  | { readonly do: "append"; readonly sender: number; readonly sizes: readonly number[] }
  | {
      readonly do: "settle";
      readonly how: "confirm" | "refuse";
      readonly at: number;
      readonly multiple: boolean;
    }
  | { readonly do: "turn" | "wait" | "connect" | "lose" | "block" | "unblock" };

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constant("append" as const),
      sender: fc.nat(3),
      sizes: fc.array(fc.integer({ min: 0, max: 1200 }), { minLength: 1, maxLength: 8 }),
    }),
  },
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constant("settle" as const),
      how: fc.constantFrom("confirm" as const, "confirm" as const, "refuse" as const),
      at: fc.nat(20),
      multiple: fc.boolean(),
    }),
  },
  { weight: 6, arbitrary: fc.record({ do: fc.constant("turn" as const) }) },
  {
    weight: 8,
    arbitrary: fc.record({
      do: fc.constantFrom("wait", "connect", "connect", "lose", "block", "unblock"),
    }),
  },
);

interface OpenLink {
  /** The first has tag 1. */
  readonly envelopes: Envelope[];
  /** Tags that are not settled. */
  readonly open: Set<number>;
  /** Ids that were refused. */
  readonly refused: Set<string>;
  /** The id of what is sent as the first after a refusal. */
  trial: string | "due" | undefined;
}

/** A broker that checks what it is sent, and settles when it is told to. */
class CheckingBroker {
  readonly outbox: Outbox;
  /** What the outbox should have told whoever appended, and how often it did. */
  readonly confirmsHeard = new Map<string, number>();
  readonly stored = new Set<string>();
  readonly #idOfBody = new Map<string, string>();
  /** Bodies in the order in which they were sent for the first time. */
  readonly firstSent: string[] = [];
  /** Whose is what, by body. Nobody's is what the first of them sends, who has no share. */
  readonly #senderOf = new Map<string, number>();
  readonly #shares = [undefined, new Share(), new Share(), new Share()];
  /** Of envelopes, in the order in which they were sent for the first time. */
  readonly #idsSent: string[] = [];
  readonly #idsAppended: string[] = [];
  #appended = 0;
  #link: OpenLink | undefined;
  mayHaveBeenFull = false;
  /** The first thing found wrong. It is found in turns of the event loop of which no test knows. */
  fault: unknown;

  constructor(isPacking: boolean) {
    this.outbox = new Outbox("app", isPacking, limits);
    this.outbox.level.onLowWatermark = () => {
      this.check(() => {
        expect(this.mayHaveBeenFull).toBe(true);
        expect(this.outbox.level.bytes).toBeLessThanOrEqual(limits.bytesMax / 2);
      });
      this.mayHaveBeenFull = false;
    };
  }

  check(expectations: () => void): void {
    try {
      expectations();
    } catch (error) {
      this.fault ??= error;
    }
  }

  get appended(): readonly string[] {
    return Array.from({ length: this.#appended }, (_, index) => String(index));
  }

  append(sender: number, size: number): void {
    const name = String(this.#appended++);
    this.#senderOf.set(name, sender);
    const number = this.outbox.append(
      { body: name.padEnd(size), topic: "", clientId: `client-${sender}` },
      onConfirmed(() => {
        this.confirmsHeard.set(name, (this.confirmsHeard.get(name) ?? 0) + 1);
        this.check(() => expect(this.stored.has(name)).toBe(true));
      }),
      0,
      this.#shares[sender],
    );
    this.#idsAppended.push(this.outbox.idOf(number));
    if (this.outbox.isFull) this.mayHaveBeenFull = true;
  }

  /** What was sent for the first time, by whom, against what each has appended. */
  expectOrder(): void {
    for (const [sender] of this.#shares.entries()) {
      const ofSender = (names: readonly string[]) =>
        names.filter((name) => this.#senderOf.get(name) === sender);
      const sent = ofSender(this.firstSent);
      expect(sent).toEqual(ofSender(this.appended).slice(0, sent.length));
    }
  }

  expectNoShares(): void {
    for (const share of this.#shares) {
      expect(share?.unsentBytes ?? 0).toBe(0);
      expect(share === undefined || this.outbox.isSettled(share)).toBe(true);
    }
  }

  /** Whose messages are said to be settled has none that is not confirmed. */
  expectSettled(): void {
    for (const [sender, share] of this.#shares.entries()) {
      if (share === undefined || !this.outbox.isSettled(share)) continue;
      for (const name of this.appended)
        if (this.#senderOf.get(name) === sender) expect(this.confirmsHeard.get(name)).toBe(1);
    }
  }

  connect(): void {
    if (this.#link !== undefined) return;
    const link: OpenLink = { envelopes: [], open: new Set(), refused: new Set(), trial: undefined };
    this.#link = link;
    this.outbox.opened({
      isCostly: true,
      headBytesMax: Number.POSITIVE_INFINITY,
      unwritten: 0,
      giveUp: () => {
        this.check(() => expect(link.refused.size).toBeGreaterThan(0));
        queueMicrotask(() => {
          if (this.#link === link) this.lose();
        });
      },
      send: (envelopes) => {
        this.check(() => {
          // A link that is lost gets nothing any more.
          expect(this.#link === link).toBe(true);
          expect(envelopes.length).toBeGreaterThan(0);
          const allButLast = envelopes.slice(0, -1).reduce((sum, { body }) => sum + body.byteLength, 0);
          expect(allButLast).toBeLessThan(limits.flushBytesMax);
        });
        for (const envelope of envelopes) this.#take(link, envelope);
      },
    });
  }

  lose(): void {
    if (this.#link === undefined) return;
    this.#link = undefined;
    this.outbox.closed();
  }

  settle(how: "confirm" | "refuse", at: number, multiple: boolean): void {
    const link = this.#link;
    if (link === undefined || link.open.size === 0) return;
    const open = [...link.open];
    const tag = open[at % open.length]!;
    for (const settled of multiple ? open.filter((each) => each <= tag) : [tag]) {
      link.open.delete(settled);
      const envelope = link.envelopes[settled - 1]!;
      if (how === "refuse") link.trial = "due";
      if (how === "refuse") link.refused.add(envelope.messageId!);
      else for (const body of bodiesOf(envelope)) this.stored.add(body);
    }
    if (how === "confirm") this.outbox.confirmed(tag, multiple);
    else this.outbox.refused(tag, multiple);
  }

  #take(link: OpenLink, envelope: Envelope): void {
    const id = envelope.messageId!;
    const messages = open(envelope, "?");
    const bodies = bodiesOf(envelope);
    this.check(() =>
      expect(messages.map((message) => message.id)).toEqual(
        bodies.map((body) => this.#idsAppended[Number(body)]!),
      ),
    );
    const onTheWire = [...link.open].map((tag) => link.envelopes[tag - 1]!.messageId!);
    const limbo = [...this.#idOfBody].filter(([body]) => !this.stored.has(body)).map(([, known]) => known);
    this.check(() => {
      // Nothing overtakes what is not stored, unless that is on the wire before it.
      const place = this.#idsSent.indexOf(id);
      const before = place < 0 ? limbo : limbo.filter((known) => this.#idsSent.indexOf(known) < place);
      expect(onTheWire).toEqual(expect.arrayContaining(before));
      // After a refusal one of the refused goes first, alone, until it is settled.
      if (link.trial === "due") expect([onTheWire, link.refused.has(id)]).toEqual([[], true]);
      expect(onTheWire).not.toContain(link.trial);
    });
    if (!this.#idsSent.includes(id)) this.#idsSent.push(id);
    if (link.trial === "due") link.trial = id;
    link.envelopes.push(envelope);
    link.open.add(link.envelopes.length);
    this.check(() => {
      expect(bodies.length).toBeLessThanOrEqual(limits.packCountMax);
      // What is stored is not sent again.
      expect(bodies.some((body) => this.stored.has(body))).toBe(false);
    });
    for (const body of bodies) {
      const known = this.#idOfBody.get(body);
      if (known === undefined) this.firstSent.push(body);
      this.#idOfBody.set(body, id);
      this.check(() => expect(id).toBe(known ?? id));
    }
  }
}

const bodiesOf = (envelope: Envelope) => open(envelope, "?").map(({ body }) => String(body).trimEnd());

/** More than the longest wait after a refusal. */
const longEnoughMs = 6000;

test("nothing is lost, reordered or confirmed twice, whatever happens in whatever order", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.boolean(),
      fc.array(step, { maxLength: 60, size: "max" }),
      async (isPacking, steps) => {
        const broker = new CheckingBroker(isPacking);
        const { outbox } = broker;
        for (const next of steps) {
          if (next.do === "append") for (const size of next.sizes) broker.append(next.sender, size);
          else if (next.do === "settle") broker.settle(next.how, next.at, next.multiple);
          else if (next.do === "turn") await turn();
          else if (next.do === "wait") jest.advanceTimersByTime(longEnoughMs);
          else if (next.do === "connect") broker.connect();
          else if (next.do === "lose") broker.lose();
          else if (next.do === "block") outbox.blocked(true);
          else outbox.blocked(false);
          if (broker.fault !== undefined) throw broker.fault;
          expect(outbox.unconfirmed).toBeLessThanOrEqual(limits.windowMax);
          expect(outbox.level.bytes).toBeGreaterThanOrEqual(0);
          expect(outbox.isEmpty).toBe(broker.confirmsHeard.size === broker.appended.length);
          broker.expectOrder();
          broker.expectSettled();
        }

        // When the broker behaves from now on, everything arrives.
        broker.connect();
        outbox.blocked(false);
        for (let round = 0; !outbox.isEmpty && round < 1000; round++) {
          jest.advanceTimersByTime(longEnoughMs);
          await turn();
          broker.settle("confirm", outbox.unconfirmed - 1, true);
        }
        if (broker.fault !== undefined) throw broker.fault;
        expect(outbox.level.bytes).toBe(0);
        expect(outbox.unconfirmed).toBe(0);
        expect(outbox.account.confirmedCount).toBe(broker.appended.length);
        broker.expectOrder();
        broker.expectNoShares();
        expect(broker.firstSent.length).toBe(broker.appended.length);
        expect([...broker.confirmsHeard.values()].every((times) => times === 1)).toBe(true);
        expect(broker.confirmsHeard.size).toBe(broker.appended.length);
        // Whoever was held back has been let go.
        expect(broker.mayHaveBeenFull).toBe(false);
        outbox.close();
      },
    ),
    rounds(250),
  );
}, 20_000);
