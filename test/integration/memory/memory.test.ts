import { describe, expect, test } from "bun:test";
import { join } from "node:path";
import { growthOf } from "../../support/growth.ts";
import { caps, parts } from "./holders.ts";

const script = join(import.meta.dir, "holders.ts");
/** What a process grows by besides: code, and memory that is free and was not given back. */
const besidesBytes = 32 * 1024 ** 2;

/** Each is a process that fills tens of megabytes. */
const timeoutMs = 30_000;

describe("what is kept of a frame does not keep the rest of it alive", () => {
  test.each(Object.keys(parts))(
    "%s",
    async (name) => {
      const { grownBytes } = await growthOf(script, name);
      expect(grownBytes).toBeLessThan(besidesBytes);
    },
    timeoutMs,
  );
});

describe("a cap in bytes is at least half of what is really taken", () => {
  test.each(Object.keys(caps))(
    "%s",
    async (name) => {
      const { grownBytes, capBytes } = await growthOf(script, name);
      expect(grownBytes).toBeLessThan(2 * capBytes + besidesBytes);
    },
    timeoutMs,
  );
});
