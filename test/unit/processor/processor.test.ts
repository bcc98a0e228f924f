import { afterEach, beforeEach, describe, expect, jest, spyOn, test } from "bun:test";
import type {
  Broker,
  BrokerStatus,
  Consumer,
  ConsumeSession,
  Exchange,
  Publisher,
} from "../../../src/broker/broker.ts";
import type { Envelope } from "../../../src/envelope/envelope.ts";
import { open, seal } from "../../../src/envelope/envelope.ts";
import { pack, packedContentType } from "../../../src/envelope/packing.ts";
import type { OutgoingMessage } from "../../../src/message.ts";
import { MessageTrace } from "../../../src/ops/message-trace.ts";
import { echoProcessed, type Handler } from "../../../src/processor/handler.ts";
import { Processor, type ProcessorOptions } from "../../../src/processor/processor.ts";
import { until } from "../../support/wait.ts";
import { RecordingLogger } from "../doubles/recording-logger.ts";
import { turn } from "../doubles/turn.ts";

/** A broker that delivers and confirms when it is told to, and remembers what it got. */
class ScriptedBroker implements Broker {
  readonly abandonedGroups = [];
  readonly fullQueues = [];
  readonly published: Record<Exchange, Envelope[]> = { wsmanager: [], towsmanager: [], "wsmanager.dead": [] };
  readonly acks: [tag: number, multiple: boolean][] = [];
  readonly taken: number[] = [];
  isStopped = false;
  #consumer!: Consumer;
  readonly #publishers = new Map<Exchange, Publisher>();
  #lastTag = 0;

  attachPublisher(exchange: Exchange, publisher: Publisher): void {
    this.#publishers.set(exchange, publisher);
  }
  attachEventConsumer(): void {
    throw new Error("not asked for here");
  }

  attachReplyConsumer(): never {
    throw new Error("a processor asks nothing");
  }
  attachConsumer(_: string, __: number, consumer: Consumer): void {
    this.#consumer = consumer;
  }
  readonly hasLog = false;
  attachEvents(): never {
    throw new Error("a processor tells of no clients");
  }
  attachLeavers(): void {
    // Nobody asks here.
  }
  attachFollower(): never {
    throw new Error("a processor follows nothing");
  }
  read(): never {
    throw new Error("a processor reads no log");
  }
  mark(): never {
    throw new Error("a processor asks for no marks");
  }
  start(): void {
    for (const [exchange, publisher] of this.#publishers) {
      publisher.opened({
        send: (envelopes) => void this.published[exchange].push(...envelopes),
        isCostly: true,
        headBytesMax: Number.POSITIVE_INFINITY,
        unwritten: 0,
        giveUp: () => undefined,
      });
    }
    this.begin();
  }
  queuedIn(): number {
    return 7;
  }
  status(): BrokerStatus {
    return { state: "ready" };
  }
  settle(): Promise<void> {
    return Promise.resolve();
  }
  close(): Promise<void> {
    return Promise.resolve();
  }

  begin(): void {
    this.#lastTag = 0;
    const session: ConsumeSession = {
      ack: (tag, multiple) => void this.acks.push([tag, multiple]),
      take: (count) => void this.taken.push(count),
      stop: () => {
        this.isStopped = true;
      },
    };
    this.#consumer.opened(session);
  }
  lose(): void {
    this.#consumer.closed();
  }
  deliver(envelope: Envelope, returns = 0): void {
    this.#consumer.deliver(++this.#lastTag, envelope, returns);
  }
  confirm(exchange: Exchange): void {
    this.#publishers.get(exchange)!.confirmed(this.published[exchange].length, true);
  }

  bodies(exchange: Exchange): (string | Uint8Array)[] {
    return this.published[exchange].flatMap((envelope) => open(envelope, "?").map(({ body }) => body));
  }
}

const defaults: ProcessorOptions = {
  group: "g",
  concurrency: 10,
  prefetch: 100,
  prefetchBytes: 1024 ** 2,
  attempts: 2,
  handlerTimeoutMs: 60_000,
  outboxMaxBytes: 1024 ** 2,
};

