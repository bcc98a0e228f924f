import { afterEach, beforeEach, describe, expect, jest, test } from "bun:test";
import { MessageTrace } from "../../../src/ops/message-trace.ts";
import { RecordingLogger } from "../doubles/recording-logger.ts";

beforeEach(() => {
  jest.useFakeTimers();
});
afterEach(() => {
  jest.useRealTimers();
});

function messageTrace(mode: "auto" | "on" | "off") {
  const logger = new RecordingLogger();
  const messages = new MessageTrace(logger, mode);
  /** Passes messages as the hot path does, and says how many of them were printed. */
  const pass = (count: number) => {
    let printed = 0;
    for (let i = 0; i < count; i++) {
      if (!messages.wants()) continue;
      messages.print("client sent", "hello", { topic: "" });
      printed++;
    }
    return printed;
  };
  const counts = () =>
    logger.lines
      .filter(({ message }) => message.startsWith("more messages"))
      .map(({ fields }) => fields["count"]);
  return { logger, messages, pass, counts };
}

test("on prints all, off none, and neither counts nor needs a timer", () => {
  const on = messageTrace("on");
  const off = messageTrace("off");
  expect([on.pass(1000), off.pass(1000)]).toEqual([1000, 0]);
  expect(jest.getTimerCount()).toBe(0);
  jest.advanceTimersByTime(10_000);
  on.messages.close();
  off.messages.close();
  expect([on.counts(), off.counts()]).toEqual([[], []]);
});

describe("auto", () => {
  test("prints ten a second and counts the rest", () => {
    const { pass, counts } = messageTrace("auto");
    expect(pass(1000)).toBe(10);
    expect(counts()).toEqual([]);
    jest.advanceTimersByTime(1000);
    expect(counts()).toEqual([990]);
    expect(pass(25)).toBe(10);
    jest.advanceTimersByTime(1000);
    expect(counts()).toEqual([990, 15]);
  });

  test("prints no count where nothing was left out", () => {
    const { pass, counts } = messageTrace("auto");
    for (let second = 0; second < 5; second++) {
      expect(pass(10)).toBe(10);
      jest.advanceTimersByTime(1000);
    }
    expect(counts()).toEqual([]);
  });

  test("under a load that does not end, prints eleven lines a second and no more", () => {
    const { logger, pass } = messageTrace("auto");
    for (let ms = 0; ms < 5000; ms += 10) {
      pass(100);
      jest.advanceTimersByTime(10);
    }
    expect(logger.lines.length).toBe(5 * 11);
  });

  test("loses no message from its count", () => {
    const { pass, counts, messages } = messageTrace("auto");
    let printed = 0;
    for (let i = 0; i < 100; i++) {
      printed += pass(7);
      jest.advanceTimersByTime(170);
    }
    messages.close();
    expect(printed + counts().reduce((sum: number, count) => sum + Number(count), 0)).toBe(700);
  });

  test("needs no timer once nothing passes any more", () => {
    const { pass } = messageTrace("auto");
    expect(jest.getTimerCount()).toBe(0);
    pass(100);
    jest.advanceTimersByTime(2000);
    expect(jest.getTimerCount()).toBe(0);
    expect(pass(10)).toBe(10);
  });

  test("prints at its end what it had counted, and leaves no timer", () => {
    const { pass, counts, messages } = messageTrace("auto");
    pass(30);
    messages.close();
    expect(counts()).toEqual([20]);
    expect(jest.getTimerCount()).toBe(0);
  });
});

describe("a line", () => {
  const printed = (body: string | Uint8Array, fields: { client?: string; topic: string }) => {
    const { logger, messages } = messageTrace("on");
    messages.print("came back", body, fields);
    expect(logger.lines.length).toBe(1);
    return logger.lines[0]!;
  };

  test("says what happened, with client and topic where there are any", () => {
    expect(printed("hello", { client: "c-1", topic: "a" })).toEqual({
      level: "info",
      message: "came back",
      fields: { client: "c-1", topic: "a", message: "hello" },
    });
    expect(printed("", { topic: "" }).fields).toEqual({ message: "" });
  });

  test("shows how many bytes there are in place of bytes", () => {
    expect(printed(new Uint8Array(7), { topic: "" }).fields["message"]).toBe("<7 bytes>");
  });

  test("cuts a long text and says how long it is", () => {
    expect(printed("é".repeat(200), { topic: "" }).fields["message"]).toBe("é".repeat(200));
    expect(printed("é".repeat(201), { topic: "" }).fields["message"]).toBe(`${"é".repeat(200)}… (402 bytes)`);
  });
});
