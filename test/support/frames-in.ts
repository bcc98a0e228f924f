import type { StompFault } from "../../src/wire/stomp/fault.ts";
import type { Frame } from "../../src/wire/stomp/frames.ts";
import type { FrameParser } from "../../src/wire/stomp/parser.ts";

/** The frames that are whole with this piece, however many line ends lie between them. */
export function* framesIn(parser: FrameParser, piece: Buffer): Iterable<Frame | StompFault> {
  parser.push(piece);
  do for (let next = parser.next(); next !== undefined; next = parser.next()) yield next;
  while (parser.hasPaused);
}
