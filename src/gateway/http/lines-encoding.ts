import { positionAfter } from "../../log/position.ts";
import type { Encoding } from "../fan-out/encoding.ts";
import { envelopeOf } from "./envelope.ts";

/** One JSON object a line, each with the position that comes next: what a long poll answers. */
export const lines: Encoding = {
  name: "lines",
  tellsId: true,
  headOf: () => "",
  headAfterGap: () => `{"gap":true}\n`,
  tailOf: (message, id, delivery) => {
    const { position } = delivery;
    const places = position === undefined ? {} : { next: positionAfter(position), position };
    return `${JSON.stringify({ ...places, ...envelopeOf(message, id, delivery) })}\n`;
  },
  join: (head, tail) => head + (tail as string),
};

/** What the last of these lines says comes next; undefined if it says nothing. */
export function nextIn(text: string): string | undefined {
  const last = text.lastIndexOf("\n", text.length - 2) + 1;
  return /^\{"next":"([^"]+)"/.exec(text.slice(last, last + 64))?.[1];
}
