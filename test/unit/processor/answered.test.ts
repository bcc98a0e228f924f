import { afterEach, beforeEach, describe, expect, spyOn, test } from "bun:test";
import { open } from "../../../src/envelope/envelope.ts";
import { packedContentType } from "../../../src/envelope/packing.ts";
import { echoProcessed } from "../../../src/processor/handler.ts";
import { until } from "../../support/wait.ts";
import { turn } from "../doubles/turn.ts";
import { asked, packedOf, processing, settle, slowHandler } from "./processing.ts";

let sleep: ReturnType<typeof spyOn<typeof Bun, "sleep">>;
beforeEach(() => {
  // Waits between attempts take no time here.
  sleep = spyOn(Bun, "sleep").mockImplementation(() => turn());
});
afterEach(() => {
  sleep.mockRestore();
});

describe("an ack", () => {
  test("comes when the answer is confirmed, never before", async () => {
    const { broker } = processing(echoProcessed);
    broker.deliver(asked("hello"));
    await settle();
    expect(broker.bodies("towsmanager")).toEqual(["processed message: hello"]);
    expect(broker.acks).toEqual([]);
    broker.confirm("towsmanager");
    await settle();
    expect(broker.acks).toEqual([[1, true]]);
  });

  test("waits for every one of several answers", async () => {
    const { broker } = processing(() => ["one", "two"]);
    broker.deliver(asked("hello"));
    await settle();
    broker.confirm("towsmanager");
    await settle();
    expect(broker.acks).toEqual([[1, true]]);
    expect(broker.bodies("towsmanager")).toEqual(["one", "two"]);
  });

  test("needs no answer where the handler has none", async () => {
    const { broker } = processing(() => undefined);
    broker.deliver(asked("hello"));
    await settle();
    expect(broker.acks).toEqual([[1, true]]);
    expect(broker.bodies("towsmanager")).toEqual([]);
  });

  test("for a hundred deliveries of one turn is one", async () => {
    const { broker } = processing(echoProcessed);
    for (let i = 0; i < 100; i++) broker.deliver(asked(String(i)));
    // On a busy machine some of them gather for a while.
    await until(() => broker.bodies("towsmanager").length === 100, "all answers");
    broker.confirm("towsmanager");
    await settle();
    expect(broker.acks).toEqual([[100, true]]);
  });

  test("of a session that is lost goes nowhere, and tags begin anew in the next", async () => {
    const { handler, end } = slowHandler();
    const { broker } = processing(handler);
    broker.deliver(asked("old"));
    broker.lose();
    broker.begin();
    end("old", undefined);
    await settle();
    expect(broker.acks.filter(([tag]) => tag > 1)).toEqual([]);
    broker.acks.length = 0;
    broker.deliver(asked("new"));
    end("new", undefined);
    await settle();
    expect(broker.acks).toEqual([[1, true]]);
  });
});

describe("answers", () => {
  test("go to the topic of the question, and to the sender alone where asked for", async () => {
    const { broker } = processing(() => ["all", { to: "sender", body: "you" }]);
    broker.deliver(asked("hello", "c-1", "a.b"));
    await settle();
    const answers = broker.published.towsmanager.flatMap((envelope) => open(envelope, "?"));
    expect(answers.map(({ topic, clientId, appId }) => [topic, clientId, appId])).toEqual([
      ["a.b", undefined, "p-1"],
      ["a.b", "c-1", "p-1"],
    ]);
  });

  test("are packed, as the questions are", async () => {
    const { broker } = processing(echoProcessed);
    broker.deliver(packedOf({ body: "one", topic: "" }, { body: "two", topic: "a" }));
    await settle();
    expect(broker.bodies("towsmanager")).toEqual(["processed message: one", "processed message: two"]);
    // In one pack, or in two where the machine was busy in between.
    const types = broker.published.towsmanager.map(({ contentType }) => contentType);
    expect(new Set(types)).toEqual(new Set([packedContentType]));
  });
});

describe("answers that come one by one", () => {
  test("are published as they come, and the ack waits for the confirm of the last", async () => {
    const gate = Promise.withResolvers<void>();
    const { broker } = processing(async function* ({ text }) {
      yield `${text} 1`;
      await gate.promise;
      yield { to: { client: "d" }, body: `${text} 2` };
    });
    broker.deliver(asked("hello"));
    await settle();
    expect(broker.bodies("towsmanager")).toEqual(["hello 1"]);
    broker.confirm("towsmanager");
    await settle();
    expect(broker.acks).toEqual([]);
    gate.resolve();
    await settle();
    expect(broker.acks).toEqual([]);
    broker.confirm("towsmanager");
    await settle();
    expect(broker.acks).toEqual([[1, true]]);
    const answers = broker.published.towsmanager.flatMap((envelope) => open(envelope, "?"));
    expect(answers.map(({ id, clientId }) => [id, clientId])).toEqual([
      ["id of hello/g/1", undefined],
      ["id of hello/g/2", "d"],
    ]);
  });

  test("keep the client's next message waiting until the last, and nobody else's", async () => {
    const gate = Promise.withResolvers<void>();
    const { broker } = processing(async function* ({ text }) {
      yield `${text} begins`;
      if (text === "a1") await gate.promise;
      yield `${text} ends`;
    });
    for (const [body, client] of [
      ["a1", "a"],
      ["a2", "a"],
      ["b1", "b"],
    ] as const)
      broker.deliver(asked(body, client));
    await settle();
    expect(broker.bodies("towsmanager")).toEqual(["a1 begins", "b1 begins", "b1 ends"]);
    gate.resolve();
    await settle();
    expect(broker.bodies("towsmanager").slice(3)).toEqual(["a1 ends", "a2 begins", "a2 ends"]);
  });

  test("before a failure are published once, and the ack waits for them and for the dead letter", async () => {
    const { broker } = processing(function* () {
      yield "one";
      throw new Error("half way");
    });
    broker.deliver(asked("hello"));
    await settle();
    await settle();
    expect(broker.bodies("towsmanager")).toEqual(["one"]);
    expect(broker.bodies("wsmanager.dead")).toEqual(["hello"]);
    broker.confirm("wsmanager.dead");
    await settle();
    expect(broker.acks).toEqual([]);
    broker.confirm("towsmanager");
    await settle();
    expect(broker.acks).toEqual([[1, true]]);
  });

  test("have the same ids when the message comes again, and ids of their own where it has none", async () => {
    const { broker } = processing(echoProcessed);
    for (const envelope of [asked("a"), asked("a"), asked("b"), asked("b")].map((one, nth) =>
      nth < 2 ? one : { ...one, messageId: undefined },
    ))
      broker.deliver(envelope);
    await settle();
    const ids = broker.published.towsmanager.flatMap((envelope) => open(envelope, "?").map(({ id }) => id));
    expect(ids.slice(0, 2)).toEqual(["id of a/g/1", "id of a/g/1"]);
    expect(new Set(ids.slice(2)).size).toBe(2);
  });
});
