import { describe, expect, test } from "bun:test";
import { faultInProperty, isExpired, propertyNames } from "../../src/properties.ts";

describe("a property", () => {
  test.each([
    ["priority", "0", "255"],
    ["expiration", "0", "4294967295"],
    ["timestamp", "0", "253402300799"],
    ["correlation-id", "x", "é".repeat(127)],
    ["reply-to", "answers", "/temp-queue/any"],
  ] as const)("%s may be %s, and %s", (name, least, most) => {
    for (const value of [least, most]) expect(faultInProperty(name, value)).toBeUndefined();
  });

  test.each([
    ["priority", "256", "is a whole number from 0 to 255"],
    ["priority", "-1", "is a whole number from 0 to 255"],
    ["priority", "high", "is a whole number from 0 to 255"],
    ["priority", "", "is a whole number from 0 to 255"],
    ["expiration", "4294967296", "is a time in milliseconds, from 0 to 4294967295"],
    ["expiration", "1.5", "is a time in milliseconds, from 0 to 4294967295"],
    ["timestamp", "2026-11-25", "is a time in whole seconds since 1970"],
    ["content-type", "application/vnd.warren.packed", "is none of Warren's own (application/vnd.warren.…)"],
    ["content-type", "Application/vnd.warren.mark", "is none of Warren's own (application/vnd.warren.…)"],
    ["reply-to", "amq.rabbitmq.reply-to", "is none of RabbitMQ's own queues (amq.rabbitmq.…)"],
    ["type", "é".repeat(128), "has at most 255 bytes"],
  ] as const)("%s may not be %s", (name, value, fault) => {
    expect(faultInProperty(name, value)).toBe(fault);
  });

  test("of any name has a limit", () => {
    for (const name of propertyNames) expect(faultInProperty(name, "x".repeat(256))).toBeDefined();
  });
});

describe("a message that is to live for 1500 ms", () => {
  const message = { headers: { expiration: "1500" }, timestamp: 100 };

  test("is alive until as long after the second in which it was sent", () => {
    expect(isExpired(message, () => 102_499)).toBe(false);
    expect(isExpired(message, () => 102_500)).toBe(true);
  });

  test("lives for ever where nobody knows when it was sent, as do those that say nothing", () => {
    expect(isExpired({ headers: message.headers, timestamp: undefined }, () => 1e15)).toBe(false);
    expect(isExpired({ headers: {}, timestamp: 100 }, () => 1e15)).toBe(false);
    expect(isExpired({ headers: undefined, timestamp: 100 }, () => 1e15)).toBe(false);
  });
});
