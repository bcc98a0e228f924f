import { positionAfter } from "../../log/position.ts";
import type { Encoding } from "../fan-out/encoding.ts";
import { envelopeOf } from "./envelope.ts";

/** One JSON object a line, each with the position that follows: the format of a long poll's answer. */
export const lines: Encoding = {
  name: "lines",
  includesId: true,
  headOf: () => "",
  headAfterGap: () => `{"gap":true}\n`,
  tailOf: (message, id, delivery) => {
    const { position } = delivery;
    const places = position === undefined ? {} : { next: positionAfter(position), position };
    return `${JSON.stringify({ ...places, ...envelopeOf(message, id, delivery) })}\n`;
  },
  join: (head, tail) => head + (tail as string),
};

/** The position that follows the last of these lines; undefined if it has none. */
export function nextIn(text: string): string | undefined {
  const last = text.lastIndexOf("\n", text.length - 2) + 1;
  return /^\{"next":"([^"]+)"/.exec(text.slice(last, last + 64))?.[1];
}
