import { expect, test } from "bun:test";
import fc from "fast-check";
import { frameText, type Header } from "../../../../src/wire/stomp/frames.ts";
import { frameLimits } from "../../../support/frame-limits.ts";
import { type RememberingSocket, StompSide } from "../../../support/stomp-session.ts";
import { rounds } from "../../doubles/rounds.ts";

const maxMessageBytes = 8 * 1024;
const { maxHeaderBytes, maxHeaders } = frameLimits(maxMessageBytes);
/** Of `StompSide`. */
const transactionsBytesMax = 8192;
/** A client sends no more of what it says in one WebSocket message. */
const pieceBytesMax = 64 * 1024;
/** What a head of the most headers costs beyond twice its bytes. */
const headOverheadBytes = 200 * maxHeaders;
/** A frame that is not whole: its head in text, the rest in a buffer that doubles; or what was read and waits, which is one piece. */
const keptBytesMax =
  transactionsBytesMax +
  2 * maxHeaderBytes +
  headOverheadBytes +
  2 * (maxHeaderBytes + maxMessageBytes) +
  2 * pieceBytesMax;

/** What takes the most memory: long, wide, very many. */
const text = fc.oneof(
  fc.string({ maxLength: 20 }),
  fc.nat(7900).map((length) => "x".repeat(length)),
  fc.nat(2600).map((length) => "日".repeat(length)),
);
const headers = fc.oneof(
  fc.array(fc.tuple(fc.string({ minLength: 1, maxLength: 10 }), text), { maxLength: 6 }),
  fc.nat(maxHeaders).map((count) => Array.from({ length: count }, (_, index) => [`n${index}`, ""] as Header)),
);
const name = fc.constantFrom("a", "b");
const frame = fc.oneof(
  fc
    .tuple(fc.constantFrom("BEGIN", "COMMIT", "ABORT"), name)
    .map(([command, transaction]) => frameText(command, [["transaction", transaction]], "", "1.2")),
  fc
    .tuple(name, headers, text, fc.boolean(), fc.option(text, { nil: undefined }))
    .map(([transaction, extra, body, isInTransaction, receipt]) =>
      frameText(
        "SEND",
        [
          ["destination", "/topic/t"],
          ...(isInTransaction ? [["transaction", transaction] as Header] : []),
          ...(receipt === undefined ? [] : [["receipt", receipt] as Header]),
          ...extra,
        ],
        body,
        "1.2",
      ),
    ),
  fc.tuple(fc.nat(12), text).map(([id, topic]) =>
    frameText(
      "SUBSCRIBE",
      [
        ["id", `${id}`],
        ["destination", `/topic/${topic.slice(0, 200)}`],
      ],
      "",
      "1.2",
    ),
  ),
  fc.nat(12).map((id) => frameText("UNSUBSCRIBE", [["id", `${id}`]], "", "1.2")),
  fc.constant("\n\n\n"),
);
/** Frames, in pieces that have nothing to do with them, the last one perhaps not whole; and whether the outbox is full meanwhile. */
const said = fc.record({
  frames: fc.array(frame, { maxLength: 20 }),
  pieces: fc.array(fc.integer({ min: 1, max: pieceBytesMax }), { minLength: 1, maxLength: 20 }),
  isCutOff: fc.boolean(),
  roomFor: fc.oneof(fc.constant(Number.POSITIVE_INFINITY), fc.nat(5)),
});

async function say(socket: RememberingSocket, side: StompSide, bytes: Buffer, pieces: readonly number[]) {
  let at = 0;
  for (let turn = 0; at < bytes.byteLength && socket.closeCode === undefined; turn++) {
    const size = pieces[turn % pieces.length]!;
    socket.receive(Buffer.from(bytes.subarray(at, at + size)));
    at += size;
    expect(socket.data.keptBytes).toBeLessThanOrEqual(keptBytesMax);
    expect(socket.keys.size).toBeLessThanOrEqual(10);
    expect(side.unobeyedBytes).toBeLessThanOrEqual(keptBytesMax);
    // Of a client that is held back nothing more is read.
    await side.makeRoom();
  }
}

test("no sequence of frames, in whatever pieces, keeps more than the caps for its client, and nothing when it has gone", async () => {
  await fc.assert(
    fc.asyncProperty(said, async ({ frames, pieces, isCutOff, roomFor }) => {
      const side = new StompSide(maxMessageBytes);
      const socket = side.connect();
      socket.receive(Buffer.from("CONNECT\naccept-version:1.2\n\n\0"));
      side.isFullAfter = roomFor;
      const all = Buffer.from(frames.join(""));
      await say(socket, side, isCutOff ? all.subarray(0, -1) : all, pieces);
      await side.settled();
      socket.end();
      side.confirm();
      expect(side.unobeyedBytes).toBe(0);
      expect(side.relay.audiences.count).toBe(0);
    }),
    rounds(300),
  );
});

test.each([
  ["long headers", Array.from({ length: 7 }, (_, at): Header => [`h${at}`, "x".repeat(7900)])],
  ["wide headers", Array.from({ length: 7 }, (_, at): Header => [`h${at}`, "日".repeat(2600)])],
  ["many headers", Array.from({ length: maxHeaders - 2 }, (_, at): Header => [`h${at}`, ""])],
])("%s that wait for their body count, in whatever pieces they came", (_, extra) => {
  const characters = extra.flat().reduce((sum, part) => sum + part.length, 0);
  const head = frameText(
    "SEND",
    [["destination", "/topic/t"], ["content-length", "1000"], ...extra],
    "",
    "1.2",
  );
  const bytes = Buffer.from(head).subarray(0, -1);
  for (const size of [bytes.byteLength, 1000, 1]) {
    const socket = new StompSide(maxMessageBytes).connect();
    socket.receive(Buffer.from("CONNECT\naccept-version:1.2\n\n\0"));
    for (let at = 0; at < bytes.byteLength; at += size)
      socket.receive(Buffer.from(bytes.subarray(at, at + size)));
    expect(socket.closeCode).toBeUndefined();
    expect(socket.data.keptBytes).toBeGreaterThan(characters);
    expect(socket.data.keptBytes).toBeLessThan(4 * bytes.byteLength + headOverheadBytes);
    socket.receive(Buffer.from(`${"b".repeat(1000)}\0`));
    expect(socket.data.keptBytes).toBe(0);
    socket.end();
  }
});
