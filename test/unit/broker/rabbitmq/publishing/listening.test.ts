import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { Listening } from "../../../../../src/broker/rabbitmq/publishing/listening.ts";
import { ParcelTags } from "../../../../../src/broker/rabbitmq/publishing/parcel-tags.ts";
import type { Envelope } from "../../../../../src/envelope/envelope.ts";
import { PlainCopies } from "../../../../../src/envelope/plain-copies.ts";
import { envelopeOf } from "../../../doubles/envelope.ts";
import { rounds } from "../../../doubles/rounds.ts";

/** Whether another program that listens gets a copy. */
type Binding = (copy: Envelope) => boolean;

/** The part of a link that knows copies, and a RabbitMQ that takes one AMQP message after the other, when it is told to. */
class World {
  readonly #listening: Listening;
  readonly #settled = new Set<number>();
  readonly #parcels = new ParcelTags((tag, isRefused) => {
    expect(isRefused).toBe(false);
    expect(this.#settled.has(tag)).toBe(false);
    this.#settled.add(tag);
  });
  /** On their way to RabbitMQ; undefined: an envelope for Warren's own. */
  readonly #wire: { readonly copy: Envelope | undefined; readonly isAsking: boolean }[] = [];
  #held: Envelope[] = [];
  #tag = 0;
  #sent = 0;
  nowMs = 0;

  constructor(few = 1) {
    this.#listening = new Listening(few);
  }

  /** Whether nothing more is written before RabbitMQ has answered. */
  get isWaiting(): boolean {
    return this.#listening.isWaiting;
  }

  binding: Binding | undefined;
  readonly heard: Envelope[] = [];
  /** Copies that RabbitMQ got. */
  published = 0;

  /** An outbox hands over what it has. */
  send(...packs: readonly (readonly Envelope[])[]): void {
    this.#sent += packs.length;
    this.#held.push(...packs.map((copies) => envelopeOf({ copies: new PlainCopies(copies) })));
    this.#writeHeld();
  }

  #writeHeld(): void {
    if (this.#listening.isWaiting) return;
    const envelopes = this.#held;
    this.#held = [];
    this.#listening.plan(envelopes, this.nowMs);
    for (const { copies } of envelopes) {
      this.#listening.written(copies!, this.#parcels.nextDeliveryTag);
      this.#parcels.add(copies);
      for (const part of copies!.dueParts() ?? copies!.envelopes.keys()) {
        const copy = copies!.envelopes[part];
        if (copy !== undefined) this.#wire.push({ copy, isAsking: copies!.isAsking(part) });
      }
      this.#wire.push({ copy: undefined, isAsking: false });
    }
  }

  /** RabbitMQ takes the next message. False if there is none. */
  take(): boolean {
    const next = this.#wire.shift();
    if (next === undefined) return false;
    const { copy, isAsking } = next;
    const tag = ++this.#tag;
    if (copy !== undefined) {
      this.published++;
      if (this.binding?.(copy) === true) this.heard.push(copy);
      else if (isAsking) this.#listening.returned(copy.messageId, copy.routingKey);
    }
    const answer = this.#listening.settled(tag, false);
    this.#parcels.settle(tag, false, true);
    if (answer === undefined) return true;
    for (const [copies, parts] of answer.wanted) {
      this.#parcels.addWithheld(copies, parts);
      for (const part of parts) this.#wire.push({ copy: copies.envelopes[part]!, isAsking: false });
    }
    for (const [copies, parts] of answer.passed) this.#parcels.passOver(copies, parts);
    this.#writeHeld();
    return true;
  }

  takeAll(): void {
    while (this.take());
    expect(this.#settled.size).toBe(this.#sent);
  }
}

let ids = 0;
const copyOf = (
  topic = "a",
  clientId: string | undefined = "c",
  headers?: Record<string, string>,
): Envelope =>
  envelopeOf({ body: Buffer.from("text"), routingKey: topic, clientId, headers, messageId: `id-${++ids}` });
const copies = (count: number, ...of: Parameters<typeof copyOf>) =>
  Array.from({ length: count }, () => copyOf(...of));

/** A link over which it has been found that nobody listens. */
function unheard(few?: number): World {
  const world = new World(few);
  world.send([copyOf()]);
  world.takeAll();
  world.published = 0;
  return world;
}

test("nothing waits for an answer that would save nothing: of very many clients that say one thing each, all copies are published", () => {
  const world = unheard();
  const said = (round: number) =>
    Array.from({ length: 50 }, (_, client) => copyOf("app", `client ${client} ${round}`));
  for (const round of [1, 2, 3]) {
    world.send(said(round));
    expect(world.isWaiting).toBe(false);
  }
  world.takeAll();
  expect(world.published).toBe(150);
  // A few that are alike are not worth it either.
  world.published = 0;
  world.send([...said(4), ...copies(10, "app", "client 7")]);
  expect(world.isWaiting).toBe(false);
  world.takeAll();
  expect(world.published).toBe(60);
  // Where half of them are alike, one of these answers for the others.
  world.published = 0;
  world.send([...said(5), ...copies(52, "app", "client 7")]);
  expect(world.isWaiting).toBe(true);
  world.takeAll();
  expect(world.published).toBe(51);
  // And a program that begins to listen misses nothing.
  world.binding = () => true;
  world.send(said(6), copies(52, "app", "client 7"));
  world.takeAll();
  expect(world.heard).toHaveLength(102);
});

test("while nobody listens, one copy of each sender and topic is published of those that are written together", () => {
  const world = unheard();
  world.send(copies(10), [...copies(10), ...copies(10, "b"), ...copies(10, "b", "d")]);
  world.takeAll();
  expect(world.published).toBe(3);
});

