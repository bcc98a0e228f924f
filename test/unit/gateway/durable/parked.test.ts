import { expect, jest, test } from "bun:test";
import { Parked } from "../../../../src/gateway/durable/parked.ts";
import type { DurableSubscription } from "../../../../src/gateway/durable/subscription.ts";
import { makeFakeClock } from "../../doubles/fake-clock.ts";

const { step } = makeFakeClock();

const unread = () => ({ isDrained: false, awaitRoom: () => undefined }) as unknown as DurableSubscription;

test("one whose client has read goes on within a quarter of a second, though nobody tells that it has", () => {
  const wentOn: (number | undefined)[] = [];
  const parked = new Parked((subscription) => wentOn.push(parked.take(subscription)));
  const [one, other] = [unread(), unread()];
  parked.add(one, 7);
  parked.add(other, 8);
  step(1000);
  expect(wentOn).toEqual([]);
  Object.assign(other, { isDrained: true });
  step(250);
  expect(wentOn).toEqual([8]);
  expect(parked.count).toBe(1);
  Object.assign(one, { isDrained: true });
  step(250);
  expect(wentOn).toEqual([8, 7]);
});

test("nothing is looked at while there is nobody, or after the end", () => {
  const parked = new Parked(() => undefined);
  const one = unread();
  parked.add(one, undefined);
  expect(jest.getTimerCount()).toBe(1);
  parked.take(one);
  expect(jest.getTimerCount()).toBe(0);
  parked.add(one, undefined);
  parked.close();
  expect(jest.getTimerCount()).toBe(0);
});
