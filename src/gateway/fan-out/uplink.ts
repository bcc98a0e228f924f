import type { Unfit } from "../../envelope/set-aside.ts";
import type { Share } from "../../envelope/share.ts";
import type { Waiter } from "../../envelope/waiter.ts";
import type { OutgoingMessage } from "../../message.ts";

/** Takes clients' messages to the outbox, and so to the broker. */
export interface Uplink {
  /**
   * Takes a message for the broker and returns its number, from which `idOf` makes its id if that is needed. The waiter hears what becomes
   * of the message, but not before `take` has returned.
   *
   * @param share the sender's, so that senders take turns
   * @param waiterBytes what the waiter keeps in memory; counted like the message itself
   */
  take(message: OutgoingMessage, share: Share, waiter?: Waiter, waiterBytes?: number): number;
  /** Why the broker could not carry a message, as far as this is known; undefined if it could. */
  unfitnessOf(message: OutgoingMessage): Unfit | undefined;
  /** The id of the message that `take` gave this number. */
  idOf(number: number): string;
  /** Whether everything that a sender has handed over is confirmed or was given up. */
  isSettled(share: Share): boolean;
  /** How much more may wait for the broker. In bytes. If it is zero or less, senders have to be held back until `Gateway.releaseBackpressure`. */
  readonly freeBytes: number;
}