test("where few are written together all are published, and nothing waits for an answer", () => {
  const world = unheard(8);
  world.send(copies(7));
  world.send(copies(7));
  world.takeAll();
  expect(world.published).toBe(14);
  world.send(copies(8));
  world.takeAll();
  expect(world.published).toBe(15);
});

test("copies that come meanwhile wait for the answer, and are asked about then", () => {
  const world = unheard();
  world.send(copies(10));
  world.send(copies(10));
  world.send(copies(10));
  world.takeAll();
  expect(world.published).toBe(2);
});

test("a program that listens gets the copies that were withheld, in order, and all that come from then on", () => {
  const world = unheard();
  const sent = [copies(3), copies(3), copies(3)];
  world.binding = () => true;
  world.send(sent[0]!, sent[1]!);
  world.send(sent[2]!);
  world.takeAll();
  expect(world.heard).toEqual(sent.flat());
});

test("when the last program has gone, that is noticed after a second", () => {
  const world = new World();
  world.binding = () => true;
  world.send(copies(10));
  world.takeAll();
  world.binding = undefined;
  world.published = 0;
  world.send(copies(10));
  world.takeAll();
  expect(world.published).toBe(10);
  world.nowMs = 1000;
  world.send(copies(10));
  world.takeAll();
  expect(world.published).toBe(20);
  world.send(copies(10));
  world.takeAll();
  expect(world.published).toBe(21);
});

describe("copies that answer for no others are published:", () => {
  test.each([
    ["with headers of the application's own", () => copies(5, "a", "c", { colour: "red" })],
    [
      "of a sender and topic that has sent one with such headers",
      () => [...copies(4), copyOf("a", "c", { k: "v" })],
    ],
    ["of a sender and topic that has sent a request", () => [...copies(4), { ...copyOf(), isRequest: true }]],
    ["with large bodies", () => copies(5).map((copy) => ({ ...copy, body: Buffer.alloc(5000) }))],
  ])("%s", (_, make) => {
    const world = unheard();
    world.send(make());
    world.takeAll();
    expect(world.published).toBe(5);
  });
});

test("properties are no headers: another program cannot choose by them", () => {
  const world = unheard();
  world.send(
    [1, 2, 3].map((at) => copyOf("a", "c", { "correlation-id": `${at}`, "content-type": "text/plain" })),
  );
  world.takeAll();
  expect(world.published).toBe(1);
});

test("a program that binds gets all that is sent after that, once and in order, whatever it chooses by", () => {
  const anyCopy = fc.record({
    topic: fc.constantFrom("a", "b"),
    client: fc.constantFrom("c", "d"),
    headers: fc.constantFrom(undefined, undefined, undefined, { colour: "red" }, { type: "t" }),
    isRequest: fc.constantFrom(undefined, undefined, undefined, true),
    size: fc.constantFrom(1, 1, 1, 5000),
  });
  const step = fc.oneof(
    fc.record({
      do: fc.constant("send" as const),
      packs: fc.array(fc.array(anyCopy, { minLength: 1, maxLength: 5 }), { minLength: 1, maxLength: 3 }),
    }),
    fc.record({ do: fc.constant("take" as const), count: fc.nat(12) }),
    fc.record({ do: fc.constant("wait" as const) }),
    fc.record({ do: fc.constant("unbind" as const) }),
    fc.record({
      do: fc.constant("bind" as const),
      by: fc.constantFrom("all", "topic", "client", "header", "request"),
    }),
  );
  const bindings: Record<string, Binding> = {
    all: () => true,
    topic: ({ routingKey }) => routingKey === "b",
    client: ({ clientId }) => clientId === "d",
    header: ({ headers }) => headers?.["colour"] === "red",
    request: ({ isRequest }) => isRequest === true,
  };
  fc.assert(
    fc.property(
      fc.boolean(),
      fc.array(step, { minLength: 2, maxLength: 30, size: "max" }),
      (isNew, steps) => {
        const world = isNew ? new World() : unheard();
        const sent: Envelope[] = [];
        /** What came between its binding and its end, of all that was sent. */
        let from = 0;
        const check = () => {
          if (world.binding === undefined) return;
          world.takeAll();
          const due = sent.slice(from).filter(world.binding);
          const dueSet = new Set(due);
          // What was sent before it has bound it may get, too.
          expect(world.heard.filter((copy) => dueSet.has(copy)).length).toBe(due.length);
          for (const key of ["a c", "a d", "b c", "b d"]) {
            const places = world.heard
              .filter(({ routingKey, clientId }) => `${routingKey} ${clientId}` === key)
              .map((copy) => sent.indexOf(copy));
            expect(places).toEqual([...new Set(places)].sort((a, b) => a - b));
          }
        };
        for (const each of steps) {
          if (each.do === "send") {
            const packs = each.packs.map((pack) =>
              pack.map(({ topic, client, headers, isRequest, size }) => ({
                ...copyOf(topic, client, headers),
                body: Buffer.alloc(size),
                isRequest,
              })),
            );
            sent.push(...packs.flat());
            world.send(...packs);
          } else if (each.do === "take") for (let left = each.count; left > 0; left--) world.take();
          else if (each.do === "wait") world.nowMs += 1000;
          else {
            check();
            world.heard.length = 0;
            from = sent.length;
            world.binding = each.do === "bind" ? bindings[each.by] : undefined;
          }
        }
        check();
        world.takeAll();
      },
    ),
    rounds(500),
  );
});
