import { afterEach, beforeEach, describe, expect, jest, spyOn, test } from "bun:test";
import { echoProcessed, type Handler } from "../../../src/processor/handler.ts";
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
