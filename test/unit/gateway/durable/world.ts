import { expect } from "bun:test";
import fc from "fast-check";
import { fingerprintOf } from "../../../../src/envelope/fingerprint.ts";
import { Durables } from "../../../../src/gateway/durable/durables.ts";
import { plainOutlet } from "../../../../src/gateway/durable/outflow.ts";
import type { DurableSubscription } from "../../../../src/gateway/durable/subscription.ts";
import { Relay } from "../../../../src/gateway/fan-out/relay.ts";
import { stompEncoding } from "../../../../src/gateway/stomp/encoding.ts";
import { isAfter, type Position, startAfter, startAt } from "../../../../src/log/position.ts";
import { LoopTime } from "../../../../src/ops/loop-time.ts";
import { nothingRepeated } from "../../doubles/nothing-repeated.ts";
import { turn } from "../../doubles/turn.ts";
import { ScriptedClient } from "./scripted-client.ts";
import { type Entry, recordOf, ScriptedLog } from "./scripted-log.ts";

/** Where a client wants to begin, and in which life of the log it said so. */
export interface Wants {
  readonly pattern: string;
  epoch: number;
  /** Undefined until it is in force, for one that begins with what comes then. */
  start: "first" | Position | undefined;
}

export interface Peer {
  readonly client: ScriptedClient;
  readonly subscription: DurableSubscription;
  readonly wants: Wants;
  /** What it had got when it left. */
  leftWith?: number;
}

/**
 * A manager's durable subscriptions on a scripted log, and the clients that have them. The log's lives are told apart: a new one
 * begins whenever something is lost, be it that the log dropped it or that it was deleted.
 */
export class World {
  readonly log: ScriptedLog;
  readonly durables: Durables;
  readonly peers: Peer[] = [];
  /** What there is in each life of the log. */
  readonly epochs: Entry[][] = [[]];
  subscribed = 0;
  /** Where subscriptions were told to go on that got nothing, and in which life of the log. */
  readonly #told: { readonly after: string; readonly life: number }[] = [];
  /** A record or mark has come in this life. */
  isFollowed = true;

  /**
   * @param publishedMax what is published in one turn of the event loop to those at the log's end
   * @param now the clock of the event loop
   */
  constructor(windowBytes: number, firstOffset: number, publishedMax?: number, now?: () => number) {
    this.log = new ScriptedLog(firstOffset);
    const relay = new Relay();
    relay.publishThrough({
      publish: (key, frame) => {
        for (const { client } of this.peers) if (client.keys.has(key)) client.socket.send(frame as string);
      },
    });
    const sharedLog = {
      read: this.log.read.bind(this.log),
      mark: this.log.answerMark,
      recordBytesMax: 1024 ** 2,
      ...nothingRepeated(),
    };
    this.durables = new Durables(
      sharedLog,
      relay,
      windowBytes,
      { firstMs: 1, mostMs: 2 },
      plainOutlet,
      undefined,
      new LoopTime(now),
      publishedMax,
    );
  }

  /** @param life of the log that its position is of, if it has one */
  subscribe(
    pattern: string,
    start: "first" | "next" | Position,
    reads: boolean,
    life = this.epochs.length - 1,
  ): void {
    const client = new ScriptedClient();
    client.isReading(reads);
    const wants: Wants = {
      pattern,
      epoch: life,
      start: start === "next" ? undefined : start,
    };
    const subscription = this.durables.add({
      socket: client.socket,
      clientId: "client",
      subscriptionId: "s",
      encoding: stompEncoding("1.2"),
      pattern,
      start,
      onSubscribed: (after) => {
        this.subscribed++;
        if (after !== undefined) this.#told.push({ after, life: this.#lifeOf(after, wants) });
        // What is appended later comes all the same.
        if (start !== "next") return;
        wants.epoch = this.epochs.length - 1;
        wants.start = { offset: this.log.nextOffset - 1, index: Number.POSITIVE_INFINITY };
      },
    });
    this.peers.push({ client, subscription, wants });
  }

