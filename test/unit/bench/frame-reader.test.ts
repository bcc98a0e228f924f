import { expect, test } from "bun:test";
import fc from "fast-check";
import { FrameError, FrameReader, type FrameSink } from "../../../src/bench/frame-reader.ts";
import { rounds } from "../doubles/rounds.ts";
import { serverFrame } from "./server-frame.ts";

const [finalText, finalBinary, firstText, middle, last, close, ping] = [
  0x81, 0x82, 0x01, 0x00, 0x80, 0x88, 0x89,
];

class Found implements FrameSink {
  readonly found: string[] = [];

  text(bytes: Uint8Array, at: number, length: number): void {
    this.found.push(`text ${Buffer.from(bytes).toString("utf8", at, at + length)}`);
  }

  binary(): void {
    this.found.push("binary");
  }

  control(opcode: number, payload: Uint8Array): void {
    this.found.push(`control ${opcode} ${Buffer.from(payload).toString("latin1")}`);
  }
}

function read(...chunks: readonly Uint8Array[]): string[] {
  const sink = new Found();
  const reader = new FrameReader(sink);
  for (const chunk of chunks) reader.read(chunk);
  return sink.found;
}

test("frames that share a chunk are all found", () => {
  const chunk = Buffer.concat([
    serverFrame(finalText, "one"),
    serverFrame(finalText, ""),
    serverFrame(finalBinary, "b"),
  ]);
  expect(read(chunk)).toEqual(["text one", "text ", "binary"]);
});

test("frames of any length are found however the bytes are split", () => {
  const length = fc.oneof(fc.nat(10), fc.constantFrom(125, 126, 127, 65_535, 65_536), fc.nat(300));
  fc.assert(
    fc.property(
      fc.array(length, { maxLength: 8 }),
      fc.array(fc.double({ min: 0, max: 1, noNaN: true })),
      (lengths, cuts) => {
        const bytes = Buffer.concat(lengths.map((many) => serverFrame(finalText, "m".repeat(many))));
        const places = [
          0,
          ...cuts.map((cut) => Math.floor(cut * bytes.length)).toSorted((a, b) => a - b),
          bytes.length,
        ];
        const chunks = places.slice(1).map((place, i) => bytes.subarray(places[i], place));
        expect(read(...chunks)).toEqual(lengths.map((many) => `text ${"m".repeat(many)}`));
      },
    ),
    rounds(),
  );
});

test("frames are found byte by byte", () => {
  const bytes = Buffer.concat([
    serverFrame(finalText, "a".repeat(200)),
    serverFrame(ping, "p"),
    serverFrame(finalText, "z"),
  ]);
  expect(read(...Array.from(bytes, (byte) => Uint8Array.of(byte)))).toEqual([
    `text ${"a".repeat(200)}`,
    "control 9 p",
    "text z",
  ]);
});

test("fragments are one message, and a ping between them is answered at once", () => {
  const bytes = Buffer.concat([
    serverFrame(firstText, "one "),
    serverFrame(middle, "two "),
    serverFrame(ping, "p"),
    serverFrame(last, "three"),
    serverFrame(finalText, "next"),
  ]);
  expect(read(bytes)).toEqual(["control 9 p", "text one two three", "text next"]);
});

test("a close frame carries its payload", () => {
  expect(read(serverFrame(close, Buffer.of(0x03, 0xe9, 0x62)))).toEqual(["control 8 \x03éb"]);
});

const forbidden: [string, Uint8Array][] = [
  ["a masked frame", Buffer.of(0x81, 0x81, 0, 0, 0, 0, 0x61)],
  ["a compressed frame", serverFrame(0xc1, "x")],
  ["a continuation of nothing", serverFrame(last, "x")],
  [
    "a message within a fragmented one",
    Buffer.concat([serverFrame(firstText, "x"), serverFrame(finalText, "y")]),
  ],
  ["a fragmented ping", serverFrame(0x09, "x")],
  ["a reserved opcode", serverFrame(0x83, "x")],
  ["a reserved control opcode", serverFrame(0x8b, "x")],
  ["a ping of more than 125 bytes", serverFrame(ping, "x".repeat(126))],
  ["a frame of a terabyte", Buffer.of(0x81, 127, 0, 0, 1, 0, 0, 0, 0, 0)],
];

test.each(forbidden)("%s is an error", (_name, bytes) => {
  expect(() => read(bytes)).toThrow(FrameError);
});
