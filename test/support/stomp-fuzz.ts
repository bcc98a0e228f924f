import { stompCorpus } from "../corpus/stomp.ts";
import type { SeededRandom } from "./seeded-random.ts";

const corpus = Object.values(stompCorpus).map((text) => Buffer.from(text, "latin1"));

const usual = ["SEND", "SEND", "SEND", "SUBSCRIBE", "SUBSCRIBE", "BEGIN", "UNSUBSCRIBE", "COMMIT", "ABORT"];
const odd = ["ACK", "NACK", "DISCONNECT", "CONNECT", "STOMP", "MESSAGE", "RECEIPT", "ERROR", "send", ""];
const names = [
  ...["destination", "destination", "id", "id", "receipt", "transaction", "content-length", "content-type"],
  ...["ack", "accept-version", "heart-beat", "x-stream-offset", "x-stream-after", "passcode", "selector"],
  ...["__proto__", "\\c", "\\", "", "a", "message-id", "client-id"],
];
const values = [
  ...[
    "/topic/a",
    "/topic/a.b",
    "/topic/#",
    "/topic/*.a",
    "/broadcast",
    "/direct",
    "/auth",
    "/queue/a",
    "/topic/",
  ],
  ...[
    "1",
    "2",
    "r",
    "t",
    "0",
    "3",
    "-1",
    "99999999999999999999",
    "1.2",
    "1.1,1.2",
    "1.0",
    "0,0",
    "1000,1000",
  ],
  ...["auto", "client", "first", "next", "timestamp=1", "5.2", "application/octet-stream", "text/plain"],
  ...["\\n\\c\\\\", "\\r", "\\t", "\u00e9", "", "x".repeat(300)],
];
const bodies = ["", "", "text", "a\0b", "\0", "\xff\xfe", "x".repeat(2000), "\n\n", "{}"];

/** A frame as a client might send it, right more often than not. */
function frameOf(random: SeededRandom): Buffer {
  const lines = [random.of(random.isOnceIn(8) ? odd : usual)];
  const isKnown = !random.isOnceIn(6);
  if (isKnown && lines[0] === "SEND") lines.push("destination:/topic/a");
  if (isKnown && lines[0] === "SUBSCRIBE")
    lines.push(`id:${random.below(20)}`, `destination:${random.of(values)}`);
  if (isKnown && lines[0] === "UNSUBSCRIBE") lines.push(`id:${random.below(20)}`);
  if (isKnown && ["BEGIN", "COMMIT", "ABORT"].includes(lines[0]!))
    lines.push(`transaction:${random.below(3)}`);
  for (let count = random.below(4); count > 0; count--)
    lines.push(`${random.of(names)}:${random.of(values)}`);
  const lineEnd = random.isOnceIn(5) ? "\r\n" : "\n";
  const body = lines[0] === "SEND" || random.isOnceIn(10) ? random.of(bodies) : "";
  if (body.includes("\0") && !random.isOnceIn(4)) lines.push(`content-length:${body.length}`);
  return Buffer.from(`${lines.join(lineEnd)}${lineEnd}${lineEnd}${body}\0`, "latin1");
}

/** Changes some of the bytes: others in their place, some more, some less, some twice, or some of the corpus among them. */
function mutated(bytes: Buffer, random: SeededRandom): Buffer {
  let result = bytes;
  for (let count = 1 + random.below(3); count > 0; count--) {
    const at = random.below(result.length + 1);
    const [before, after] = [result.subarray(0, at), result.subarray(at)];
    const length = 1 + random.below(8);
    const kind = random.below(6);
    if (kind === 0) result = Buffer.concat([before, Buffer.from([random.below(256)]), after.subarray(1)]);
    else if (kind === 1)
      result = Buffer.concat([before, Buffer.from([random.of([0, 10, 13, 58, 92, 255])]), after]);
    else if (kind === 2) result = Buffer.concat([before, after.subarray(length)]);
    else if (kind === 3) result = Buffer.concat([before, after.subarray(0, length), after]);
    else if (kind === 4) result = Buffer.concat([before, random.of(corpus), after]);
    else result = before;
  }
  return result;
}

/** One input of a hostile client: some frames, right or not, as one run of bytes. */
export function stompInput(random: SeededRandom): Buffer {
  const frames: Buffer[] = [];
  for (let count = 1 + random.below(3); count > 0; count--) {
    const frame = random.isOnceIn(20) ? random.of(corpus) : frameOf(random);
    frames.push(random.isOnceIn(4) ? mutated(frame, random) : frame);
  }
  return Buffer.concat(frames);
}

/** The same bytes in pieces, cut anywhere. */
export function inPieces(bytes: Buffer, random: SeededRandom): Buffer[] {
  const pieces: Buffer[] = [];
  for (let at = 0; at < bytes.length; ) {
    const size = 1 + random.below(random.isOnceIn(2) ? 4 : bytes.length);
    pieces.push(bytes.subarray(at, at + size));
    at += size;
  }
  return pieces;
}

export { corpus };
