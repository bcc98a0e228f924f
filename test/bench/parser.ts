/**
 * `bun test/bench/parser.ts [FILE]`: frames a second that the parser of STOMP frames reads, of several kinds, one WebSocket
 * message for each. With another parser's file, as of another commit, the two take turns.
 */
import { join, resolve } from "node:path";
import { frameLimits } from "../support/frame-limits.ts";

type Parsers = typeof import("../../src/wire/stomp/parser.ts");

const rounds = 9;
const framesPerRound = 100_000;

const body = "x".repeat(64);
const kinds: Readonly<Record<string, (index: number) => string>> = {
  "SEND, two headers": () => `SEND\ndestination:/topic/rooms.7\ncontent-length:64\n\n${body}\0`,
  "SEND, with a receipt": (index) =>
    `SEND\ndestination:/topic/rooms.${index % 50}\nreceipt:message-${index}\ncontent-type:application/json\n\n${body}\0`,
  "SEND, ten headers of its own": (index) =>
    `SEND\ndestination:/topic/rooms.7\n${Array.from({ length: 10 }, (_, header) => `header-${header}:value ${header} of ${index}\n`).join("")}\n${body}\0`,
  "SEND, outside ASCII": (index) =>
    `SEND\ndestination:/topic/räume.${index % 50}\nwer:日本語 ${index}\n\n${body}\0`,
  SUBSCRIBE: (index) =>
    `SUBSCRIBE\nid:sub-${index % 10}\ndestination:/topic/rooms.*.messages\nack:auto\n\n\0`,
};

const files = [join(import.meta.dir, "../../src/wire/stomp/parser.ts"), ...process.argv.slice(2)];
const parsers = await Promise.all(files.map(async (file) => (await import(resolve(file))) as Parsers));

function framesPerSecond({ FrameParser }: Parsers, messages: readonly Buffer[]): number {
  const parser = new FrameParser(frameLimits(1024));
  const startedMs = performance.now();
  let count = 0;
  for (let index = 0; index < framesPerRound; index++) {
    parser.push(messages[index % messages.length]!);
    for (let next = parser.next(); next !== undefined; next = parser.next()) count++;
  }
  if (count !== framesPerRound) throw new Error(`${count} frames of ${framesPerRound}`);
  return count / ((performance.now() - startedMs) / 1000);
}

for (const [kind, frame] of Object.entries(kinds)) {
  const messages = Array.from({ length: 1000 }, (_, index) => Buffer.from(frame(index)));
  const best = parsers.map(() => 0);
  for (let round = 0; round < rounds; round++) {
    for (const [index, parser] of parsers.entries())
      best[index] = Math.max(best[index]!, framesPerSecond(parser, messages));
  }
  const shown = best.map((each) => `${Math.round(each / 1000).toLocaleString("en-US")} k/s`.padStart(12));
  process.stdout.write(`${kind.padEnd(30)}${shown.join("")}\n`);
}
