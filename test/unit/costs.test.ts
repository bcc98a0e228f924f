import { expect, test } from "bun:test";
import { messageCostBytes } from "../../src/costs.ts";

const costOf = (body: string | Uint8Array) => messageCostBytes({ body, topic: "t" });

test.each(["x", "é", "日", "😀", "x日"])(
  "a message of many %s costs no less than its text and no less than its bytes on their way to the broker",
  (some) => {
    for (const count of [1, 1000, 100_000])
      expect(costOf(some.repeat(count))).toBeGreaterThanOrEqual(2 * count * some.length);
    const long = some.repeat(100_000);
    expect(costOf(long)).toBeGreaterThanOrEqual(Buffer.byteLength(long));
    expect(costOf(long)).toBeLessThan(2 * Buffer.byteLength(long) + 1024);
  },
);
