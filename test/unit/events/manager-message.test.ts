import { expect, test } from "bun:test";
import type { Channel } from "amqplib";
import { fenceSource } from "../../../src/broker/rabbitmq/events/events-topology.ts";
import { managerMessageIn } from "../../../src/events/manager-message.ts";

const source = "wsmanager.events.manager-a.1";
const beat = {
  ...{ manager: "manager-a", source, sources: [source], snapshotAt: 7, isSettled: true },
  knows: [["manager-b", ["wsmanager.events.manager-b.3", "wsmanager.events.manager-b.4"], 0]],
};

test("a manager's heartbeat names managers and their own sources", () => {
  expect(managerMessageIn({ beat })).toEqual({ beat } as never);
});

test("a heartbeat that names something else is none: what a dead manager leaves is deleted", () => {
  const made = [
    { ...beat, manager: "x".repeat(101) },
    { ...beat, manager: "a.b" },
    { ...beat, manager: "" },
    { ...beat, source: "towsmanager" },
    { ...beat, sources: [source, "wsmanager"] },
    { ...beat, sources: ["wsmanager.events.manager-b.1"] },
    { ...beat, snapshotAt: "7" },
    { ...beat, knows: [["manager-b", ["towsmanager.log"], 0]] },
    { ...beat, knows: [["manager-b", [], null]] },
    { ...beat, knows: [null] },
    { ...beat, knows: "all" },
    null,
    7,
  ];
  for (const each of made) expect(managerMessageIn({ beat: each })).toBeUndefined();
});

test("a fence deletes a source, and nothing that is called otherwise", async () => {
  const deleted: string[] = [];
  const channel = {
    deleteExchange: (name: string) => Promise.resolve(void deleted.push(name)),
  } as unknown as Channel;
  for (const name of ["towsmanager", "wsmanager.events", "x.manager-a.1", "wsmanager.events.manager-a.1.x"])
    await fenceSource(channel, name);
  expect(deleted).toEqual([]);
  await fenceSource(channel, source);
  expect(deleted).toEqual([`${source}.programs`, source]);
});

test("a source that cannot be one is not said to be settled: RabbitMQ would be asked for it", () => {
  expect(managerMessageIn({ settled: source })).toEqual({ settled: source });
  for (const settled of ["", "x".repeat(256), "wsmanager.events.é.1", "a\0", 7, null])
    expect(managerMessageIn({ settled })).toBeUndefined();
});