  /** It may be told what it has said itself, and hear of the gap with its first message. */
  #lifeOf(after: string, { start, epoch }: Wants): number {
    const isItsOwn = typeof start === "object" && start.offset === startAfter(after)!.offset;
    return isItsOwn ? epoch : this.epochs.length - 1;
  }

  /** As one that left before it got anything; false if there was none. */
  subscribeAsTold(pattern: string, at: number, reads: boolean): boolean {
    const told = this.#told[Math.floor(at * this.#told.length)];
    if (told === undefined) return false;
    this.subscribe(pattern, startAfter(told.after)!, reads, told.life);
    return true;
  }

  /** The log has reached a mark. */
  mark(): void {
    this.isFollowed = true;
    const offset = this.log.mark();
    this.durables.marked(offset, fingerprintOf(this.log.entries.at(-1)!.envelope));
  }

  leave(peer: Peer | undefined): void {
    if (peer === undefined || peer.leftWith !== undefined) return;
    this.durables.remove(peer.subscription, true);
    peer.leftWith = peer.client.frames.length;
  }

  append(topics: readonly string[], skip: number): void {
    const entry = this.log.append(topics, skip);
    this.epochs.at(-1)!.push(entry);
    this.isFollowed = true;
    this.durables.logged(recordOf(entry));
  }

  /** Its followers were overtaken: what came since is gone, and so is all before it. */
  drop(count: number): void {
    for (let dropped = 0; dropped < count; dropped++) this.log.append(["a"], 0);
    this.log.keptFrom = this.log.nextOffset;
    this.log.cutOff();
    this.#lives("dropped");
  }

  deleteLog(): void {
    this.log.beginAnew();
    this.#lives("another log");
  }

  #lives(why: "dropped" | "another log"): void {
    this.epochs.push([]);
    this.isFollowed = false;
    this.durables.missed(why);
  }

  /** The texts that a client should have got by now, in each life of the log. */
  expected({ pattern, start, epoch }: Wants): string[][] {
    return this.epochs.map((entries, life) => {
      if (life < epoch) return [];
      const texts: string[] = [];
      for (const entry of entries) {
        const { offset, messages } = recordOf(entry);
        for (const [index, { topic, body }] of messages.entries()) {
          const isWanted = pattern === "#" || pattern === topic;
          const isDue =
            life > epoch || start === "first" || (start !== undefined && isAfter(start, offset, index));
          if (isWanted && isDue && (life > 0 || offset >= this.firstKept)) texts.push(String(body));
        }
      }
      return texts;
    });
  }

  /** What the log had dropped before it all began. */
  firstKept = 0;

  check({ client, wants, leftWith }: Peer): void {
    const lives = this.expected(wants);
    const { texts, gaps } = client;
    let at = 0;
    let isAfterGap =
      wants.epoch === 0 && wants.start !== "first" && (wants.start?.offset ?? 0) < this.firstKept;
    const told: number[] = [];
    const mayBeTold: number[] = [];
    for (const [life, expected] of lives.entries()) {
      // A life that has ended may have ended before it had all of it.
      const got = texts.slice(at).findIndex((text, index) => text !== expected[index]);
      const count = got < 0 ? texts.length - at : got;
      if (life === lives.length - 1 && leftWith === undefined) expect(texts.slice(at)).toEqual(expected);
      if (count > 0 && isAfterGap) told.push(at);
      else if (count > 0 && life > wants.epoch && at === 0) mayBeTold.push(at);
      if (count > 0) isAfterGap = false;
      at += count;
      // Who wanted all that there is, and has got nothing of what is gone, may be told or not.
      if (life >= wants.epoch && (at > 0 || wants.start !== "first")) isAfterGap = true;
    }
    expect(at).toBe(texts.length);
    expect(gaps.filter((gap) => !mayBeTold.includes(gap))).toEqual(told);
    if (leftWith !== undefined) expect(client.frames.length).toBe(leftWith);
  }
}

