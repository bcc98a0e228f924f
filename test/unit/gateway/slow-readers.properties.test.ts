import { expect, setDefaultTimeout, test } from "bun:test";
import type { Server } from "bun";
import fc from "fast-check";
import { unlimited } from "../../../src/gateway/auth/grant.ts";
import { nobodyTold } from "../../../src/gateway/clients/announcements.ts";
import { Backpressure } from "../../../src/gateway/clients/backpressure.ts";
import type { Client } from "../../../src/gateway/clients/client.ts";
import { Holds } from "../../../src/gateway/clients/holds.ts";
import { Receipts } from "../../../src/gateway/clients/receipts.ts";
import { Roster } from "../../../src/gateway/clients/roster.ts";
import { Seat } from "../../../src/gateway/clients/seat.ts";
import { Shares } from "../../../src/gateway/clients/shares.ts";
import { TimerWheel } from "../../../src/gateway/clients/timer-wheel.ts";
import { Turns } from "../../../src/gateway/clients/turns.ts";
import { Durables } from "../../../src/gateway/durable/durables.ts";
import { Ingress } from "../../../src/gateway/fan-out/ingress.ts";
import { Once } from "../../../src/gateway/fan-out/once.ts";
import { Relay } from "../../../src/gateway/fan-out/relay.ts";
import { Backlogs } from "../../../src/gateway/limits/backlogs.ts";
import { roomFor } from "../../../src/gateway/limits/room.ts";
import { Requests } from "../../../src/gateway/requests/requests.ts";
import { Listeners } from "../../../src/gateway/server/listeners.ts";
import { StompProtocol } from "../../../src/gateway/stomp/stomp.ts";
import { LoopTime } from "../../../src/ops/loop-time.ts";
import { frameLimits } from "../../support/frame-limits.ts";
import { integrationTimeoutMs } from "../../support/timeout.ts";
import { nothingRepeated } from "../doubles/nothing-repeated.ts";
import { rounds } from "../doubles/rounds.ts";
import { turn } from "../doubles/turn.ts";
import { recordOf, ScriptedLog } from "./durable/scripted-log.ts";
import { SlowSocket } from "./slow-socket.ts";

setDefaultTimeout(integrationTimeoutMs);

const mebibyte = 1024 ** 2;
const topics = ["a", "b"];

interface Subscription {
  readonly id: string;
  readonly pattern: string;
  readonly isDurable: boolean;
  /** Of all messages, which was the next when it began. */
  readonly from: number;
  /** And in the log: a RECEIPT would have told it. */
  readonly after: number;
  /** What came on connections that have ended. */
  readonly before: string[];
}

/** Somebody who may lose the connection and come back. */
interface Reader {
  readonly subscriptions: readonly Subscription[];
  socket: SlowSocket;
  /** Bytes in a turn. */
  pace: number;
}

/** A gateway's clients on scripted sockets, all the way from what is said to what each has read. */
class World {
  readonly readers: Reader[] = [];
  readonly said: { readonly topic: string; readonly body: string }[] = [];
  readonly log = new ScriptedLog(5);
  readonly #roster = new Roster();
  readonly #relay = new Relay();
  readonly #backlogs: Backlogs;
  readonly #durables: Durables;
  readonly #protocol: StompProtocol;
  /** The most that ever waited for a client whose subscriptions are durable. */
  mostForDurable = 0;

