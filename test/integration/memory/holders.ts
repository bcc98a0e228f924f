/**
 * `bun holders.ts NAME`: fills one of the things that keep what clients say, with what takes the most memory, and shows by how
 * much the process has grown. `memory.test.ts` runs them.
 */
import { StompFault } from "../../../src/gateway/stomp/fault.ts";
import type { Frame } from "../../../src/gateway/stomp/frames.ts";
import { FrameParser } from "../../../src/gateway/stomp/parser.ts";
import { messageOf } from "../../../src/gateway/stomp/sent-message.ts";
import { frameLimits } from "../../support/frame-limits.ts";
import { type Holder, measure } from "../../support/growth.ts";

/** The frames that a client's bytes make. */
function* framesOf(bytes: Buffer): Iterable<Frame> {
  const parser = new FrameParser(frameLimits(1024 ** 2));
  parser.push(bytes);
  for (let next = parser.next(); next !== undefined; next = parser.next()) {
    if (next instanceof StompFault) throw next;
    yield next;
  }
}

/** Headers that nobody keeps, as long as a head may be. */
const ballast = Array.from({ length: 7 }, (_, index) => `x-${index}:${"x".repeat(8000)}\n`).join("");

const holders: Record<string, Holder> = {
  "values of headers": () => {
    const held: string[] = [];
    for (let index = 0; index < 4000; index++) {
      for (const { headers } of framesOf(Buffer.from(`SEND\nname:value ${index}\n${ballast}\n\0`)))
        held.push(headers.get("name")!);
    }
    return { held, countedBytes: 0 };
  },
  topics: () => {
    const held: string[] = [];
    for (let index = 0; index < 4000; index++) {
      for (const frame of framesOf(Buffer.from(`SEND\ndestination:/topic/t.${index}\n${ballast}\n\0`)))
        held.push(messageOf(frame, "c").topic);
    }
    return { held, countedBytes: 0 };
  },
  bodies: () => {
    const held: unknown[] = [];
    for (let index = 0; index < 4000; index++) {
      const bytes = Buffer.from(`SEND\ndestination:/topic/t\n${ballast}\nbody ${index}\0`);
      for (const frame of framesOf(bytes)) held.push(messageOf(frame, "c").body);
    }
    return { held, countedBytes: 0 };
  },
  "the beginnings of frames": () => {
    const held: FrameParser[] = [];
    const bytes = Buffer.from(`SEND\ndestination:/topic/t\n${ballast}\n\0SEND\n`);
    for (let index = 0; index < 4000; index++) {
      const parser = new FrameParser(frameLimits(1024 ** 2));
      parser.push(Buffer.from(bytes));
      while (parser.next() !== undefined);
      held.push(parser);
    }
    return { held, countedBytes: 0 };
  },
};

await measure(holders[process.argv[2]!]!);
