import { describe, expect, test } from "bun:test";
import { dirname, join } from "node:path";
import fc from "fast-check";
import { rounds } from "../../doubles/rounds.ts";

/** What `patches/amqplib@2.3.1.patch` mends: without it these fail. */

interface Codec {
  decodeFields(fields: Buffer): Record<string, unknown>;
  encodeTable(into: Buffer, table: object, at: number): number;
}
// The package exports no such file.
const home = dirname(Bun.resolveSync("amqplib/package.json", import.meta.dir));
const { decodeFields, encodeTable } = (await import(join(home, "lib", "codec.js"))) as Codec;

function written(table: object): Buffer {
  const bytes = Buffer.alloc(100_000);
  return bytes.subarray(4, encodeTable(bytes, table, 0));
}

const readAgain = (table: object) => decodeFields(written(table));
const readField = (type: string, value: Buffer) =>
  decodeFields(Buffer.concat([Buffer.from([1]), Buffer.from(`h${type}`), value]))["h"];

function u64(value: bigint): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64BE(value);
  return bytes;
}

describe("amqplib, as it is patched,", () => {
  test("reads integers of 64 bits to the last digit", () => {
    expect(readField("l", u64(175928847299117063n))).toBe(175928847299117063n);
    expect(readField("l", u64(2n ** 64n - 1n))).toBe(-1);
    expect(readField("T", u64(1_700_000_000n))).toEqual({ "!": "timestamp", value: 1_700_000_000 });
    expect(readField("T", u64(2n ** 64n - 1n))).toEqual({ "!": "timestamp", value: 2n ** 64n - 1n });
  });

  test.each([
    ["an integer that no number can hold", 175928847299117063n],
    ["the least integer", -(2n ** 63n)],
    ["no number", Number.NaN],
    ["infinity", Number.NEGATIVE_INFINITY],
    ["a number below all integers", -1e300],
    ["a number above all integers", 1e300],
    ["a time after all time", { "!": "timestamp", value: 2n ** 64n - 1n }],
    ["a decimal", { "!": "decimal", value: { places: 255, digits: 2 ** 32 - 1 } }],
    ["bytes", Buffer.from([0xff, 0])],
    ["a list", [1n << 60n, [null, true], { deep: "x" }]],
  ])("writes what it reads: %s", (_, value) => {
    expect(readAgain({ h: value })).toEqual({ h: value });
  });

  test("writes every number as itself", () => {
    const number = fc.oneof(
      fc.double(),
      fc.integer(),
      fc.maxSafeInteger(),
      fc.bigInt(-(2n ** 63n), 2n ** 63n - 1n),
    );
    fc.assert(
      fc.property(number, (value) => {
        const read = readAgain({ h: value })["h"];
        // An integer is read as a number where that is exact.
        if (typeof value === "bigint") expect(BigInt(read as number)).toBe(value);
        else expect(Object.is(Number(read) + 0, value + 0)).toBe(true);
      }),
      rounds(),
    );
  });

  test("reads lists and tables that are nested deeper than its stack as empty", () => {
    const depth = 20_000;
    const deep = Buffer.alloc(5 * depth + 1, "V");
    for (let level = 0; level < depth; level++) {
      deep.write("A", 5 * level);
      deep.writeUInt32BE(5 * (depth - level - 1) + 1, 5 * level + 1);
    }
    expect(Array.isArray(readField("", deep))).toBe(true);
  });

  test("takes the first of a field that is repeated, and none that is called __proto__", () => {
    const own = written({ "x-stream-offset": 5 });
    const forged = written({ "x-stream-offset": 1 });
    const proto = written(JSON.parse('{"__proto__": {"client-id": "anna"}}'));
    expect(decodeFields(Buffer.concat([own, forged, proto]))).toEqual({ "x-stream-offset": 5 });
  });
});
