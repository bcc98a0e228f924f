import { expect, test } from "bun:test";
import { addressed, type BenchOptions, Plan } from "../../../src/bench/plan.ts";
import { UsageError } from "../../../src/errors.ts";

const options: BenchOptions = {
  url: ["ws://127.0.0.1:8000/ws"],
  clients: 10,
  publishers: 3,
  rate: 100,
  size: 64,
  durationMs: 1000,
  json: false,
  protocol: "text",
  receipts: false,
  durable: false,
  reconnectEveryMs: undefined,
  stay: false,
};

const planOf = (changes: Partial<BenchOptions>) => new Plan({ ...options, ...changes }, "run00001");

test("the warm-up is a fifth of the measuring, and never over two seconds", () => {
  expect(planOf({ durationMs: 1000 }).warmupMs).toBe(200);
  expect(planOf({ durationMs: 60_000 }).warmupMs).toBe(2000);
});

test("messages are due evenly from the start to the end", () => {
  const plan = planOf({ durationMs: 1000, rate: 100 });
  expect(plan.messages).toBe(120);
  expect([0, 9999, 10_000, 1_199_999, 5_000_000].map((micros) => plan.dueAfter(micros))).toEqual([
    1, 1, 2, 120, 120,
  ]);
});

test("publishers share the messages in turn", () => {
  const plan = planOf({ publishers: 3 });
  expect(
    [0, 1, 2, 3, 4, 7].map((many) => [0, 1, 2].map((publisher) => plan.shareOf(publisher, many))),
  ).toEqual([
    [0, 0, 0],
    [1, 0, 0],
    [1, 1, 0],
    [1, 1, 1],
    [2, 1, 1],
    [3, 2, 2],
  ]);
});

test("a run that is too large to account for is a usage error", () => {
  expect(() => planOf({ clients: 100_000, publishers: 10_000 })).toThrow(UsageError);
  expect(() => planOf({ publishers: 1, rate: 10_000_000, durationMs: 86_400_000 })).toThrow(UsageError);
});

test("requests use plain text and one app, and only the asking client gets the answer", () => {
  const url = ["ws://127.0.0.1:8000/ws?app=prices"];
  expect(planOf({ url, clients: 0 }).areAlone).toBe(true);
  expect(planOf({}).areAlone).toBe(false);
  expect(() => planOf({ url })).toThrow("--clients 0");
  expect(() => planOf({ url, clients: 0, protocol: "stomp" })).toThrow("--protocol text");
  expect(() => planOf({ url: [...url, "ws://127.0.0.1:8001/ws"], clients: 0 })).toThrow("the same app");
});

test("each publisher has a topic of its own if the topic has {n}, and nobody else gets its messages", () => {
  const url = ["ws://127.0.0.1:8000/ws?topic=t.{n}"];
  const plan = planOf({ url, clients: 0 });
  expect(plan.areAlone).toBe(true);
  expect([0, 12].map((index) => addressed(plan.urls[0]!, index).searchParams.get("topic"))).toEqual([
    "t.0",
    "t.12",
  ]);
  const shared = new URL("ws://127.0.0.1:8000/ws?topic=t");
  expect(addressed(shared, 3)).toBe(shared);
  expect(() => planOf({ url })).toThrow("--clients 0");
  expect(() => planOf({ url, clients: 0, protocol: "stomp" })).toThrow("--protocol text");
});

test("options that only STOMP has need STOMP, and clients that are cut off must be able to resume", () => {
  const stomp = { protocol: "stomp", durable: true, reconnectEveryMs: 100 } as const;
  expect(planOf(stomp).reconnectEveryMs).toBe(100);
  expect(() => planOf({ receipts: true })).toThrow("--protocol stomp");
  expect(() => planOf({ ...stomp, protocol: "text" })).toThrow("--protocol stomp");
  expect(() => planOf({ ...stomp, durable: false })).toThrow("--durable");
  expect(() => planOf({ ...stomp, clients: 0 })).toThrow("--clients");
});

test("managers that share the clients have the same topic", () => {
  const [here, there] = ["ws://a/ws?topic=t", "ws://b/ws?topic=t"] as const;
  expect(planOf({ url: [here, there] }).urls).toHaveLength(2);
  expect(() => planOf({ url: [here, "ws://b/ws"] })).toThrow("the same topic");
});
