import { expect, test } from "bun:test";
import fc from "fast-check";
import { Relay } from "../../../../../src/gateway/relay.ts";
import { Durables } from "../../../../../src/gateway/stomp/durable/durables.ts";
import type { DurableSubscription } from "../../../../../src/gateway/stomp/durable/subscription.ts";
import {
  isBehind,
  type Position,
  positionText,
  type Start,
  startAfter,
  startAt,
} from "../../../../../src/log/position.ts";
import { seeded } from "../../../doubles/seeded.ts";
import { turn } from "../../../doubles/turn.ts";
import { ScriptedClient } from "./scripted-client.ts";
import { recordOf, ScriptedLog } from "./scripted-log.ts";

/** A manager's durable subscriptions on a scripted log, and the clients that have them. */
class World {
  readonly log: ScriptedLog;
  readonly durables: Durables;
  readonly clients: {
    readonly client: ScriptedClient;
    readonly subscription: DurableSubscription;
    readonly wants: Wants;
  }[] = [];
  inForce = 0;

  constructor(windowBytes: number, firstOffset: number) {
    this.log = new ScriptedLog(firstOffset);
    const relay = new Relay();
    relay.serveBy({
      publish: (key, frame) => {
        for (const { client } of this.clients) if (client.keys.has(key)) client.socket.send(frame as string);
      },
    });
    const sharedLog = {
      read: this.log.read.bind(this.log),
      mark: (then: (offset: number) => void) => void setImmediate(() => then(this.log.mark())),
      recordBytesMax: 1024 ** 2,
    };
    this.durables = new Durables(sharedLog, relay, windowBytes, { firstMs: 1, mostMs: 2 });
  }

  subscribe(pattern: string, start: Exclude<Start, { readonly timestamp: number }>): void {
    const client = new ScriptedClient();
    // Where it begins, as of now: whatever is appended later comes all the same.
    const wants = {
      pattern,
      start: start === "next" ? { offset: this.log.nextOffset - 1, index: Number.POSITIVE_INFINITY } : start,
    };
    const subscription = this.durables.add({
      socket: client.socket,
      clientId: "client",
      subscriptionId: "s",
      version: "1.2",
      pattern,
      start,
      onInForce: () => this.inForce++,
    });
    this.clients.push({ client, subscription, wants });
  }

  /** What a client should have got by now. */
  expected({ pattern, start }: Wants): string[] {
    const positions: string[] = [];
    for (const entry of this.log.entries) {
      const { offset, messages } = recordOf(entry);
      for (const [index, { topic }] of messages.entries()) {
        const isWanted = pattern === "#" || pattern === topic;
        const isDue = start === "first" || isBehind(start, offset, index);
        if (isWanted && isDue && offset >= this.log.keptFrom)
          positions.push(positionText(offset, index, messages.length));
      }
    }
    return positions;
  }
}

interface Wants {
  readonly pattern: string;
  readonly start: "first" | Position;
}

const topics = fc.constantFrom("a", "b");
const step = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constant("append" as const),
      topics: fc.array(topics, { minLength: 1, maxLength: 4 }),
      skip: fc.constantFrom(0, 0, 0, 2),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant("subscribe" as const),
      pattern: fc.constantFrom("a", "b", "#"),
      at: fc.double({ min: 0, max: 1, noNaN: true }),
      how: fc.constantFrom("first", "next", "after", "at"),
      reads: fc.constantFrom(true, true, false),
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("stop reading" as const), who: fc.nat() }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("read again" as const), who: fc.nat() }) },
  { weight: 1, arbitrary: fc.constant({ do: "cut off" as const }) },
  { weight: 3, arbitrary: fc.constant({ do: "turn" as const }) },
);

/** The position of a message somewhere in the log, by a number from 0 to 1. */
function positionAt(log: ScriptedLog, at: number): string | undefined {
  const records = log.entries.filter(({ exchange }) => exchange === "wsmanager");
  const entry = records[Math.floor(at * records.length)];
  if (entry === undefined) return undefined;
  const { messages } = recordOf(entry);
  return positionText(entry.offset, Math.floor(at * 997) % messages.length, messages.length);
}

function startFor(log: ScriptedLog, how: string, at: number): Parameters<World["subscribe"]>[1] {
  const position = positionAt(log, at);
  if (how === "first" || how === "next") return how;
  if (position === undefined) return "next";
  return (how === "after" ? startAfter(position) : startAt(position)) as Position;
}

test("every durable subscription gets every message from its place on, once and in order, whatever happens", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(step, { maxLength: 80, size: "max" }),
      fc.nat(12),
      fc.nat(12),
      fc.constantFrom(1_000, 6_000, 1_000_000),
      async (steps, before, dropped, windowBytes) => {
        const world = new World(windowBytes, 5);
        for (let count = 0; count < before; count++)
          world.log.append(count % 3 === 0 ? ["a", "b", "a"] : ["a"], count % 2);
        world.log.keptFrom = world.log.entries[Math.min(dropped, before - 1)]?.offset ?? 0;
        world.durables.marked(world.log.mark());
        for (const one of steps) await play(world, one);
        for (const { client, subscription } of world.clients) {
          client.isReading(true);
          world.durables.drained(subscription);
        }
        const isDone = () =>
          world.clients.every(({ subscription }) => subscription.state.is === "at the end");
        // Those that wait to tell of a gap with a message need one.
        for (let turns = 0; turns < 400 && !isDone(); turns++) {
          if (turns % 50 === 40) world.durables.logged(recordOf(world.log.append(["a", "b"], 0)));
          await (turns % 20 === 19 ? Bun.sleep(2) : turn());
          for (const { subscription } of world.clients) world.durables.drained(subscription);
        }
        for (const { client, subscription, wants } of world.clients) {
          expect(subscription.state.is).toBe("at the end");
          expect(client.positions).toEqual(world.expected(wants));
          const isGap = wants.start !== "first" && wants.start.offset < world.log.keptFrom;
          expect(client.gaps).toEqual(isGap && client.positions.length > 0 ? [0] : []);
        }
        expect(world.inForce).toBe(world.clients.length);
        expect(world.log.readingsMax).toBeLessThanOrEqual(4);
        world.durables.close();
      },
    ),
    { ...seeded, numRuns: 120 },
  );
});

async function play(world: World, one: typeof step extends fc.Arbitrary<infer S> ? S : never): Promise<void> {
  const pick = (who: number) => world.clients[who % Math.max(1, world.clients.length)];
  switch (one.do) {
    case "append":
      world.durables.logged(recordOf(world.log.append(one.topics, one.skip)));
      break;
    case "subscribe":
      world.subscribe(one.pattern, startFor(world.log, one.how, one.at));
      world.clients.at(-1)!.client.isReading(one.reads);
      break;
    case "stop reading":
      // Natively published messages come all the same: Bun keeps or closes, and neither is of interest here.
      pick(one.who)?.client.isReading(false);
      break;
    case "read again": {
      const chosen = pick(one.who);
      chosen?.client.isReading(true);
      if (chosen !== undefined) world.durables.drained(chosen.subscription);
      break;
    }
    case "cut off":
      world.log.cutOff();
      break;
    case "turn":
      await turn();
      break;
  }
}
