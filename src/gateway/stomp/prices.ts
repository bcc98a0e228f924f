import type { Frame } from "../../wire/stomp/frames.ts";

/** What a WebSocket message counts that does not complete a frame, as a part of a message. */
export const pieceMessages = 0.25;
/** What a line end between frames, a heart-beat, counts, as a part of a message. */
export const lineEndMessages = 1 / 32;

/** How many headers a frame may have for the price of a message, and how many further ones count as another message. */
const headersFree = 20;
const headersEach = 10;

/**
 * What a frame counts, in messages. It is about what the frame costs.
 *
 * @param subscriptions how many the client has, among which one has to be found
 */
export function priceOf({ command, headers }: Frame, subscriptions: number): number {
  const isAboutOne = command === "SUBSCRIBE" || command === "UNSUBSCRIBE";
  const price = isAboutOne ? 2 + subscriptions / 25 : 1;
  return headers.size > headersFree ? price + (headers.size - headersFree) / headersEach : price;
}
