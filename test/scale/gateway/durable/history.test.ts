import { expect, setDefaultTimeout, test } from "bun:test";
import { integrationTimeoutMs } from "../../../support/timeout.ts";
import { HistoryWorld } from "../../../unit/gateway/durable/history-world.ts";

setDefaultTimeout(integrationTimeoutMs);

test("many that ask at once are served by one reading of the log, and those that ask later by none", async () => {
  const before = Array.from({ length: 3000 }, (_, index) => [`topic.${index % 20}`]);
  const world = new HistoryWorld(1e9, 1e9, before);
  for (let client = 0; client < 200; client++)
    for (let topic = 0; topic < 20; topic++) world.subscribe(`topic.${topic}`, "last");
  await world.settle();
  expect(world.log.readingsMax).toBe(1);
  const readings = world.readFrom.length;
  const peer = world.subscribe("topic.*", "last");
  await world.settle();
  expect(peer.client.texts).toHaveLength(20);
  expect(world.readFrom).toHaveLength(readings);
  for (const each of world.peers.slice(0, 4000)) expect(each.client.texts).toHaveLength(1);
  world.durables.close();
});

test("the newest so many are found near the log's end without reading all of it", async () => {
  const before = Array.from({ length: 20_000 }, (_, index) => [index % 2 === 0 ? "a" : "b"]);
  const world = new HistoryWorld(1e9, 1e9, before);
  const peer = world.subscribe("a", { last: 50 });
  await world.settle();
  expect(peer.client.texts).toHaveLength(50);
  expect(world.faultOf(peer)).toBeUndefined();
  for (const start of world.readFrom) expect(start).toBeGreaterThan(world.log.nextOffset - 5000);
  world.durables.close();
});

test("the newest messages of more topics than a subscription may have are refused with a reason", async () => {
  const world = new HistoryWorld(1e9, 1e9);
  for (let at = 0; at < 10_001; at += 100)
    world.append(Array.from({ length: 100 }, (_, index) => `t.${at + index}`));
  world.subscribe("t.*", "last");
  await world.settle();
  expect(world.refused).toEqual([expect.stringContaining("more than 10000 topics")]);
  const peer = world.subscribe("t.5", "last");
  await world.settle();
  expect(peer.client.texts).toEqual(["5"]);
  world.durables.close();
});

test("what matches many patterns is looked for in parts, and what is said meanwhile is not left out", async () => {
  const topicsOf = (count: number) => Array.from({ length: count }, (_, at) => `t.${at}`);
  const world = new HistoryWorld(1e9, 1e9);
  // So many, for so many clients, take many times as long as a slice.
  for (let at = 0; at < 1000; at += 100) world.append(topicsOf(1000).slice(at, at + 100));
  // Makes the newest messages known.
  world.subscribe("t.0", "last");
  await world.settle();
  const peers = Array.from({ length: 100 }, (_, at) => world.subscribe(at % 2 === 0 ? "#" : "t.1", "last"));
  world.append(["t.999", "t.1", "new"]);
  await world.settle();
  expect(peers.flatMap((peer) => world.faultOf(peer) ?? [])).toEqual([]);
  world.durables.close();
});
