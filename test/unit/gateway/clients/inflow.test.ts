import { describe, expect, test } from "bun:test";
import { Inflow } from "../../../../src/gateway/clients/inflow.ts";

const kibibyte = 1024;
const messageMax = 1088 * kibibyte;
const handshake = 400;

function inflowOf({ isTls = false } = {}) {
  const inflow = new Inflow(isTls, messageMax, 0);
  let consumed = handshake;
  return {
    inflow,
    came: (bytes: number) => {
      consumed += bytes;
    },
    visit: (nowMs: number, isHeld = false) => inflow.visit(consumed, isHeld, nowMs),
  };
}

describe("a message of which a part has come", () => {
  test("counts with what has come, and no longer when it is whole", () => {
    const { inflow, came, visit } = inflowOf();
    visit(0);
    came(40 * kibibyte);
    visit(1000);
    came(500 * kibibyte);
    visit(2000);
    expect(inflow.halfBytes).toBe(540 * kibibyte);
    expect(inflow.keptBytes).toBe(540 * kibibyte);
    came(14);
    inflow.message(new Uint8Array(540 * kibibyte));
    visit(3000);
    expect(inflow.halfBytes).toBe(0);
  });

  test("is told from the small ones before it, which came since the last visit as well", () => {
    const { inflow, came, visit } = inflowOf();
    visit(0);
    for (let count = 0; count < 100; count++) {
      came(106);
      inflow.message("x".repeat(100));
    }
    came(800 * kibibyte);
    visit(1000);
    expect(inflow.keptBytes).toBeGreaterThan(798 * kibibyte);
    expect(inflow.halfBytes).toBeGreaterThan(750 * kibibyte);
  });

  test("is as old as the last whole one, and as the last moment in which the client was held", () => {
    const { inflow, came, visit } = inflowOf();
    visit(0);
    came(106);
    inflow.message("x".repeat(100));
    visit(1000);
    came(200 * kibibyte);
    visit(31_000);
    expect(inflow.unfinishedMs(31_000)).toBe(30_000);
    visit(32_000, true);
    visit(33_000);
    expect(inflow.unfinishedMs(33_000)).toBe(1000);
  });
});

describe("what is no part of a message", () => {
  test.each([false, true])("such as answers to pings for a year, counts nothing (TLS: %p)", (isTls) => {
    const { inflow, came, visit } = inflowOf({ isTls });
    for (let count = 0; count < 100_000; count++) {
      came(isTls ? 6 + 40 : 6);
      inflow.control(new Uint8Array(0));
      if (count % 3 === 0) visit(count);
    }
    visit(100_000);
    expect(inflow.keptBytes).toBe(0);
  });

  test("such as what TLS has around many small messages, and bytes of characters, disconnects nobody", () => {
    const { inflow, came, visit } = inflowOf({ isTls: true });
    for (let count = 0; count < 1000; count++) {
      for (let each = 0; each < 50; each++) {
        came(3 * 20 + 6 + 22);
        inflow.message("雪".repeat(20));
      }
      visit(count);
      expect(inflow.halfBytes).toBe(0);
    }
    expect(inflow.keptBytes).toBeLessThan(8 * kibibyte);
  });
});

test("the buffer of the longest message is kept for the next one, as Bun does", () => {
  const { inflow, came, visit } = inflowOf();
  came(700 * kibibyte);
  inflow.message(new Uint8Array(700 * kibibyte - 14));
  visit(0);
  visit(60_000);
  expect(inflow.keptBytes).toBe(700 * kibibyte - 14);
  expect(inflow.halfBytes).toBe(0);
});
