import { expect, test } from "bun:test";
import fc from "fast-check";
import type { ClientSocket } from "../../../../src/gateway/clients/client.ts";
import { Relay } from "../../../../src/gateway/fan-out/relay.ts";
import { Rooms } from "../../../../src/gateway/presence/rooms.ts";
import type { PresenceSource, TopicWatcher } from "../../../../src/gateway/presence/source.ts";
import type { Watcher } from "../../../../src/gateway/presence/watcher.ts";
import { stompEncoding } from "../../../../src/gateway/stomp/encoding.ts";
import { until } from "../../../support/wait.ts";
import { rounds } from "../../doubles/rounds.ts";

/** Long, so that a few dozen of them are more than one part. */
const names = Array.from({ length: 400 }, (_, n) => `${n}-${"n".repeat(200)}`);
const room = 64 * 1024;

/** Knows who is there, and tells it when it is asked to. */
class PlayedSource implements PresenceSource {
  readonly members = new Set<string>();
  readonly missing: readonly string[] = [];
  readonly #told = new Set<string>();
  watcher: TopicWatcher | undefined;

  get count(): number {
    return this.members.size;
  }

  get hasChanged(): boolean {
    return this.members.size !== this.#told.size || [...this.members].some((name) => !this.#told.has(name));
  }

  watch(_topic: string, watcher: TopicWatcher): this {
    this.watcher = watcher;
    this.#remember();
    setImmediate(() => this.watcher?.ready());
    return this;
  }

  unwatch(): void {
    this.watcher = undefined;
  }

  tell(): void {
    const joined = [...this.members].filter((name) => !this.#told.has(name));
    const left = [...this.#told].filter((name) => !this.members.has(name));
    this.#remember();
    this.watcher?.changed(joined, left);
  }

  #remember(): void {
    this.#told.clear();
    for (const name of this.members) this.#told.add(name);
  }
}

/** A client that reads when it is told to, and remembers what it knows. */
class PlayedSocket {
  readonly keys = new Set<string>();
  readonly there = new Set<string>();
  readonly faults: string[] = [];
  #waiting: string[] = [];
  #isReading = true;
  #isBegun = false;
  largest = 0;
  watcher: Watcher | undefined;

  getBufferedAmount(): number {
    return this.#waiting.reduce((sum, { length }) => sum + length, 0);
  }

