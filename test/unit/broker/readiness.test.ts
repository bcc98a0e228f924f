import { expect, test } from "bun:test";
import type { BrokerStatus } from "../../../src/broker/broker.ts";
import { readinessOf } from "../../../src/broker/readiness.ts";

test("a process is ready if it has a broker and room in the outbox, and is not stopping", () => {
  expect(readinessOf({ state: "ready" }, false, false)).toEqual({ ready: true });
});

test.each<[BrokerStatus, boolean, boolean, string]>([
  [{ state: "connecting", why: "ECONNREFUSED" }, false, false, "broker not connected: ECONNREFUSED"],
  [{ state: "blocked", why: "low on memory" }, false, false, "low on memory"],
  [{ state: "closed" }, false, false, "broker closed"],
  [{ state: "ready" }, true, false, "stopping"],
  [{ state: "ready" }, false, true, "the outbox is full: RabbitMQ takes messages too slowly"],
  [{ state: "connecting", why: "ECONNREFUSED" }, true, true, "stopping"],
])("not ready, and says why: %j, stopping %p, full %p", (status, isStopping, isFull, why) => {
  expect(readinessOf(status, isStopping, isFull)).toEqual({ ready: false, why });
});
