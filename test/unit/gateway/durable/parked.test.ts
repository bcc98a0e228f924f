import { expect, jest, test } from "bun:test";
import { Parked } from "../../../../src/gateway/durable/parked.ts";
import type { DurableSubscription } from "../../../../src/gateway/durable/subscription.ts";
import { makeFakeClock } from "../../doubles/fake-clock.ts";

const { step } = makeFakeClock();

/** A subscription of a client that has yet to read. */
function unread() {
  const subscription = { isDrained: false, isSlow: false, awaitRoom: () => undefined, wasSlow };
  function wasSlow() {
    subscription.isSlow = true;
  }
  return subscription as unknown as DurableSubscription & { readonly isSlow: boolean };
}

test("one whose client has read goes on within a third of a second, though nobody tells that it has", () => {
  const wentOn: (number | undefined)[] = [];
  const parked = new Parked((subscription) => wentOn.push(parked.take(subscription)));
  const [one, other] = [unread(), unread()];
  parked.add(one, 7);
  parked.add(other, 8);
  step(1000);
  expect(wentOn).toEqual([]);
  Object.assign(other, { isDrained: true });
  step(270);
  expect(wentOn).toEqual([8]);
  expect(parked.count).toBe(1);
  Object.assign(one, { isDrained: true });
  step(270);
  expect(wentOn).toEqual([8, 7]);
});

test("one that made room at once goes on at once, and a slow one within the next moments, though it is told only once", () => {
  const wentOn: (number | undefined)[] = [];
  const parked = new Parked((subscription) => wentOn.push(parked.take(subscription)));
  const [fast, slow] = [unread(), unread()];
  parked.add(slow, 1);
  step(1000);
  parked.add(fast, 2);
  Object.assign(slow, { isDrained: true });
  Object.assign(fast, { isDrained: true });
  parked.drained(slow);
  parked.drained(fast);
  expect(wentOn).toEqual([2]);
  step(20);
  expect(wentOn).toEqual([2, 1]);
  expect([fast.isSlow, slow.isSlow]).toEqual([false, true]);
  expect(jest.getTimerCount()).toBe(0);
});

test("a thousand slow ones whose clients have read in the same instant go on by turns, all of them within two seconds", () => {
  const wentOn: (number | undefined)[] = [];
  const parked = new Parked((subscription) => wentOn.push(parked.take(subscription)));
  const all = Array.from({ length: 1000 }, unread);
  for (const [index, each] of all.entries()) parked.add(each, index);
  step(1000);
  for (const each of all) {
    Object.assign(each, { isDrained: true });
    parked.drained(each);
  }
  let most = 0;
  for (let passed = 0; passed < 2000; passed += 20) {
    const before = wentOn.length;
    step(20);
    most = Math.max(most, wentOn.length - before);
  }
  expect(wentOn).toEqual(all.map((_, index) => index));
  expect(most).toBeLessThan(100);
});

test("one whose client's other subscriptions have taken the room goes on with them the next time", () => {
  const wentOn: (number | undefined)[] = [];
  const parked = new Parked((subscription) => wentOn.push(parked.take(subscription)));
  const one = unread();
  parked.add(one, 1);
  step(1000);
  Object.assign(one, { isDrained: true });
  parked.drained(one);
  Object.assign(one, { isDrained: false });
  step(20);
  expect(wentOn).toEqual([]);
  Object.assign(one, { isDrained: true });
  parked.drained(one);
  expect(wentOn).toEqual([1]);
});

test("one that leaves while it waits for its turn does not go on", () => {
  const wentOn: unknown[] = [];
  const parked = new Parked((subscription) => wentOn.push(subscription));
  const one = unread();
  parked.add(one, 1);
  step(1000);
  Object.assign(one, { isDrained: true });
  parked.drained(one);
  parked.take(one);
  step(2000);
  expect(wentOn).toEqual([]);
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
