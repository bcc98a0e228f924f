import { afterEach, beforeEach, describe, expect, spyOn, test } from "bun:test";
import { echoProcessed } from "../../../src/processor/handler.ts";
import { turn } from "../doubles/turn.ts";
import { asked, processing, settle, slowHandler } from "./processing.ts";

let sleep: ReturnType<typeof spyOn<typeof Bun, "sleep">>;
beforeEach(() => {
  // Waits between attempts take no time here.
  sleep = spyOn(Bun, "sleep").mockImplementation(() => turn());
});
afterEach(() => {
  sleep.mockRestore();
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
