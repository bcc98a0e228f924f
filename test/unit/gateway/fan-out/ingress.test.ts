import { describe, expect, test } from "bun:test";
import { Share } from "../../../../src/envelope/share.ts";
import type { Waiter } from "../../../../src/envelope/waiter.ts";
import { everything, GrantedPermissions, nothing } from "../../../../src/gateway/auth/permissions.ts";
import type { ClientSocket } from "../../../../src/gateway/clients/client.ts";
import { Holds } from "../../../../src/gateway/clients/holds.ts";
import { Ingress } from "../../../../src/gateway/fan-out/ingress.ts";
import { Once } from "../../../../src/gateway/fan-out/once.ts";
import { Relay } from "../../../../src/gateway/fan-out/relay.ts";
import type { Spread } from "../../../../src/gateway/fan-out/spread.ts";
import { stompEncoding } from "../../../../src/gateway/stomp/encoding.ts";
import { plain } from "../../../../src/gateway/text/encoding.ts";
import type { OutgoingMessage } from "../../../../src/message.ts";

const maxMessageBytes = 8;
const unfit = { reason: "frameSize", why: "its headers fit into no frame" } as const;

/** An ingress that notes in their order the things that a message leads to. */
function noting() {
  const notes: string[] = [];
  const taken: { readonly message: OutgoingMessage; readonly waiter: Waiter | undefined }[] = [];
  const relay = new Relay();
  relay.publishThrough({ publish: (key, body) => void notes.push(`to ${key}: ${body}`) });
  const uplink = {
    freeBytes: 1,
    take(message: OutgoingMessage, _: Share, waiter?: Waiter, waiterBytes = 0) {
      notes.push(`outbox: ${message.body}, ${waiterBytes}`);
      return taken.push({ message, waiter });
    },
    unfitnessOf: ({ headers }: OutgoingMessage) => (headers?.["long"] === undefined ? undefined : unfit),
    isSettled: () => true,
    idOf: (number: number) => {
      notes.push(`id ${number}`);
      return `id-${number}`;
    },
  };
  const nameOf = (socket: ClientSocket) => socket as unknown as string;
  const holds = new Holds();
  const ingress = new Ingress({
    relay,
    uplink,
    shares: {
      published: (socket, { unsentBytes }) => {
        if (unsentBytes >= uplink.freeBytes) notes.push(`hold ${nameOf(socket)}`);
      },
    },
    maxMessageBytes,
    holds,
    once: new Once({ windowMs: 120_000, bytesMax: 1024 ** 2 }),
    count: (socket, messages, bytes) => void notes.push(`count ${nameOf(socket)}: ${messages}, ${bytes}`),
  });
  return { ingress, relay, holds, uplink, notes, taken };
}

const anna = { socket: "anna" as unknown as ClientSocket, excluded: undefined, share: new Share() };
const nobody = { socket: undefined, excluded: undefined, share: new Share() };

