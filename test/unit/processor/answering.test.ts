import { describe, expect, test } from "bun:test";
import type { Waiter } from "../../../src/envelope/waiter.ts";
import type { OutgoingMessage } from "../../../src/message.ts";
import { Answering, answerId } from "../../../src/processor/answering.ts";

class ScriptedOutbox {
  readonly appended: OutgoingMessage[] = [];
  readonly waiters: Waiter[] = [];
  isFull = false;

  append(message: OutgoingMessage, waiter?: Waiter): number {
    this.appended.push(message);
    this.waiters.push(waiter!);
    return this.appended.length;
  }
}

const answer = (body: string): OutgoingMessage => ({ body, topic: "a" });

describe("the answers to one message", () => {
  test("have ids that follow from its id, its group and their number", () => {
    const outbox = new ScriptedOutbox();
    const answering = new Answering("m-1", "g", outbox);
    answering.publish(1, answer("one"), false);
    answering.publish(2, answer("two"), false);
    expect(outbox.appended.map(({ id }) => id)).toEqual(["m-1/g/1", "m-1/g/2"]);
  });

  test("are waited for with patience, unless a handler may await them or is soon held back", () => {
    const outbox = new ScriptedOutbox();
    const answering = new Answering("m-1", "g", outbox);
    for (let number = 1; number <= 40; number++) answering.publish(number, answer("a"), number === 3);
    expect(
      outbox.waiters
        .map(({ isPatient = false }, index) => isPatient || index + 1)
        .filter((at) => at !== true),
    ).toEqual([3, 32, 33, 34, 35, 36, 37, 38, 39, 40]);
    answering.publishError(answer("failed"));
    expect(outbox.waiters.at(-1)?.isPatient).toBeUndefined();
  });

  test("are published once, however many attempts make them", () => {
    const outbox = new ScriptedOutbox();
    const answering = new Answering("m-1", "g", outbox);
    for (const attempt of [1, 2]) {
      answering.publish(1, answer(`one of ${attempt}`), false);
      answering.publish(2, answer(`two of ${attempt}`), true);
    }
    answering.publish(3, answer("three"), false);
    expect(outbox.appended.map(({ body }) => body)).toEqual(["one of 1", "two of 1", "three"]);
  });

  test("are settled when each is confirmed, and what an earlier attempt published counts", () => {
    const outbox = new ScriptedOutbox();
    const answering = new Answering("m-1", "g", outbox);
    answering.publish(1, answer("one"), true);
    answering.publish(2, answer("two"), false);
    const settled: unknown[] = [];
    answering.whenSettled((setAside) => settled.push(setAside));
    outbox.waiters[1]!.confirmed();
    expect(settled).toEqual([]);
    outbox.waiters[0]!.confirmed();
    expect(settled).toEqual([undefined]);
  });

  test("are settled with the reason why the first of them was set aside, also for a waiter in a later attempt", async () => {
    const outbox = new ScriptedOutbox();
    const answering = new Answering("m-1", "g", outbox);
    answering.publish(1, answer("one"), true);
    outbox.waiters[0]!.setAside("too large");
    await expect(answering.confirmed(1)).rejects.toThrow("too large");
    answering.publish(1, answer("one"), true);
    await expect(answering.confirmed(1)).rejects.toThrow("too large");
    let why: unknown;
    answering.whenSettled((setAside) => {
      why = setAside;
    });
    expect(why).toBe("too large");
  });

  test("wait for room when dozens are not confirmed, or when the outbox is full of others' too", async () => {
    const outbox = new ScriptedOutbox();
    const answering = new Answering("m-1", "g", outbox);
    outbox.isFull = true;
    expect(answering.room()).toBeUndefined();
    answering.publish(1, answer("1"), false);
    let hasRoom = false;
    void answering.room()!.then(() => {
      hasRoom = true;
    });
    await Promise.resolve();
    expect(hasRoom).toBe(false);
    outbox.waiters[0]!.confirmed();
    await Promise.resolve();
    expect(hasRoom).toBe(true);
    outbox.isFull = false;
    for (let number = 2; number <= 65; number++) answering.publish(number, answer(String(number)), false);
    expect(answering.room()).toBeInstanceOf(Promise);
    outbox.waiters[1]!.confirmed();
    expect(answering.room()).toBeUndefined();
  });
});

describe("an answer's id", () => {
  test("is a hash where AMQP could not carry it, the same each time", () => {
    const long = "é".repeat(127);
    expect(answerId(long, "group", 1)).toMatch(/^sha256:[0-9a-f]{64}\/1$/);
    expect(answerId(long, "group", 1)).toBe(answerId(long, "group", 1));
    expect(answerId(long, "group", 1)).not.toBe(answerId(long, "other", 1));
  });
});
