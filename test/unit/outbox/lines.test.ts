import { describe, expect, test } from "bun:test";
import { open } from "../../../src/envelope/envelope.ts";
import { Share } from "../../../src/envelope/share.ts";
import { defaultOutboxLimits } from "../../../src/outbox/limits.ts";
import { Outbox } from "../../../src/outbox/outbox.ts";
import { RecordingLink } from "../doubles/recording-link.ts";
import { turn } from "../doubles/turn.ts";

const limits = { ...defaultOutboxLimits, windowMax: 1, packedWindowMax: 1 };

/** An outbox whose broker takes one envelope at a time, and senders. */
function outboxOf(isPacking = false) {
  const outbox = new Outbox("app", isPacking, limits);
  const shares = new Map<string, Share>();
  const link = new RecordingLink();
  const send = (clientId: string, body: string) => {
    const share = shares.get(clientId) ?? new Share();
    shares.set(clientId, share);
    return outbox.append({ body, topic: "t", clientId }, undefined, 0, share);
  };
  let confirmed = 0;
  /** The broker takes so many envelopes more. */
  const take = async (count: number) => {
    for (let taken = 0; taken < count && !outbox.isEmpty; taken++) {
      // What is not alone may wait some milliseconds for others.
      while (outbox.unconfirmed === 0) await turn();
      outbox.confirmed(++confirmed, true);
    }
  };
  /** The broker is there, and has been so far to take what comes at once. */
  const connect = () => outbox.opened(link);
  return { outbox, link, send, take, connect };
}

const flood = (send: (clientId: string, body: string) => number, clientId: string, count: number) => {
  for (let index = 0; index < count; index++) send(clientId, `${clientId} ${index}`);
};
const sendersOf = (link: RecordingLink) => link.bodies.map((body) => String(body).split(" ")[0]!);
const places = (senders: readonly string[], sender: string) =>
  senders.flatMap((each, place) => (each === sender ? [place] : []));

describe("a sender with little", () => {
  test("is sent at once, though another has thousands of messages waiting", async () => {
    const { outbox, link, send, take, connect } = outboxOf();
    flood(send, "flooder", 5000);
    connect();
    // What the flooder may have waiting among all others is sent first.
    await take(100);
    const before = link.envelopes.length;
    send("honest", "honest 0");
    await take(20);
    const place = sendersOf(link).indexOf("honest") - before;
    expect(place).toBeGreaterThanOrEqual(0);
    expect(place).toBeLessThan(4);
    outbox.close();
  });

  test("is sent soon also beside fifty that flood", async () => {
    const { outbox, link, send, take, connect } = outboxOf(true);
    for (let index = 0; index < 50; index++) flood(send, `flooder-${index}`, 500);
    connect();
    await take(20);
    const before = link.envelopes.length;
    send("honest", "honest 0");
    await take(20);
    const envelopes = link.envelopes.slice(before);
    const place = envelopes.findIndex((envelope) =>
      open(envelope, "?").some(({ clientId }) => clientId === "honest"),
    );
    expect(place).toBeGreaterThanOrEqual(0);
    expect(place).toBeLessThan(4);
    outbox.close();
  });
});

describe("senders with much", () => {
  test("have about as much of the broker as one another, and the others most of it", async () => {
    const { outbox, link, send, take, connect } = outboxOf();
    for (const sender of ["a", "b", "c"]) flood(send, sender, 4000);
    connect();
    await take(1000);
    const before = link.bodies.length;
    for (let index = 0; index < 2000; index++) send(`honest-${index}`, "honest");
    await take(4000);
    const senders = sendersOf(link).slice(before);
    // All of the honest come while an eighth of what is sent is the flooders'.
    expect(places(senders, "honest").at(-1)!).toBeLessThan(2000 * (8 / 7) + 10);
    const counts = ["a", "b", "c"].map((sender) => places(senders, sender).length);
    expect(Math.max(...counts) - Math.min(...counts)).toBeLessThanOrEqual(400);
    outbox.close();
  });

  test("wait no longer when they have stopped: what one has left is sent to the end, in order", async () => {
    const { outbox, link, send, take, connect } = outboxOf();
    flood(send, "flooder", 500);
    connect();
    await take(10_000);
    expect(outbox.isEmpty).toBe(true);
    expect(link.bodies).toEqual(Array.from({ length: 500 }, (_, index) => `flooder ${index}`));
    // It is one among all others again.
    send("flooder", "flooder again");
    send("honest", "honest");
    await take(2);
    expect(link.bodies.slice(-2)).toEqual(["flooder again", "honest"]);
    outbox.close();
  });

  test("keep their order over a second connection of the same client, which has a share of its own", async () => {
    const { outbox, link, take, connect, send } = outboxOf();
    flood(send, "flooder", 300);
    outbox.append({ body: "flooder last", topic: "t", clientId: "flooder" }, undefined, 0, new Share());
    connect();
    await take(400);
    expect(link.bodies.at(-1)).toBe("flooder last");
    outbox.close();
  });
});

test("messages get the ids that were announced, and no two messages have the same id", async () => {
  const { outbox, link, send, take, connect } = outboxOf(true);
  const said = new Map<string, string>();
  for (let round = 0; round < 3; round++) {
    for (let index = 0; index < 200; index++) {
      for (const sender of ["a", "b", "honest"]) {
        if (sender === "honest" && index % 50 > 0) continue;
        const body = `${sender} ${round} ${index}`;
        said.set(body, outbox.idOf(send(sender, body)));
      }
    }
    if (round === 0) connect();
    await take(1000);
  }
  const messages = link.envelopes.flatMap((envelope) => open(envelope, "?"));
  expect(new Map(messages.map(({ body, id }) => [String(body), id]))).toEqual(said);
  expect(new Set(said.values()).size).toBe(said.size);
  expect(messages.every(({ id }) => /^app-(b\d+-)?\d+$/.test(id))).toBe(true);
  outbox.close();
});