function processing(
  handler: Handler,
  options: Partial<ProcessorOptions> = {},
  suspectHandler?: Handler,
  isFor?: (topic: string) => boolean,
) {
  const broker = new ScriptedBroker();
  const logger = new RecordingLogger();
  const messageTrace = new MessageTrace(logger, "off");
  const all = { ...defaults, ...options };
  const processor = new Processor(
    "p-1",
    all,
    { handle: handler, isFor },
    broker,
    logger,
    messageTrace,
    suspectHandler,
  );
  broker.start();
  return { broker, logger, processor };
}

const asked = (body: string, clientId: string | undefined = "c", topic = "") =>
  seal({ body, topic, clientId }, `id of ${body}`, "manager-1", 1);

function packedOf(...messages: OutgoingMessage[]): Envelope {
  return {
    ...asked(""),
    body: pack(messages),
    contentType: packedContentType,
    messageId: "pack",
    clientId: undefined,
  };
}

/** Lets all that is due be done: turns of the event loop, promises, and what they set off. */
async function settle(): Promise<void> {
  for (let i = 0; i < 5; i++) await turn();
}

/** Work that takes until it is told to end. */
function slowHandler() {
  const begun = new Map<string, PromiseWithResolvers<unknown>>();
  const handler: Handler = ({ text }) => {
    const work = Promise.withResolvers<unknown>();
    begun.set(text, work);
    return work.promise;
  };
  return {
    handler,
    begun: () => [...begun.keys()],
    end: (text: string, answer: unknown) => begun.get(text)!.resolve(answer),
  };
}

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

test("messages of topics that the handler is not for are acknowledged unseen, also in a pack", async () => {
  const seen: string[] = [];
  const handler: Handler = ({ text }) => void seen.push(text);
  const { broker } = processing(handler, {}, undefined, (topic) => topic === "mine");
  broker.deliver(asked("no", "c", "other"));
  broker.deliver(packedOf({ body: "yes", topic: "mine" }, { body: "no", topic: "other" }));
  broker.deliver(packedOf({ body: "no", topic: "other" }));
  await settle();
  expect(seen).toEqual(["yes"]);
  expect(broker.acks).toEqual([[3, true]]);
});

