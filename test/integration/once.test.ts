import { describe, expect, setDefaultTimeout, test } from "bun:test";
import type { Handler } from "../../src/processor/handler.ts";
import { connect } from "../support/client.ts";
import { bodiesOf, connectStomp } from "../support/stomp-client.ts";
import { startSystem } from "../support/system.ts";
import { integrationTimeoutMs } from "../support/timeout.ts";
import { until } from "../support/wait.ts";

setDefaultTimeout(integrationTimeoutMs);

const key = (text: string) => ({ "idempotency-key": text });

describe("a SEND with an idempotency-key", () => {
  test("is published once: each SEND gets its receipt, everybody gets the message once, and so does the handler", async () => {
    const handled: string[] = [];
    const handler: Handler = ({ text }) => {
      handled.push(text);
      return `done: ${text}`;
    };
    await using system = startSystem([], handler);
    await using listener = await connect(system.wsUrl("/ws?topic=orders"));
    await using anna = await connectStomp(system.wsUrl("/ws/anna"));
    await using other = await connectStomp(system.wsUrl("/ws/anna"));
    await using ben = await connectStomp(system.wsUrl("/ws/ben"));
    const durable = await ben.subscribe("/topic/orders", { "x-stream-offset": "next" });
    await Promise.all([
      anna.sendSafely("/topic/orders", "pizza", key("k")),
      anna.sendSafely("/topic/orders", "pizza", key("k")),
      other.sendSafely("/topic/orders", "pizza", key("k")),
    ]);
    await other.sendSafely("/topic/orders", "pizza", key("k"));
    await ben.sendSafely("/topic/orders", "pizza", key("k"));
    await anna.sendSafely("/topic/orders", "pasta", key("l"));
    await anna.sendSafely("/topic/orders", "end");
    const bodies = ["pizza", "pizza", "pasta", "end"];
    const all = [...bodies, ...bodies.map((body) => `done: ${body}`)].sort();
    expect((await bodiesOf(durable, 8)).sort()).toEqual(all);
    await until(() => listener.received.length === 8, "the listener's messages");
    expect(listener.received.map(String).sort()).toEqual(all);
    expect(handled).toEqual(bodies);
    expect(durable[0]!.headers["idempotency-key"]).toBe("k");
  });

  test("that belongs to another message is answered with an ERROR that says 409", async () => {
    await using system = startSystem();
    await using ben = await connectStomp(system.wsUrl("/ws/ben"));
    const heard = await ben.subscribe("/topic/orders");
    await using anna = await connectStomp(system.wsUrl("/ws/anna"));
    await anna.sendSafely("/topic/orders", "pizza", key("k"));
    anna.send("/topic/orders", "pasta", { ...key("k"), receipt: "second" });
    const { headers } = await anna.failed;
    expect(headers["message"]).toInclude("409");
    expect(headers["receipt-id"]).toBe("second");
    await ben.sendSafely("/topic/orders", "end");
    await until(() => heard.some(({ body }) => body === "end"), "the end");
    expect(heard.map(({ body }) => body)).not.toContain("pasta");
  });

  test.each([
    ["an empty one", ""],
    ["one of 256 bytes", "k".repeat(256)],
  ])("%s is answered with an ERROR", async (_, text) => {
    await using system = startSystem();
    await using anna = await connectStomp(system.wsUrl("/ws/anna"));
    anna.send("/topic/orders", "pizza", key(text));
    expect((await anna.failed).headers["message"]).toInclude("idempotency-key has 1 to 255 bytes");
  });

  test("may be in a transaction, of which the other messages are published", async () => {
    await using system = startSystem();
    await using ben = await connectStomp(system.wsUrl("/ws/ben"));
    const heard = await ben.subscribe("/topic/orders");
    await using anna = await connectStomp(system.wsUrl("/ws/anna"));
    for (const round of ["1", "2"]) {
      const transaction = anna.client.begin(round);
      anna.send("/topic/orders", "pizza", { ...key("k"), transaction: transaction.id });
      anna.send("/topic/orders", `end ${round}`, { transaction: transaction.id });
      transaction.commit();
    }
    await until(() => heard.some(({ body }) => body === "end 2"), "the end");
    expect(heard.filter(({ body }) => body === "pizza")).toHaveLength(1);
  });

  test("may be a request: the second one is told that its answer goes to who asked first", async () => {
    await using system = startSystem([], ({ text }) => `answer to ${text}`);
    const answers: (string | undefined)[][] = [];
    await using anna = await connectStomp(system.wsUrl("/ws/anna"), {
      onUnhandledMessage: ({ body, headers }) =>
        void answers.push([headers["correlation-id"], headers["error"] ?? body]),
    });
    const ask = (id: string) =>
      anna.send("/app/price", "EUR", { "reply-to": "/temp-queue/a", "correlation-id": id, ...key("k") });
    ask("1");
    ask("2");
    await until(() => answers.length === 2, "both answers");
    expect(answers.sort()).toEqual([
      ["1", "answer to EUR"],
      ["2", "repeated"],
    ]);
  });
});

test.each([
  ["a value that is none", "/topic/a", { "x-conflate": "yes" }, "x-conflate is true or false"],
  [
    "a durable subscription",
    "/topic/a",
    { "x-conflate": "true", "x-stream-offset": "next" },
    "x-conflate is for live subscriptions",
  ],
  ["/direct", "/direct", { "x-conflate": "true" }, "x-conflate is for live subscriptions"],
] as const)("x-conflate for %s is answered with an ERROR", async (_, destination, headers, reason) => {
  await using system = startSystem();
  await using anna = await connectStomp(system.wsUrl("/ws/anna"));
  anna.client.subscribe(destination, () => undefined, headers);
  expect((await anna.failed).headers["message"]).toInclude(reason);
});
