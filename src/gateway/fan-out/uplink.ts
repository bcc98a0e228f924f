import type { Unfit } from "../../envelope/set-aside.ts";
import type { Share } from "../../envelope/share.ts";
import type { Waiter } from "../../envelope/waiter.ts";
import type { OutgoingMessage } from "../../message.ts";

/** Where the clients' messages go: the outbox, and from there to the broker. */
export interface Uplink {
  /**
   * Takes a message for the broker and returns its number: `idOf` makes its id of that, where one is needed.
   * The waiter hears of what becomes of it, which is never before `take` has returned.
   *
   * @param share the sender's, by which senders are served by turns
   * @param waiterBytes what the waiter keeps in memory, which is counted as the message is
   */
  take(message: OutgoingMessage, share: Share, waiter?: Waiter, waiterBytes?: number): number;
  /** Why the broker could not carry a message, as far as is known; undefined if it could. */
  unfitnessOf(message: OutgoingMessage): Unfit | undefined;
  /** The id of the message that `take` gave this number. */
  idOf(number: number): string;
  /** Whether all that a sender has handed over is confirmed by the broker, or was given up. */
  isSettled(share: Share): boolean;
  /** What may still wait for the broker. In bytes; not above zero: senders have to be held back until `Gateway.relieve`. */
  readonly freeBytes: number;
}
