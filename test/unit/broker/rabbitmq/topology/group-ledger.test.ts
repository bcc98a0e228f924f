import { expect, jest, test } from "bun:test";
import { EventEmitter } from "node:events";
import type { Channel } from "amqplib";
import { followGroups } from "../../../../../src/broker/rabbitmq/topology/group-ledger.ts";
import { makeFakeClock } from "../../../doubles/fake-clock.ts";

const clock = makeFakeClock();

test("a mark that reached nothing, since the ledger was not bound yet, is written again, and no more on a closed channel", async () => {
  const marks: { readonly messageId: string; readonly mandatory: boolean }[] = [];
  const events = new EventEmitter();
  const channel = Object.assign(events, {
    prefetch: async () => await Promise.resolve(),
    consume: async () => await Promise.resolve(),
    publish: (_exchange: string, _key: string, _body: Buffer, mark: (typeof marks)[number]) => {
      marks.push(mark);
      return true;
    },
  }) as unknown as Channel;
  const nothing = () => undefined;
  await followGroups(channel, nothing, nothing, nothing);
  expect(marks).toMatchObject([{ mandatory: true }]);
  const [{ messageId }] = marks as [(typeof marks)[number]];
  events.emit("return", { properties: { messageId: "another one" } });
  clock.step(1000);
  expect(marks).toHaveLength(1);
  events.emit("return", { properties: { messageId } });
  clock.step(100);
  expect(marks.map((mark) => mark.messageId)).toEqual([messageId, messageId]);
  events.emit("return", { properties: { messageId } });
  events.emit("close");
  clock.step(1000);
  expect(marks).toHaveLength(2);
  expect(jest.getTimerCount()).toBe(0);
});