describe("messages of one client", () => {
  test("are handled one after another, those of others meanwhile", async () => {
    const { handler, begun, end } = slowHandler();
    const { broker } = processing(handler);
    for (const [body, client] of [
      ["a1", "a"],
      ["a2", "a"],
      ["b1", "b"],
    ] as const)
      broker.deliver(asked(body, client));
    expect(begun()).toEqual(["a1", "b1"]);
    end("a1", undefined);
    await settle();
    expect(begun()).toEqual(["a1", "b1", "a2"]);
  });

  test("without a name are kept in order by topic", async () => {
    const { handler, begun } = slowHandler();
    const { broker } = processing(handler);
    const anonymous = (body: string, topic: string) => ({ ...asked(body, "", topic), clientId: undefined });
    for (const [body, topic] of [
      ["a1", "a"],
      ["a2", "a"],
      ["b1", "b"],
    ] as const)
      broker.deliver(anonymous(body, topic));
    await settle();
    expect(begun()).toEqual(["a1", "b1"]);
  });

  test("wait while as many handlers are busy as --concurrency allows", async () => {
    const { handler, begun, end } = slowHandler();
    const { broker } = processing(handler, { concurrency: 2 });
    for (const name of ["a", "b", "c"]) broker.deliver(asked(name, name));
    expect(begun()).toEqual(["a", "b"]);
    end("b", undefined);
    await settle();
    expect(begun()).toEqual(["a", "b", "c"]);
  });
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

describe("handlers that outlive their timeout", () => {
  test("are never more than twice --concurrency at once", async () => {
    jest.useFakeTimers();
    try {
      let running = 0;
      let most = 0;
      const ends: (() => void)[] = [];
      const handler: Handler = () => {
        most = Math.max(most, ++running);
        const end = Promise.withResolvers<void>();
        ends.push(() => {
          running--;
          end.resolve();
        });
        return end.promise;
      };
      const { broker, processor, logger } = processing(handler, { concurrency: 5, handlerTimeoutMs: 100 });
      for (let number = 0; number < 90; number++) broker.deliver(asked("m", `client ${number}`));
      for (let step = 0; step < 50; step++) {
        jest.advanceTimersByTime(100);
        await settle();
      }
      expect(most).toBe(10);
      expect(ends.length).toBe(10);
      expect(logger.lines.some(({ message }) => message.includes("goes on after its timeout"))).toBe(true);
      for (const end of ends.splice(0)) end();
      await settle();
      expect(ends.length).toBe(5);
      expect(most).toBe(10);
      processor.close();
    } finally {
      jest.useRealTimers();
    }
  });

  test("keep nobody else waiting while they are no more than --concurrency", async () => {
    jest.useFakeTimers();
    try {
      const handler: Handler = ({ text }) => (text === "hang" ? new Promise(() => undefined) : text);
      const limits = { concurrency: 5, handlerTimeoutMs: 100, attempts: 1 };
      const { broker, processor } = processing(handler, limits);
      for (let number = 0; number < 5; number++) broker.deliver(asked("hang", `client ${number}`));
      broker.deliver(asked("honest", "another"));
      expect(broker.bodies("towsmanager")).toEqual([]);
      jest.advanceTimersByTime(100);
      await settle();
      jest.advanceTimersByTime(1);
      await settle();
      expect(broker.bodies("towsmanager")).toEqual(["honest"]);
      processor.close();
    } finally {
      jest.useRealTimers();
    }
  });
});

test("a packed one with nothing in it is acked", async () => {
  const { broker } = processing(echoProcessed);
  broker.deliver(packedOf());
  await settle();
  expect(broker.acks).toEqual([[1, true]]);
});

describe("a lost session", () => {
  test("leaves what has not begun to the next one", async () => {
    const { handler, begun, end } = slowHandler();
    const { broker } = processing(handler);
    broker.deliver(asked("a1", "a"));
    broker.deliver(asked("a2", "a"));
    broker.lose();
    end("a1", "answer");
    await settle();
    expect(begun()).toEqual(["a1"]);
    expect(broker.bodies("towsmanager")).toEqual(["answer"]);
  });

  test("delivers nothing any more", async () => {
    const { broker } = processing(echoProcessed);
    broker.lose();
    broker.deliver(asked("late"));
    await settle();
    expect(broker.bodies("towsmanager")).toEqual([]);
  });
});

describe("stopping", () => {
  test("finishes what has begun, drops what waits, and is done when the answers are confirmed and acked", async () => {
    const { handler, begun, end } = slowHandler();
    const { broker, processor } = processing(handler);
    broker.deliver(asked("a1", "a"));
    broker.deliver(asked("a2", "a"));
    const drained = processor.drain(60_000);
    expect(broker.isStopped).toBe(true);
    end("a1", "answer");
    await settle();
    expect(begun()).toEqual(["a1"]);
    expect(broker.bodies("towsmanager")).toEqual(["answer"]);
    broker.confirm("towsmanager");
    expect(await drained).toBe(true);
    expect(broker.acks).toEqual([[1, true]]);
  });

  test("gives up after its timeout, and says so", async () => {
    const { handler } = slowHandler();
    const { broker, logger, processor } = processing(handler);
    broker.deliver(asked("stuck"));
    expect(await processor.drain(0)).toBe(false);
    expect(logger.lines).toMatchObject([{ level: "warn", fields: { handlersRunning: 1 } }]);
    expect(broker.acks).toEqual([]);
    processor.close();
  });

  test("gives up on answers that are not confirmed", async () => {
    const { broker, processor } = processing(echoProcessed);
    broker.deliver(asked("hello"));
    expect(await processor.drain(1)).toBe(false);
    expect(broker.acks).toEqual([]);
    processor.close();
  });

  test("stops the next session too, should there be one", async () => {
    const { broker, processor } = processing(echoProcessed);
    await processor.drain(1);
    broker.lose();
    broker.isStopped = false;
    broker.begin();
    expect(broker.isStopped).toBe(true);
  });
});