  constructor(clientBufferBytes: number, windowBytes: number) {
    const wheel = new TimerWheel();
    const holds = new Holds();
    this.#backlogs = new Backlogs(
      { clientBufferBytes, largestBytes: mebibyte, memoryMaxBytes: Number.POSITIVE_INFINITY },
      wheel,
      holds,
      this.#roster,
    );
    const sent = (bytes: number) => this.#backlogs.sent(bytes);
    this.#relay.publishThrough({
      publish: (key, frame) => {
        for (const { socket } of this.readers) socket.published(key, frame as string);
        sent(frame.length);
      },
    });
    const sharedLog = {
      read: this.log.read.bind(this.log),
      mark: this.log.answerMark,
      recordBytesMax: mebibyte,
      ...nothingRepeated(),
    };
    const written = (_: number, waitingBytes: number) => sent(waitingBytes);
    const outlet = { room: roomFor(clientBufferBytes), sent: written };
    const backoff = { firstMs: 1, mostMs: 2 };
    this.#durables = new Durables(sharedLog, this.#relay, windowBytes, backoff, outlet);
    this.#durables.marked(this.log.mark());
    const server = {} as Server<Client>;
    const shares = new Shares(holds, { freeBytes: 1 }, new Backpressure(holds, [], () => false));
    this.#protocol = new StompProtocol({
      protocols: [],
      relay: this.#relay,
      ingress: new Ingress({
        relay: this.#relay,
        uplink: {
          take: () => 0,
          idOf: String,
          isSettled: () => true,
          freeBytes: 1,
          unfitnessOf: () => undefined,
        },
        shares,
        maxMessageBytes: mebibyte,
        holds,
        once: new Once({ windowMs: 120_000, bytesMax: mebibyte }),
        count: () => undefined,
      }),
      clientBufferBytes,
      handshakeTimeoutMs: 10_000,
      messageTimeoutMs: 60_000,
      holds,
      listeners: new Listeners(() => server, sent),
      shares,
      wheel,
      requests: new Requests(wheel),
      sent,
      kept: (bytes) => this.#backlogs.kept(bytes),
      // Time stands still, so that what clients ask for never waits.
      announcements: nobodyTold,
      rooms: undefined,
      turns: new Turns(holds, (socket) => socket.data.left(), new LoopTime(() => 0), {
        deliveredCount: 0,
        publishedCount: 0,
        isFull: false,
      }),
      receipts: new Receipts(new LoopTime()),
      count: () => undefined,
      auth: undefined,
      identified: () => undefined,
      patienceChanged: () => undefined,
      ...frameLimits(mebibyte),
      maxSubscriptions: 10,
      maxTransactionBytes: 8192,
      durables: this.#durables,
    });
  }

  connect(kinds: readonly { readonly pattern: string; readonly isDurable: boolean }[], pace: number): void {
    const subscriptions = kinds.map((kind, index) => ({
      ...kind,
      id: `s${index}`,
      from: this.said.length,
      after: this.log.nextOffset - 1,
      before: [],
    }));
    this.readers.push({
      subscriptions,
      pace,
      socket: this.#open(subscriptions, () => "x-stream-offset:next"),
    });
  }

  /** One that was cut off, or loses its connection now, goes on behind what it has read. Live subscriptions do not. */
  reconnect(reader: Reader): void {
    for (const subscription of reader.subscriptions)
      subscription.before.push(...framesOf(reader.socket, subscription));
    reader.socket.close();
    const durable = reader.subscriptions.filter(({ isDurable }) => isDurable);
    reader.socket = this.#open(durable, ({ before, after }) => {
      const position = before.map((frame) => headerOf(frame, "x-stream-offset")).at(-1);
      return `x-stream-after:${position ?? after}`;
    });
  }

  say(inTopics: readonly string[], size: number): void {
    const record = recordOf(this.log.append(inTopics, 0, size));
    for (const message of record.messages) {
      this.said.push({ topic: message.topic, body: message.body as string });
      this.#relay.toAll(message, message.id);
    }
    this.#durables.logged(record);
  }

  async turn(): Promise<void> {
    for (const { socket } of this.readers) socket.flush();
    await turn();
    for (const { socket, pace, subscriptions } of this.readers) {
      if (subscriptions.every(({ isDurable }) => isDurable))
        this.mostForDurable = Math.max(this.mostForDurable, socket.getBufferedAmount());
      socket.read(pace);
    }
  }

  /** How many durable subscriptions have got everything. */
  get durablesAtEnd(): number {
    const { end } = this.#durables;
    return end.isLate ? 0 : end.count;
  }

  close(): void {
    for (const { socket } of this.readers) socket.close();
    this.#backlogs.close();
    this.#durables.close();
  }

  #open(subscriptions: readonly Subscription[], start: (subscription: Subscription) => string): SlowSocket {
    const seat = new Seat(undefined);
    const client = this.#protocol.admit({
      id: "client",
      grant: unlimited,
      seat,
    });
    const socket = new SlowSocket(client, (closed) => {
      this.#roster.delete(closed);
      this.#backlogs.forget(closed);
    });
    client.opened(socket.asClient);
    this.#roster.add(socket.asClient);
    client.message(socket.asClient, "CONNECT\naccept-version:1.2\n\n\0");
    for (const subscription of subscriptions) {
      const where = subscription.isDurable ? `${start(subscription)}\n` : "";
      client.message(
        socket.asClient,
        `SUBSCRIBE\nid:${subscription.id}\ndestination:/topic/${subscription.pattern}\n${where}\n\0`,
      );
    }
    return socket;
  }
}

function headerOf(frame: string, name: string): string | undefined {
  return new RegExp(`\n${name}:(.*)\n`).exec(frame)?.[1];
}

function framesOf({ frames }: SlowSocket, { id }: Subscription): string[] {
  return frames.filter((frame) => frame.startsWith(`MESSAGE\nsubscription:${id}\n`));
}

