import { expect, test } from "bun:test";
import { type CloseCode, closeCodes } from "../../../src/wire/close-codes.ts";

const all = Object.entries<CloseCode>(closeCodes);

test("every close code may be sent, with a reason that fits into a close frame", () => {
  for (const [, { code, reason }] of all) {
    // RFC 6455, section 7.4, and its registry, which has 1012 (service restart): 1006 is what a browser calls the lack of a close frame.
    expect(
      code === 1006 ||
        [1000, 1001, 1002, 1007, 1008, 1009, 1012].includes(code) ||
        (code >= 4000 && code < 5000),
    ).toBe(true);
    expect(Buffer.byteLength(reason)).toBeLessThanOrEqual(123);
    expect(reason === "").toBe(code === 1006);
  }
});

test("no two close codes look the same to a client", () => {
  expect(new Set(all.map(([, { code, reason }]) => `${code} ${reason}`)).size).toBe(all.length);
});
