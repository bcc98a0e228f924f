import { expect, test } from "bun:test";
import type { ClientSocket } from "../../../../src/gateway/clients/client.ts";
import { Relay } from "../../../../src/gateway/fan-out/relay.ts";
import { Rooms } from "../../../../src/gateway/presence/rooms.ts";
import type { PresenceSource, TopicWatcher } from "../../../../src/gateway/presence/source.ts";
import type { Watcher } from "../../../../src/gateway/presence/watcher.ts";
import { stompEncoding } from "../../../../src/gateway/stomp/encoding.ts";
import { LoopTime } from "../../../../src/ops/loop-time.ts";
import { until } from "../../../support/wait.ts";

const eventIn = (frame: string) =>
  JSON.parse(frame.slice(frame.indexOf("\n\n") + 2, -1)) as {
    readonly event: string;
    readonly count: number;
  };

/** A room with watchers that each have a subscription id of their own, and a clock by which each write takes ten microseconds. */
function crowd(count: number) {
  const members = new Set(["anna"]);
  let told: TopicWatcher | undefined;
  let nowMs = 0;
  let published = 0;
  const source: PresenceSource = {
    watch: (_, watcher) => {
      told = watcher;
      setImmediate(() => watcher.ready());
      return {
        members,
        missing: [],
        hasChanged: false,
        get count() {
          return members.size;
        },
      };
    },
    unwatch: () => undefined,
  };
  const heard = Array.from({ length: count }, () => [] as string[]);
  const keys = heard.map(() => new Set<string>());
  const relay = new Relay();
  relay.publishThrough({
    publish: (key, frame) => {
      published++;
      for (const [index, own] of keys.entries()) if (own.has(key)) heard[index]!.push(frame as string);
    },
  });
  const rooms = new Rooms(
    source,
    relay,
    { room: 64 * 1024, sent: () => undefined },
    new LoopTime(() => nowMs),
  );
  const watchers = heard.map((frames, index) => {
    const socket = {
      getBufferedAmount: () => 0,
      subscribe: (key: string) => keys[index]!.add(key),
      unsubscribe: (key: string) => keys[index]!.delete(key),
      send: (frame: string) => {
        nowMs += 0.01;
        frames.push(frame);
      },
    } as unknown as ClientSocket;
    const encoding = stompEncoding("1.2");
    const request = { socket, topic: "t", mode: "list", encoding, destination: "/presence/t" } as const;
    return rooms.watch({ ...request, subscriptionId: `own-${index}` }) as Watcher;
  });
  return {
    rooms,
    watchers,
    heard,
    join(name: string) {
      members.add(name);
      const before = published;
      told!.changed([name], []);
      return published - before;
    },
  };
}

test("a change that thousands of subscriptions with ids of their own are told of is published to some at once, and to the others by turns", async () => {
  const { rooms, watchers, heard, join } = crowd(2000);
  await until(() => heard.every((frames) => frames.length === 1), "all have the snapshot");
  expect(join("bert")).toBeLessThan(300);
  await until(() => heard.every((frames) => frames.length === 2), "all are told");
  join("carl");
  join("dora");
  await until(() => heard.every((frames) => frames.length === 4), "all are told of what follows");
  for (const frames of heard)
    expect(frames.map(eventIn).map(({ event, count }) => `${event} ${count}`)).toEqual([
      "snapshot 1",
      "joined 2",
      "joined 3",
      "joined 4",
    ]);
  // Where there is room again, they are published to as all are.
  for (const watcher of watchers.slice(0, 1900)) rooms.unwatch(watcher, true);
  join("emil");
  await until(() => watchers.slice(1900).every(({ state }) => state === "live"), "the rest is published to");
  expect(join("fred")).toBe(100);
  rooms.close();
});