const bodyOf = (frame: string) => /\n\n(\d+)\.*\0$/.exec(frame)![1]!;

const subscription = fc.record({ pattern: fc.constantFrom("a", "b", "#"), isDurable: fc.boolean() });
const step = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({
      do: fc.constant("say" as const),
      topics: fc.array(fc.constantFrom(...topics), { minLength: 1, maxLength: 3 }),
      size: fc.constantFrom(10, 1_000, 10_000, 40_000, 200_000),
      times: fc.constantFrom(1, 1, 4, 34),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant("connect" as const),
      kinds: fc.array(subscription, { minLength: 1, maxLength: 4 }),
      pace: fc.constantFrom(0, 5_000, 100_000, 10_000_000),
      isQuick: fc.constantFrom(true, false, false),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant("pace" as const),
      who: fc.nat(),
      pace: fc.constantFrom(0, 0, 20_000, 300_000, 10_000_000),
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("reconnect" as const), who: fc.nat() }) },
  { weight: 1, arbitrary: fc.constant({ do: "cut off" as const }) },
  { weight: 5, arbitrary: fc.constant({ do: "turn" as const }) },
);

async function play(world: World, one: typeof step extends fc.Arbitrary<infer S> ? S : never): Promise<void> {
  const pick = (who: number) => world.readers[who % Math.max(1, world.readers.length)];
  switch (one.do) {
    case "say":
      for (let time = 0; time < one.times; time++) world.say(one.topics, one.size / one.times);
      break;
    case "connect":
      world.connect(one.kinds, one.pace);
      world.readers.at(-1)!.socket.isQuick = one.isQuick;
      break;
    case "pace": {
      const reader = pick(one.who);
      if (reader === undefined) break;
      reader.pace = one.pace;
      reader.socket.isQuick = false;
      break;
    }
    case "reconnect": {
      const reader = pick(one.who);
      if (reader !== undefined) world.reconnect(reader);
      break;
    }
    case "cut off":
      world.log.cutOff();
      break;
    case "turn":
      await world.turn();
      break;
  }
}

test("however slowly a client reads, it gets everything in order: a live one until it is disconnected, a durable one for ever", async () => {
  let cutOffs = 0;
  const tried = rounds(30);
  await fc.assert(
    fc.asyncProperty(
      fc.array(step, { maxLength: 50, size: "max" }),
      fc.constantFrom(16, 64, 1024, 4096),
      fc.constantFrom(50_000, 500_000, 50_000_000),
      async (steps, capKib, windowBytes) => {
        const world = new World(capKib * 1024, windowBytes);
        for (const one of steps) await play(world, one);
        await world.turn();
        for (const reader of world.readers) {
          // What was cut off comes back; what was not is not.
          const isPatient = reader.subscriptions.every(({ isDurable }) => isDurable);
          if (isPatient) expect(reader.socket.isClosed).toBe(false);
          const wasCutOff = reader.socket.isClosed;
          if (wasCutOff) cutOffs++;
          reader.pace = Number.POSITIVE_INFINITY;
          reader.socket.isQuick = true;
        }
        const durable = () =>
          world.readers.flatMap(({ socket, subscriptions }) =>
            socket.isClosed ? [] : subscriptions.filter(({ isDurable }) => isDurable),
          ).length;
        for (let turns = 0; turns < 3000; turns++) {
          await (turns % 50 === 49 ? Bun.sleep(2) : world.turn());
          const isQuiet = world.readers.every(({ socket }) => socket.getBufferedAmount() === 0);
          if (isQuiet && world.durablesAtEnd === durable()) break;
        }
        for (const { socket, subscriptions } of world.readers) {
          for (const subscribed of subscriptions) {
            const { pattern, from, isDurable, before } = subscribed;
            const frames = [...before, ...framesOf(socket, subscribed)];
            const wanted = world.said
              .slice(from)
              .filter(({ topic }) => pattern === "#" || pattern === topic)
              .map(({ body }) => /^\d+/.exec(body)![0]);
            const got = frames.map(bodyOf);
            // A live one ends with its connection.
            const isWhole = isDurable ? !socket.isClosed : !socket.isClosed && before.length === 0;
            if (isDurable && isWhole) expect(got).toEqual(wanted);
            else expect(got).toEqual(wanted.slice(0, got.length));
            expect(frames.some((frame) => frame.includes("x-stream-gap"))).toBe(false);
          }
        }
        // What is sent between two looks, a message, and what Bun has queued.
        expect(world.mostForDurable).toBeLessThan(roomFor(capKib * 1024) + 3 * mebibyte);
        world.close();
      },
    ),
    tried,
  );
  expect(cutOffs).toBeGreaterThan(tried.numRuns / 6);
});
