import { afterEach, beforeEach, describe, expect, spyOn, test } from "bun:test";
import { open } from "../../../src/envelope/envelope.ts";
import { echoProcessed, type Handler } from "../../../src/processor/handler.ts";
import { repliesQueue } from "../../../src/requests.ts";
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

describe("a message that cannot be handled", () => {
  const failing: Handler = ({ text }) => {
    if (text === "poison") throw new Error("I cannot\n take this");
    return `fine: ${text}`;
  };

  test("is dead-lettered with the reason, the attempts and where it came from, and then acked", async () => {
    const { broker, logger } = processing(failing);
    broker.deliver(asked("poison", "c-1", "a.b"));
    await settle();
    expect(broker.published["wsmanager.dead"]).toMatchObject([
      {
        body: Buffer.from("poison"),
        routingKey: "a.b",
        clientId: "c-1",
        headers: {
          "dead-reason": "I cannot take this",
          "dead-attempts": "2",
          "dead-group": "g",
          "dead-message-id": "id of poison",
        },
      },
    ]);
    expect(logger.lines.filter(({ message }) => message === "message dead-lettered")).toMatchObject([
      { level: "warn", fields: { attempts: 2, reason: "I cannot take this", topic: "a.b", group: "g" } },
    ]);
    expect(broker.acks).toEqual([]);
    broker.confirm("wsmanager.dead");
    await settle();
    expect(broker.acks).toEqual([[1, true]]);
  });

  test("since RabbitMQ does not take its answer is a dead letter too, and a client that asked is told", async () => {
    const { broker } = processing(() => "unwritable");
    broker.isUnwritable = (envelope) => open(envelope, "?").some(({ body }) => body === "unwritable");
    const asker = { "reply-to": repliesQueue, "correlation-id": "warren:m:a:-1:x" };
    broker.deliver({ ...asked("question"), isRequest: true, headers: asker });
    await until(() => broker.published["wsmanager.dead"].length > 0, "it is a dead letter");
    await settle();
    const told = broker.published.towsmanager.flatMap((envelope) => open(envelope, "?"));
    expect(told).toMatchObject([{ headers: { "correlation-id": "warren:m:a:-1:x", error: "failed" } }]);
    expect(broker.published["wsmanager.dead"]).toMatchObject([{ body: Buffer.from("question") }]);
    broker.confirm("wsmanager.dead");
    await settle();
    expect(broker.acks).toEqual([]);
    broker.confirm("towsmanager");
    await settle();
    expect(broker.acks).toEqual([[1, true]]);
    expect(broker.published["wsmanager.dead"]).toHaveLength(1);
  });

  test("keeps its own headers", async () => {
    const { broker } = processing(failing);
    broker.deliver({ ...asked("poison"), headers: { mine: "own" } });
    await settle();
    expect(broker.published["wsmanager.dead"][0]!.headers).toMatchObject({ mine: "own", "dead-group": "g" });
  });

  test("holds up its own client's next ones, and nobody else's", async () => {
    const retry = Promise.withResolvers<void>();
    sleep.mockImplementation(() => retry.promise);
    const { broker } = processing(failing);
    for (const [body, client] of [
      ["poison", "a"],
      ["after", "a"],
      ["other", "b"],
    ] as const) {
      broker.deliver(asked(body, client));
    }
    await settle();
    expect(broker.bodies("towsmanager")).toEqual(["fine: other"]);
    retry.resolve();
    await settle();
    expect(broker.bodies("towsmanager")).toEqual(["fine: other", "fine: after"]);
  });

  test("does not spoil its neighbours in a packed one", async () => {
    const { broker } = processing(failing);
    const clientId = "c";
    broker.deliver(
      packedOf(
        { body: "one", topic: "", clientId },
        { body: "poison", topic: "", clientId },
        { body: "three", topic: "", clientId },
      ),
    );
    await settle();
    // A confirm ends the gathering of packed answers.
    broker.confirm("towsmanager");
    await settle();
    expect(broker.bodies("towsmanager")).toEqual(["fine: one", "fine: three"]);
    expect(broker.bodies("wsmanager.dead")).toEqual(["poison"]);
    broker.confirm("towsmanager");
    await settle();
    expect(broker.acks).toEqual([]);
    broker.confirm("wsmanager.dead");
    await settle();
    expect(broker.acks).toEqual([[1, true]]);
  });

  test("because it throws what has no text is dead-lettered like others", async () => {
    const { broker } = processing(() => {
      throw Object.create(null);
    });
    broker.deliver(asked("odd"));
    await settle();
    expect(broker.bodies("wsmanager.dead")).toEqual(["odd"]);
  });

  test("because it is no proper pack is dead-lettered as it came, without an attempt", async () => {
    const { broker } = processing(echoProcessed);
    broker.deliver({ ...packedOf(), body: Buffer.from("rubbish") });
    await settle();
    const [dead, ...more] = broker.published["wsmanager.dead"];
    expect(more).toEqual([]);
    expect(dead!.body.toString()).toBe("rubbish");
    expect(dead!.headers).toMatchObject({ "dead-attempts": "0", "dead-message-id": "pack" });
    broker.confirm("wsmanager.dead");
    await settle();
    expect(broker.acks).toEqual([[1, true]]);
  });

  test("and names no client when its handler answers the sender is dead-lettered", async () => {
    const { broker } = processing(() => ({ to: "sender", body: "x" }));
    broker.deliver({ ...asked("hello"), clientId: undefined });
    await settle();
    expect(broker.bodies("wsmanager.dead")).toEqual(["hello"]);
  });
});