  send(frame: string): void {
    this.largest = Math.max(this.largest, frame.length);
    if (this.#isReading) this.#take(frame);
    else this.#waiting.push(frame);
  }

  subscribe(key: string): void {
    this.keys.add(key);
  }

  unsubscribe(key: string): void {
    this.keys.delete(key);
  }

  stall(): void {
    this.#isReading = false;
  }

  read(): void {
    this.#isReading = true;
    for (const frame of this.#waiting.splice(0)) this.#take(frame);
  }

  #take(frame: string): void {
    const { event, clients, part, count } = JSON.parse(frame.slice(frame.indexOf("\n\n") + 2, -1));
    if (event === "snapshot") {
      if (part === 1) this.there.clear();
      this.#isBegun = true;
      for (const name of clients) this.there.add(name);
      return;
    }
    if (!this.#isBegun) this.faults.push(`${event} before the snapshot`);
    for (const name of clients) {
      if (event === "joined" && this.there.has(name)) this.faults.push(`${name} joined twice`);
      if (event === "left" && !this.there.has(name)) this.faults.push(`${name} left twice`);
      if (event === "joined") this.there.add(name);
      else this.there.delete(name);
    }
    if (typeof count !== "number") this.faults.push("no count");
  }
}

const some = fc.record({ from: fc.nat(399), count: fc.integer({ min: 1, max: 250 }) });
const socket = fc.nat(3);
const action = fc.oneof(
  { weight: 4, arbitrary: some.map((those) => ({ do: "join" as const, ...those })) },
  { weight: 3, arbitrary: some.map((those) => ({ do: "leave" as const, ...those })) },
  { weight: 5, arbitrary: fc.constant({ do: "tell" as const }) },
  { weight: 4, arbitrary: fc.constant({ do: "turn" as const }) },
  { weight: 4, arbitrary: socket.map((who) => ({ do: "watch" as const, who })) },
  { weight: 1, arbitrary: socket.map((who) => ({ do: "unwatch" as const, who })) },
  { weight: 4, arbitrary: socket.map((who) => ({ do: "stall" as const, who })) },
  { weight: 3, arbitrary: socket.map((who) => ({ do: "read" as const, who })) },
);
type Action = typeof action extends fc.Arbitrary<infer A> ? A : never;

function play(act: Action, source: PlayedSource, rooms: Rooms, sockets: readonly PlayedSocket[]): void {
  if (act.do === "join" || act.do === "leave") {
    for (const name of names.slice(act.from, act.from + act.count))
      if (act.do === "join") source.members.add(name);
      else source.members.delete(name);
    return;
  }
  if (act.do === "tell") source.tell();
  if (act.do === "tell" || act.do === "turn") return;
  const client = sockets[act.who]!;
  if (act.do === "stall") client.stall();
  else if (act.do === "read") {
    client.read();
    if (client.watcher !== undefined) rooms.drained(client.watcher);
  } else if (act.do === "watch" && client.watcher === undefined) {
    client.watcher = rooms.watch({
      socket: client as unknown as ClientSocket,
      topic: "t",
      mode: "list",
      encoding: stompEncoding("1.2"),
      subscriptionId: "s",
      destination: "/presence/t",
    }) as Watcher;
  } else if (act.do === "unwatch" && client.watcher !== undefined) {
    rooms.unwatch(client.watcher, true);
    client.watcher = undefined;
  }
  // As `Backlogs` does.
  if (client.watcher !== undefined) rooms.fallBehind(client.watcher, client.getBufferedAmount());
}

test("a watching client knows all members in the end, however slowly it reads, and is told of none twice", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(action, { maxLength: 50, size: "max" }), async (actions) => {
      const source = new PlayedSource();
      const relay = new Relay();
      const sockets = Array.from({ length: 4 }, () => new PlayedSocket());
      relay.publishThrough({
        publish: (key, body) => {
          for (const client of sockets) if (client.keys.has(key)) client.send(body as string);
        },
      });
      const rooms = new Rooms(source, relay, { room, sent: () => undefined });
      for (const act of actions) {
        play(act, source, rooms, sockets);
        for (const { watcher, getBufferedAmount } of sockets)
          if (watcher !== undefined) rooms.fallBehind(watcher, getBufferedAmount.call(watcher.socket));
        if (act.do === "turn") await new Promise(setImmediate);
      }
      const truth = () => [...source.members].sort().join();
      await until(() => {
        if (source.hasChanged) source.tell();
        for (const client of sockets) {
          client.read();
          if (client.watcher !== undefined) rooms.drained(client.watcher);
        }
        return sockets.every(
          ({ watcher, there }) =>
            watcher === undefined || (watcher.state === "live" && [...there].sort().join() === truth()),
        );
      }, "everybody knows");
      rooms.close();
      expect(sockets.flatMap(({ faults }) => faults)).toEqual([]);
      // A part, and what is published in one go before it is looked at.
      for (const { largest } of sockets) expect(largest).toBeLessThan(34_000);
    }),
    rounds(40),
  );
}, 60_000);

test("a client that subscribes in a loop causes one snapshot, until a member joins or leaves", async () => {
  let made = 0;
  const there = new Set(names);
  let watched: TopicWatcher | undefined;
  const view = {
    get members() {
      made++;
      return there;
    },
    get count() {
      return there.size;
    },
    missing: [],
    hasChanged: false,
  };
  const source: PresenceSource = {
    watch: (_, watcher) => {
      watched = watcher;
      setImmediate(() => watcher.ready());
      return view;
    },
    unwatch: () => undefined,
  };
  const relay = new Relay();
  relay.publishThrough({ publish: () => undefined });
  const rooms = new Rooms(source, relay, { room, sent: () => undefined });
  const watch = (client: PlayedSocket) => {
    const watcher = rooms.watch({
      socket: client as unknown as ClientSocket,
      topic: "t",
      mode: "list",
      encoding: stompEncoding("1.2"),
      subscriptionId: "s",
      destination: "/presence/t",
    });
    if (typeof watcher === "string") throw new Error(watcher);
    return watcher;
  };
  const staying = watch(new PlayedSocket());
  await until(() => staying.state === "live", "the first one knows");
  made = 0;
  const coming = new PlayedSocket();
  for (let round = 0; round < 100; round++) rooms.unwatch(watch(coming), true);
  expect(made).toBe(0);
  there.add("new");
  watched!.changed(["new"], []);
  const last = watch(coming);
  await until(() => last.state === "live", "the last one knows");
  expect([made, coming.there.size]).toEqual([1, names.length + 1]);
  rooms.close();
});
