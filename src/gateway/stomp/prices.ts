import type { Frame } from "../../wire/stomp/frames.ts";

/** What a WebSocket message counts that ends no frame, as a part of one that does. */
export const pieceMessages = 0.25;
/** What a line end between frames, a heart-beat, counts, as a part of a message. */
export const lineEndMessages = 1 / 32;

/** Headers that a frame may have for the price of a message, and how many more count as one more. */
const headersFree = 20;
const headersEach = 10;

/**
 * What a frame counts, in messages: about what it costs.
 *
 * @param subscriptions how many the client has, among which one is looked for
 */
export function priceOf({ command, headers }: Frame, subscriptions: number): number {
  const isAboutOne = command === "SUBSCRIBE" || command === "UNSUBSCRIBE";
  const price = isAboutOne ? 2 + subscriptions / 25 : 1;
  return headers.size > headersFree ? price + (headers.size - headersFree) / headersEach : price;
}
