import { expect } from "bun:test";
import { StompFault } from "../../src/wire/stomp/fault.ts";
import type { Version } from "../../src/wire/stomp/frames.ts";
import { FrameParser } from "../../src/wire/stomp/parser.ts";
import { frameLimits } from "./frame-limits.ts";
import { framesIn } from "./frames-in.ts";
import type { SeededRandom } from "./seeded-random.ts";
import { inPieces } from "./stomp-fuzz.ts";
import type { StompSide } from "./stomp-session.ts";

const limits = frameLimits(4096);

/** What a parser makes of an input, in words that can be compared. */
function parsed(pieces: readonly Buffer[], version: Version): string[] {
  const parser = new FrameParser(limits);
  parser.version = version;
  const found: string[] = [];
  for (const piece of pieces) {
    // A copy, since Bun lends its bytes only until the handler returns.
    const lent = Buffer.from(piece);
    for (const next of framesIn(parser, lent)) {
      if (next instanceof StompFault) return [...found, "fault"];
      found.push(`${next.command} ${JSON.stringify([...next.headers])} ${next.body.toString("latin1")}`);
    }
  }
  return found;
}

/** The parser makes the same of it however it is cut, and throws nothing. */
export function expectSameInPieces(input: Buffer, random: SeededRandom): void {
  const version = random.of(["1.1", "1.2"] as const);
  const whole = parsed([input], version);
  const cut = parsed(inPieces(input, random), version);
  if (whole.length !== cut.length || whole.some((found, index) => found !== cut[index]))
    expect(cut).toEqual(whole);
}

const connectFrame = Buffer.from("CONNECT\naccept-version:1.2\n\n\0");
const answers = /^(?:CONNECTED|MESSAGE|RECEIPT|ERROR)\n/;

/** A session takes it, or answers with an ERROR and closes; it throws nothing, and leaves nothing behind. */
export function expectOrderlySession(
  side: StompSide,
  input: Buffer,
  random: SeededRandom,
): "went on" | "ended" {
  const socket = side.connect();
  if (!random.isOnceIn(10)) socket.receive(connectFrame);
  for (const piece of inPieces(input, random)) socket.receive(Buffer.from(piece));
  side.confirm();
  const last = socket.sent.at(-1)?.toString("latin1") ?? "";
  const frames = socket.sent.filter((frame) => !answers.test(frame.toString("latin1")));
  // Heart-beats apart, which nobody waits for here.
  if (frames.length > 0) expect(frames.map(String)).toEqual([]);
  const hasFailed = last.startsWith("ERROR\n");
  if (socket.closeCode === undefined) expect(hasFailed).toBe(false);
  else if (socket.closeCode !== 1000)
    expect({ hasFailed, code: socket.closeCode }).toEqual({ hasFailed: true, code: 1002 });
  socket.end();
  if (side.relay.audiences.count !== 0) expect(side.relay.audiences.count).toBe(0);
  return socket.closeCode === undefined ? "went on" : "ended";
}
