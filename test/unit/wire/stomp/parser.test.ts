import { describe, expect, setDefaultTimeout, test } from "bun:test";
import fc from "fast-check";
import { StompFault } from "../../../../src/wire/stomp/fault.ts";
import type { FrameLimits } from "../../../../src/wire/stomp/frames.ts";
import { frameText, type Header, lineBytesMax } from "../../../../src/wire/stomp/frames.ts";
import { FrameParser } from "../../../../src/wire/stomp/parser.ts";
import { frameLimits } from "../../../support/frame-limits.ts";
import { integrationTimeoutMs } from "../../../support/timeout.ts";
import { anyCharacter } from "../../doubles/arbitraries.ts";
import { rounds } from "../../doubles/rounds.ts";

setDefaultTimeout(integrationTimeoutMs);

const defaultLimits = frameLimits(1024);

interface Taken {
  readonly command: string;
  readonly headers: readonly Header[];
  readonly body: string;
}

/** All that a parser makes of pieces, up to the first fault. */
function taken(
  pieces: readonly (string | Uint8Array)[],
  version: "1.1" | "1.2" = "1.2",
  limits: Partial<FrameLimits> = {},
) {
  const parser = new FrameParser({ ...defaultLimits, ...limits });
  parser.version = version;
  const frames: Taken[] = [];
  for (const piece of pieces) {
    parser.push(Buffer.from(piece as string));
    for (let next = parser.next(); next !== undefined || parser.hasPaused; next = parser.next()) {
      if (next === undefined) continue;
      if (next instanceof StompFault) return { frames, fault: next };
      frames.push({ command: next.command, headers: [...next.headers], body: next.body.toString("latin1") });
    }
  }
  return { frames, fault: undefined };
}

function inPieces(bytes: Uint8Array, sizes: readonly number[]): Uint8Array[] {
  const pieces: Uint8Array[] = [];
  let at = 0;
  for (const size of sizes) {
    pieces.push(bytes.subarray(at, at + size));
    at += size;
  }
  pieces.push(bytes.subarray(at));
  return pieces;
}

describe("a frame", () => {
  test("is read whole, with CR LF as well as LF, and with line ends around it", () => {
    const { frames, fault } = taken(["\n\r\nSEND\r\na:1\r\n\r\nbody\0\n\n"]);
    expect(fault).toBeUndefined();
    expect(frames).toEqual([{ command: "SEND", headers: [["a", "1"]], body: "body" }]);
  });

  test("has NULs in its body if content-length says so", () => {
    const { frames } = taken(["SEND\ncontent-length:3\n\na\0b\0SEND\n\n\0"]);
    expect(frames.map(({ body }) => body)).toEqual(["a\0b", ""]);
  });

  test("has the first of repeated headers", () => {
    expect(taken(["SEND\na:1\na:2\nb:\n\n\0"]).frames[0]!.headers).toEqual([
      ["a", "1"],
      ["b", ""],
    ]);
  });

  test("keeps spaces and colons of values", () => {
    expect(taken(["SEND\na: b:c \n\n\0"]).frames[0]!.headers).toEqual([["a", " b:c "]]);
  });

  test("is unescaped, but for CONNECT", () => {
    expect(taken(["SEND\n\\c:\\r\\n\\\\\n\n\0"]).frames[0]!.headers).toEqual([[":", "\r\n\\"]]);
    expect(taken(["CONNECT\npasscode:a\\tb\n\n\0"]).frames[0]!.headers).toEqual([["passcode", "a\\tb"]]);
  });

  test("of version 1.1 has no escaped CR, and a CR is a part of the value", () => {
    expect(taken(["SEND\na:\\r\n\n\0"], "1.1").fault?.message).toContain("1.1");
    expect(taken(["SEND\na:b\r\n\n\0"], "1.1").frames[0]!.headers).toEqual([["a", "b\r"]]);
  });
});

test("very many line ends are skipped in parts, and counted", () => {
  for (const lineEnd of ["\n", "\r\n"]) {
    const parser = new FrameParser(defaultLimits);
    parser.push(Buffer.from(`${lineEnd.repeat(100_000)}SEND\n\n\0`));
    const counts: number[] = [];
    let frame = parser.next();
    for (; parser.hasPaused; frame = parser.next()) {
      expect(frame).toBeUndefined();
      expect(parser.hasInput).toBe(true);
      counts.push(parser.takeLineEnds());
    }
    expect(frame).toMatchObject({ command: "SEND" });
    counts.push(parser.takeLineEnds());
    expect(counts.length).toBeGreaterThan(2);
    expect(counts.reduce((sum, count) => sum + count)).toBe(100_000);
  }
});

