import { expect, test } from "bun:test";
import { join } from "node:path";
import { growthOf } from "../../support/growth.ts";

const script = join(import.meta.dir, "holders.ts");
/** What a process grows by besides: code, and memory that is free and was not given back. */
const besidesBytes = 32 * 1024 ** 2;

test.each(["values of headers", "topics", "bodies", "the beginnings of frames"])(
  "%s do not keep the bytes alive that they were cut from",
  async (holder) => {
    const { grownBytes } = await growthOf(script, holder);
    expect(grownBytes).toBeLessThan(besidesBytes);
  },
);
