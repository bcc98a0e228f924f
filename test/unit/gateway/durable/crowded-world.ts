import { expect } from "bun:test";
import { stompEncoding } from "../../../../src/gateway/stomp/encoding.ts";
import { type Position, type Start, startAfter, startAt } from "../../../../src/log/position.ts";
import type { SeededRandom } from "../../../support/seeded-random.ts";
import { turn } from "../../doubles/turn.ts";
import { type Asked, check } from "./crowded-book.ts";
import { CrowdedLog, clientIds, patterns } from "./crowded-log.ts";
import { type Connection, CrowdedManager } from "./crowded-manager.ts";
import { SlowClient } from "./slow-client.ts";

const clientsMax = 8;
const subscriptionsMax = 4;
/** When more than this waits for a client to which something was published, its subscriptions leave the log's end. In characters. */
const crowdedAt = 500;
const all = Number.POSITIVE_INFINITY;

/** Managers on one log, and clients with several subscriptions each that read a little at a time and go from one manager to another. */
export class CrowdedWorld {
  readonly #random: SeededRandom;
  readonly #log: CrowdedLog;
  readonly #managers: CrowdedManager[] = [];
  readonly #connections: Connection[] = [];
  /** Whether the log drops its oldest part now and then. Then it would not be known what the newest messages were. */
  readonly #drops: boolean;
  readonly counts = { got: 0, moves: 0, gaps: 0 };

  constructor(random: SeededRandom) {
    this.#random = random;
    this.#log = new CrowdedLog(random);
    this.#drops = random.isOnceIn(2);
    this.#log.sayFirst();
    for (let count = 2 + random.below(2); count > 0; count--)
      this.#managers.push(new CrowdedManager(this.#log, random));
  }