const topics = fc.constantFrom("a", "b");
export const step = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constant("append" as const),
      topics: fc.array(topics, { minLength: 1, maxLength: 4 }),
      skip: fc.constantFrom(0, 0, 0, 2),
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("append many" as const), count: fc.nat(900) }) },
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constant("subscribe" as const),
      pattern: fc.constantFrom("a", "b", "#"),
      at: fc.double({ min: 0, max: 1, noNaN: true }),
      how: fc.constantFrom("first", "next", "after", "at", "as told"),
      livesAgo: fc.constantFrom(0, 0, 0, 1, 2),
      reads: fc.constantFrom(true, true, false),
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("stop reading" as const), who: fc.nat() }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("read again" as const), who: fc.nat() }) },
  {
    weight: 1,
    arbitrary: fc.record({
      do: fc.constant("read a little" as const),
      who: fc.nat(),
      room: fc.integer({ min: 1, max: 4000 }),
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("leave" as const), who: fc.nat() }) },
  { weight: 1, arbitrary: fc.constant({ do: "cut off" as const }) },
  {
    weight: 1,
    arbitrary: fc.record({ do: fc.constant("drop" as const), count: fc.integer({ min: 1, max: 3 }) }),
  },
  { weight: 1, arbitrary: fc.constant({ do: "delete the log" as const }) },
  { weight: 1, arbitrary: fc.constant({ do: "mark" as const }) },
  { weight: 4, arbitrary: fc.constant({ do: "turn" as const }) },
);
export type Step = typeof step extends fc.Arbitrary<infer S> ? S : never;
type Subscribing = Extract<Step, { readonly do: "subscribe" }>;

/** The position of a message somewhere in what a life of the log had, by a number from 0 to 1. */
function positionAt({ epochs }: World, life: number, at: number): string | undefined {
  const records = epochs[life]!;
  const entry = records[Math.floor(at * records.length)];
  if (entry === undefined) return undefined;
  const record = recordOf(entry);
  return record.positionOf(Math.floor(at * 997) % record.messages.length);
}

function subscribe(world: World, { how, at, pattern, reads, livesAgo }: Subscribing): void {
  const life = Math.max(0, world.epochs.length - 1 - livesAgo);
  const position = positionAt(world, life, at);
  if (how === "first" || how === "next") world.subscribe(pattern, how, reads);
  else if (how === "as told" && world.subscribeAsTold(pattern, at, reads)) return;
  else if (position === undefined) world.subscribe(pattern, "next", reads);
  else {
    const start = (how === "after" ? startAfter(position) : startAt(position)) as Position;
    world.subscribe(pattern, start, reads, life);
  }
}

export async function play(world: World, one: Step): Promise<void> {
  const pick = (who: number) => world.peers[who % Math.max(1, world.peers.length)];
  switch (one.do) {
    case "append":
      world.append(one.topics, one.skip);
      break;
    case "append many":
      for (let count = 0; count < one.count; count++) world.append(count % 5 === 0 ? ["b", "a"] : ["a"], 0);
      break;
    case "subscribe":
      subscribe(world, one);
      break;
    case "stop reading":
      // Natively published messages come all the same: Bun keeps or closes, and neither is of interest here.
      pick(one.who)?.client.isReading(false);
      break;
    case "read again": {
      const chosen = pick(one.who);
      if (chosen === undefined || chosen.leftWith !== undefined) break;
      chosen.client.isReading(true);
      world.durables.drained(chosen.subscription);
      break;
    }
    case "read a little": {
      const chosen = pick(one.who);
      if (chosen === undefined || chosen.leftWith !== undefined) break;
      chosen.client.networkTakes(one.room);
      world.durables.drained(chosen.subscription);
      break;
    }
    case "leave":
      world.leave(pick(one.who));
      break;
    case "cut off":
      world.log.cutOff();
      break;
    case "drop":
      world.drop(one.count);
      break;
    case "delete the log":
      world.deleteLog();
      break;
    case "mark":
      world.mark();
      break;
    case "turn":
      await turn();
      break;
  }
}
