import type { Frame } from "../../wire/stomp/frames.ts";

/** What a WebSocket message counts that ends no frame, as a part of one that does. */
export const pieceMessages = 0.25;
/** What a line end between frames, a heart-beat, counts, as a part of a message. */
export const lineEndMessages = 1 / 32;

/**
 * What a frame counts, in messages: about what it costs.
 *
 * @param subscriptions how many the client has, among which one is looked for
 */
export function priceOf({ command }: Frame, subscriptions: number): number {
  return command === "SUBSCRIBE" || command === "UNSUBSCRIBE" ? 2 + subscriptions / 25 : 1;
}