describe("limits", () => {
  test("of the body hold whether it says its length or not", () => {
    for (const start of ["SEND\nreceipt:7\n\n", "SEND\nreceipt:7\ncontent-length:1025\n\n"]) {
      expect(taken([start + "x".repeat(1025)]).fault).toMatchObject({ reason: "messageSize", receipt: "7" });
    }
    expect(taken([`SEND\n\n${"x".repeat(1024)}\0`]).fault).toBeUndefined();
  });

  test("of the head hold before it has ended", () => {
    expect(taken(["SEND\n", "x".repeat(lineBytesMax + 1)]).fault).toMatchObject({
      message: expect.stringContaining("header line"),
      reason: "headerSize",
    });
    expect(taken(["SEND\n", `a:${"x".repeat(1000)}\n`.repeat(66)]).fault).toMatchObject({
      message: "the headers of a frame have more than 65536 bytes",
      reason: "headerSize",
    });
    expect(taken(["SEND\n", "a:b\n".repeat(30)], "1.2", { maxHeaderBytes: 100 }).fault).toMatchObject({
      message: "the headers of a frame have more than 100 bytes",
    });
  });

  test("of headers hold for their number", () => {
    const withHeaders = (count: number) =>
      taken([`SEND\n${"a:\n".repeat(count)}\n\0`], "1.2", { maxHeaders: 12 }).fault;
    expect(withHeaders(12)).toBeUndefined();
    expect(withHeaders(13)).toMatchObject({
      message: "a frame has more than 12 headers",
      reason: "headerCount",
    });
  });
});

test("after a fault there is nothing but the fault", () => {
  const parser = new FrameParser(defaultLimits);
  parser.push(Buffer.from("SEND\nbad\n\n\0"));
  const fault = parser.next();
  expect(fault).toBeInstanceOf(StompFault);
  parser.push(Buffer.from("SEND\n\n\0"));
  expect(parser.next()).toBe(fault);
});

const headerText = fc
  .string({ unit: anyCharacter, minLength: 1, maxLength: 20 })
  .filter((text) => !text.includes("\0") && text.isWellFormed());
const headers = fc
  .uniqueArray(fc.tuple(headerText, headerText), { selector: ([name]) => name, maxLength: 8 })
  .map((pairs) => pairs.filter(([name]) => name !== "content-length"));
const frame = fc.record({
  command: fc.constantFrom("SEND", "MESSAGE", "STOMP", "X"),
  headers,
  body: fc.string({ unit: anyCharacter, maxLength: 40 }).filter((text) => text.isWellFormed()),
});
const sizes = fc.array(fc.nat(12), { maxLength: 30 });

test("any frames round-trip, cut anywhere, in both versions", () => {
  fc.assert(
    fc.property(
      fc.array(frame, { maxLength: 4 }),
      sizes,
      fc.constantFrom("1.1", "1.2"),
      (sent, cuts, version) => {
        // In 1.1 a CR cannot be escaped, and is none at the end of a line only if nothing else is.
        const text = sent
          .map(({ command, headers, body }) => {
            const length = ["content-length", String(Buffer.byteLength(body))] as const;
            return frameText(command, [...headers, length], body, version);
          })
          .join("\n");
        const { frames, fault } = taken(inPieces(Buffer.from(text), cuts), version);
        expect(fault).toBeUndefined();
        expect(
          frames.map(({ command, headers, body }) => ({
            command,
            headers: headers.filter(([name]) => name !== "content-length"),
            body: Buffer.from(body, "latin1").toString(),
          })),
        ).toEqual(sent);
      },
    ),
    rounds(400),
  );
});

test("any bytes are frames or a fault, the same however they are cut, and never throw", () => {
  const piece = fc.oneof(
    fc.uint8Array({ maxLength: 30 }),
    fc
      .constantFrom(
        "SEND\n",
        "\n",
        "\r\n",
        "\0",
        "a:b\n",
        "content-length:3\n",
        "receipt:1\n",
        "\\",
        ":",
        "\\t",
      )
      .map((text) => new Uint8Array(Buffer.from(text))),
  );
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 12 }), sizes, (pieces, cuts) => {
      const bytes = Buffer.concat(pieces);
      const whole = taken([bytes], "1.2", { maxMessageBytes: 16 });
      const cut = taken(inPieces(bytes, cuts), "1.2", { maxMessageBytes: 16 });
      expect(cut.frames).toEqual(whole.frames);
      expect(cut.fault?.message).toBe(whole.fault?.message);
    }),
    rounds(2000),
  );
});
