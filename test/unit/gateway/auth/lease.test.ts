import { expect, test } from "bun:test";
import { Lease } from "../../../../src/gateway/auth/lease.ts";
import { everything } from "../../../../src/gateway/auth/permissions.ts";
import { TimerWheel } from "../../../../src/gateway/clients/timer-wheel.ts";
import { makeWheelClock } from "../../doubles/wheel-clock.ts";

const { pass } = makeWheelClock();

const until = (ms: number) => ({ user: "a", permissions: everything, expiresAtMs: Date.now() + ms });

test("a lease ends once, when the token does, and not before, however long that takes", () => {
  const wheel = new TimerWheel();
  let ends = 0;
  Lease.of(until(200_000), wheel, () => ends++);
  pass(199_000);
  expect(ends).toBe(0);
  pass(1500);
  expect(ends).toBe(1);
  pass(300_000);
  expect(ends).toBe(1);
});

test("a lease that was stopped does not end anything", () => {
  const wheel = new TimerWheel();
  let ends = 0;
  Lease.of(until(1000), wheel, () => ends++)?.stop();
  pass(5000);
  expect(ends).toBe(0);
});

test("a token without an end has no lease", () => {
  expect(Lease.of(until(Number.POSITIVE_INFINITY), new TimerWheel(), () => undefined)).toBeUndefined();
});
