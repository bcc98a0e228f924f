import { makeFrame, opcodes } from "../../../src/bench/frames.ts";

/** Bytes of STOMP in a WebSocket message: less than one may have. */
const bulkBytes = 900_000;

/** SENDs to a topic of their own, as many as fit. */
const bulk = (frame: string) =>
  makeFrame(opcodes.binary, Buffer.from(frame.repeat(Math.max(1, Math.floor(bulkBytes / frame.length)))));
const send = (headers: string, body = "") => `SEND\ndestination:/topic/flood\n${headers}\n${body}\0`;
/** As many as a frame may have by default: with them, a message is larger than a pack otherwise is. */
const longHeaders = Array.from({ length: 8 }, (_, at) => `long-${at}:${"x".repeat(8100)}\n`).join("");

/** The kinds of attackers. Each fills queues with something else. */
export const floods: Readonly<Record<string, () => Uint8Array>> = {
  "many bodies": () => bulk(send("", "x".repeat(1000))),
  "empty messages": () => bulk(send("")),
  "long headers": () => bulk(send(longHeaders)),
};