describe("a suspect", () => {
  const suspectHandler: Handler = ({ text }) =>
    text === "poison" ? Promise.reject(new Error("it ended its process")) : Promise.resolve(`alone: ${text}`);

  test("is handled by the handler for suspects, and others are not", async () => {
    const { broker } = processing(echoProcessed, {}, suspectHandler);
    broker.deliver(asked("one"), 2);
    broker.deliver(asked("two", "d"), 1);
    await settle();
    expect(broker.bodies("towsmanager").sort()).toEqual(["alone: one", "processed message: two"]);
  });

  test("that kills is dead-lettered alone; those packed with it are answered, each client's in order", async () => {
    const { broker } = processing(echoProcessed, { attempts: 1 }, suspectHandler);
    const of = (clientId: string, body: string) => ({ body, topic: clientId, clientId });
    broker.deliver(packedOf(of("a", "1"), of("b", "2"), of("a", "poison"), of("a", "3"), of("b", "4")), 2);
    // Behind it in the queue, and not to overtake it.
    broker.deliver(asked("5", "a", "a"), 0);
    await settle();
    const answers = broker.published.towsmanager.flatMap((envelope) => open(envelope, "?"));
    const onTopic = (name: string) =>
      answers.filter(({ topic }) => topic === name).map(({ body }) => String(body));
    expect(onTopic("a")).toEqual(["alone: 1", "alone: 3", "processed message: 5"]);
    expect(onTopic("b")).toEqual(["alone: 2", "alone: 4"]);
    expect(broker.bodies("wsmanager.dead")).toEqual(["poison"]);
    expect(broker.published["wsmanager.dead"][0]!.headers).toMatchObject({
      "dead-reason": "it ended its process",
    });
    expect(broker.acks).toEqual([]);
    broker.confirm("towsmanager");
    broker.confirm("wsmanager.dead");
    await settle();
    expect(broker.acks).toEqual([[2, true]]);
  });
});

describe("a message that came back", () => {
  const suspectHandler: Handler = () => Promise.resolve("as a suspect");
  const cameBack = async (losses: number, returns: number, deaths = 0) => {
    const { handler, begun, end } = slowHandler();
    const { broker } = processing(handler, {}, suspectHandler);
    for (let loss = 0; loss < losses; loss++) {
      broker.deliver(asked("hello"), deaths + loss);
      broker.lose();
      broker.begin();
    }
    if (losses > 0) end("hello", "from before");
    await settle();
    broker.deliver(asked("hello"), returns);
    await settle();
    if (begun().length > 0) end("hello", "as usual");
    await settle();
    return broker.bodies("towsmanager").at(-1);
  };

  test.each([
    ["once, wherever it was, is no suspect", 0, 1, "as usual"],
    ["twice from elsewhere is one", 0, 2, "as a suspect"],
    ["ten times since this process lost its connection ten times is none", 10, 10, "as usual"],
    ["once from elsewhere and twice with lost connections is none", 2, 3, "as usual"],
    ["twice from elsewhere and once with a lost connection is one", 1, 3, "as a suspect"],
  ])("%s", async (_, losses, returns, answer) => {
    expect(await cameBack(losses, returns, Math.max(0, Math.min(1, returns - losses)))).toBe(answer);
  });
});