  async play(): Promise<void> {
    for (let count = this.#random.below(3); count >= 0; count--) this.#come();
    for (let steps = 10 + this.#random.below(60); steps > 0; steps--) await this.#step();
  }

  async #step(): Promise<void> {
    const random = this.#random;
    const who = random.below(Math.max(1, this.#connections.length));
    const kind = random.below(20);
    if (kind < 4) this.#log.say();
    else if (kind < 6) random.of(this.#managers).follow(1 + random.below(6));
    else if (kind < 8) for (const manager of this.#managers) manager.follow(all);
    else if (kind < 10) this.#come();
    else if (kind < 13) for (const each of this.#connections) this.#reads(each, random.below(4000));
    else if (kind < 14 && random.isOnceIn(2)) this.#reads(this.#connections[who], random.of([50, all]));
    else if (kind < 15) this.#move(who);
    else if (kind < 16 && random.isOnceIn(4)) this.#log.cutOff();
    else if (kind < 16 && this.#drops) this.#loses();
    else if (kind < 17 && random.isOnceIn(60)) this.#log.sayMuch();
    else for (let turns = random.below(12); turns >= 0; turns--) await turn();
    if (random.isOnceIn(40)) await Bun.sleep(2);
  }

  /** The log drops its oldest part, which some managers may not have read, or is deleted. */
  #loses(): void {
    if (this.#random.isOnceIn(4)) {
      this.#beginAnew();
      return;
    }
    const last = this.#log.entries.at(-1)?.offset ?? 0;
    this.#log.keptFrom = Math.max(this.#log.keptFrom, this.#random.below(last + 1));
    this.#log.cutOff();
  }

  #beginAnew(): void {
    this.#log.beginAnew();
    for (const manager of this.#managers) manager.beginAnew();
  }

  /** A client comes that is new. */
  #come(): void {
    const random = this.#random;
    if (this.#connections.length >= clientsMax) return;
    const clientId = random.of(clientIds);
    const wishes: Asked[] = [];
    for (let count = 1 + random.below(subscriptionsMax); count > 0; count--)
      wishes.push({
        clientId,
        subscriptionId: `${count}`,
        pattern: random.of(patterns),
        ...this.#start(),
        told: undefined,
        askedAt: -1,
        answeredAt: -1,
        got: [],
        readTo: undefined,
        gotBefore: 0,
      });
    this.#connections.push(this.#connect(wishes));
  }

  #start(): Pick<Asked, "start" | "place"> {
    const random = this.#random;
    const position = this.#log.somewhere();
    if (random.isOnceIn(3) || position === undefined)
      return { start: "first", place: { offset: -1, index: 0 } };
    if (random.isOnceIn(4)) return { start: "next", place: undefined };
    if (!this.#drops && random.isOnceIn(3)) {
      const start = random.of<Start>(["last", { last: 1 + random.below(20) }]);
      return { start, place: undefined };
    }
    const start = (random.isOnceIn(2) ? startAt(position) : startAfter(position)) as Position;
    return { start, place: { offset: this.#log.ofAll(start.offset), index: start.index } };
  }

  #connect(wishes: readonly Asked[]): Connection {
    const manager = this.#random.of(this.#managers);
    const client = new SlowClient(() => {
      if (!manager.connections.has(connection) || client.waiting <= crowdedAt) return;
      for (const { durable } of connection.subscriptions) manager.durables.fallBehind(durable);
    });
    client.takes(this.#random.of([0, 100, 1000, all]));
    const subscriptions = wishes.map((asked) => ({
      asked,
      durable: this.#subscribe(asked, client, manager),
    }));
    const connection: Connection = { client, manager, subscriptions };
    manager.connections.add(connection);
    return connection;
  }

  #subscribe(asked: Asked, { socket }: SlowClient, manager: CrowdedManager) {
    const isNew = asked.readTo === undefined;
    const last = asked.readTo ?? asked.told;
    if (isNew) asked.askedAt = manager.lastOffset;
    return manager.durables.add({
      socket,
      clientId: asked.clientId,
      subscriptionId: asked.subscriptionId,
      encoding: stompEncoding("1.2"),
      pattern: asked.pattern,
      start: last === undefined ? asked.start : startAfter(last)!,
      onSubscribed: (after) => {
        if (!isNew) return;
        asked.answeredAt = manager.lastOffset;
        if (asked.told !== undefined || after === undefined) return;
        asked.told = after;
        const { offset, index } = startAfter(after)!;
        if (asked.start === "next") asked.place = { offset: this.#log.ofAll(offset), index };
      },
    });
  }

  #reads(connection: Connection | undefined, count: number): void {
    if (connection === undefined || !connection.client.takes(count)) return;
    for (const { durable } of connection.subscriptions) connection.manager.durables.drained(durable);
  }

  /** A client goes to another manager, or comes back to the same one, with what it has read in full. */
  #move(who: number): void {
    const connection = this.#connections[who];
    if (connection === undefined) return;
    this.#disconnect(connection);
    this.counts.moves++;
    const wishes = connection.subscriptions.map(({ asked }) => asked);
    for (const asked of wishes)
      asked.gotBefore ||= asked.readTo === asked.got.at(-1)?.position ? asked.got.length : all;
    this.#connections[who] = this.#connect(wishes);
  }

  #disconnect(connection: Connection): void {
    const { client, manager, subscriptions } = connection;
    // A poll that has got everything is told where the log ends.
    const asksForEnd = client.hasReadAll && this.#random.isOnceIn(2);
    const { read } = client;
    for (const { asked, durable } of subscriptions) {
      const end = asksForEnd ? manager.durables.placeOf(durable) : undefined;
      manager.durables.remove(durable, true);
      const got = read.filter(({ subscriptionId }) => subscriptionId === asked.subscriptionId);
      asked.got.push(...got);
      asked.readTo = end ?? got.at(-1)?.position ?? asked.readTo;
    }
    manager.connections.delete(connection);
  }

  /** Goes on until everybody has everything. */
  async finish(): Promise<void> {
    for (let turns = 0; !this.#managers.every(({ isDone }) => isDone); turns++) {
      if (turns > 3000) throw new Error(`not done: ${JSON.stringify(this.#managers.map(countsOf))}`);
      for (const manager of this.#managers) manager.follow(all);
      // Some wait for a message to tell of a gap with.
      if (turns % 60 === 59) this.#log.sayToAll();
      for (const each of this.#connections) this.#reads(each, this.#random.of([2000, all]));
      await (turns % 20 === 19 ? Bun.sleep(2) : turn());
    }
    await turn();
    for (const each of this.#connections) this.#reads(each, all);
  }

  /** Everybody has got what the book says, and nothing is left behind when all have gone. */
  check(): void {
    for (const connection of this.#connections) {
      this.#disconnect(connection);
      for (const { asked } of connection.subscriptions) {
        check(asked, this.#log);
        this.counts.got += asked.got.length;
        this.counts.gaps += asked.got.filter(({ isAfterGap }) => isAfterGap).length;
      }
    }
    for (const manager of this.#managers) expect(countsOf(manager)).toEqual([0, 0, 0, 0, 0]);
  }

  close(): void {
    for (const { durables } of this.#managers) durables.close();
  }
}

const countsOf = ({ durables }: CrowdedManager) => Object.values(durables.counts);
