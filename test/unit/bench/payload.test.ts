import { expect, test } from "bun:test";
import { PayloadLayout } from "../../../src/bench/payload.ts";

function written(layout: PayloadLayout, publisher: number, sequence: number): Uint8Array {
  const bytes = new Uint8Array(layout.sizeBytes);
  layout.prepare(bytes, 0);
  layout.number(bytes, 0, publisher, sequence);
  return bytes;
}

test("a message is readable text of the size asked for", () => {
  const layout = new PayloadLayout("run00001", 100, 1000, 32);
  expect(new TextDecoder().decode(written(layout, 7, 42))).toBe("run00001 07 042 xxxxxxxxxxxxxxxx");
});

test("what was written is read", () => {
  const layout = new PayloadLayout("run00001", 10_000, 2 ** 32 - 1, 32);
  for (const [publisher, sequence] of [
    [0, 0],
    [1, 9],
    [9999, 4_294_967_294],
    [123, 2 ** 31],
  ] as const) {
    expect(layout.read(written(layout, publisher, sequence), 0)).toBe(true);
    expect([layout.publisher, layout.sequence]).toEqual([publisher, sequence]);
  }
});

test("one digit each is enough for one publisher with one message", () => {
  const layout = new PayloadLayout("run00001", 1, 1, 32);
  expect(layout.read(written(layout, 0, 0), 0)).toBe(true);
});

test("another run's message is not ours", () => {
  const bytes = written(new PayloadLayout("run00001", 10, 10, 64), 1, 1);
  expect(new PayloadLayout("run00002", 10, 10, 64).read(bytes, 0)).toBe(false);
  expect(new PayloadLayout("bun00001", 10, 10, 64).read(bytes, 0)).toBe(false);
});

test("a message with anything but digits in a number is not ours", () => {
  const layout = new PayloadLayout("run00001", 10, 100, 64);
  for (const at of [9, 11, 12]) {
    const bytes = written(layout, 1, 1);
    bytes[at] = 0x61;
    expect(layout.read(bytes, 0)).toBe(false);
  }
});

test("a size that the numbers do not fit in is refused", () => {
  expect(() => new PayloadLayout("run00001", 10_000, 2 ** 32 - 1, 23)).toThrow(RangeError);
});