describe("a message", () => {
  const { ingress } = noting();
  test.each([
    ["of a size that may be", { body: "12345678", topic: "a" }, everything, undefined],
    [
      "that is too large in bytes, though not in characters",
      { body: "日本語", topic: "a" },
      everything,
      "too large",
    ],
    [
      "to a topic that its sender may not publish to",
      { body: "1", topic: "b" },
      new GrantedPermissions(["a"], []),
      "not allowed",
    ],
    ["of a sender that may do nothing", { body: "1", topic: "a" }, nothing, "not allowed"],
    [
      "that is too large for one that may do nothing",
      { body: "123456789", topic: "a" },
      nothing,
      "too large",
    ],
    ["that RabbitMQ could not carry", { body: "1", topic: "a", headers: { long: "x" } }, everything, unfit],
    [
      "with headers that it carries",
      { body: "1", topic: "a", headers: { short: "x" } },
      everything,
      undefined,
    ],
  ] as const)("%s", (_, message, permissions, objection) => {
    expect(ingress.objectionTo(message, permissions)).toEqual(objection);
  });

  test("goes to the outbox, then to its neighbours with the id that it has there, and is counted last", () => {
    const { ingress, relay, notes } = noting();
    const { key } = relay.audiences.join(
      "a",
      { ...stompEncoding("1.2"), tailOf: ({ body }, id) => `${id} ${body}` },
      "s",
    );
    ingress.take({ body: "hello", topic: "a" }, anna, 5);
    expect(notes.map((note) => note.replace(/\n.*\n/s, "|"))).toEqual([
      "outbox: hello, 0",
      "id 1",
      `to ${key}: MESSAGE|id-1 hello`,
      "count anna: 1, 5",
    ]);
    expect(ingress.takenCount).toBe(1);
  });

  test("gets no id if no encoding shows it, and is not counted again if its frame was", () => {
    const { ingress, relay, notes } = noting();
    const { key } = relay.audiences.join("a", plain, "");
    ingress.take({ body: "hello", topic: "a" }, anna);
    ingress.take({ body: "hello", topic: "nobody is here" }, anna);
    expect(notes).toEqual(["outbox: hello, 0", `to ${key}: hello`, "outbox: hello, 0"]);
  });

  test("holds back its sender while the outbox is full, and one without a connection sees that it is", () => {
    const { ingress, uplink, notes } = noting();
    uplink.freeBytes = 0;
    ingress.take({ body: "1", topic: "a" }, anna, 1);
    expect(notes).toEqual(["outbox: 1, 0", "count anna: 1, 1", "hold anna"]);
    expect(ingress.isFull).toBe(true);
    ingress.take({ body: "2", topic: "a" }, nobody, 1);
    expect(notes.slice(3)).toEqual(["outbox: 2, 0"]);
  });

  test("holds back its sender while it is published to thousands of audiences by turns", async () => {
    const { ingress, relay, holds } = noting();
    for (let index = 0; index < 5000; index++) relay.audiences.join("a", stompEncoding("1.2"), `${index}`);
    const calls: string[] = [];
    const socket = {
      data: {},
      pause: () => calls.push("pause"),
      resume: () => calls.push("resume"),
    } as unknown as ClientSocket;
    ingress.take({ body: "1", topic: "a" }, { ...anna, socket }, 1);
    expect([calls, holds.stops(socket)]).toEqual([["pause"], true]);
    await relay.finish(60_000);
    expect([calls, holds.stops(socket)]).toEqual([["pause", "resume"], false]);
    ingress.take({ body: "1", topic: "b" }, { ...anna, socket }, 1);
    expect(holds.stops(socket)).toBe(false);
  });

  test("of a sender that nothing holds back shares some publishes of a turn with all such, and the rest comes later, in order", async () => {
    const { ingress, relay, notes } = noting();
    const audiences = 600;
    const messages = 20;
    for (let index = 0; index < audiences; index++)
      relay.audiences.join("a", stompEncoding("1.2"), `${index}`);
    const spreads: Spread[] = [];
    const sender = { ...nobody, spreads: (spread: Spread) => void spreads.push(spread) };
    for (let index = 0; index < messages; index++) ingress.take({ body: `${index}`, topic: "a" }, sender);
    const published = () => notes.filter((note) => note.startsWith("to "));
    expect(published()).toHaveLength(1024);
    // The first one has come to all.
    expect(spreads).toHaveLength(messages - 1);
    let done = 0;
    for (const spread of spreads) spread.onDone = () => done++;
    await relay.finish(60_000);
    expect([published().length, done]).toEqual([audiences * messages, messages - 1]);
    const heardBy = Map.groupBy(published(), (note) => note.split(": MESSAGE")[0]);
    for (const heard of heardBy.values())
      expect(heard.map((note) => note.match(/(\d+)\0?$/)?.[1])).toEqual(
        Array.from({ length: messages }, (_, index) => `${index}`),
      );
  });

  test("brings its waiter along, and what that keeps", () => {
    const { ingress, notes, taken } = noting();
    const waiter = { confirmed: () => undefined, setAside: () => undefined };
    ingress.take({ body: "1", topic: "a" }, nobody, undefined, waiter, 100);
    expect(notes).toEqual(["outbox: 1, 100"]);
    expect(taken[0]!.waiter).toBe(waiter);
  });
});
