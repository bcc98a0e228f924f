import type { Waiter } from "../../envelope/waiter.ts";
import type { OutgoingMessage } from "../../message.ts";

/**
 * What to do with a message that has a key:
 *
 * - `new`: it is to be published with this id and this waiter, instead of its own.
 * - `repeated`: it was published before, and is not again. Its waiter hears of the first one's confirm.
 * - `reused`: the key was used for another message (with another body or topic). This one is not published: HTTP's 409.
 * - `too many`: too many messages wait for the confirm of earlier ones. It is not published, and may be sent again: HTTP's 503.
 */
export type Admission =
  | { readonly is: "new"; readonly message: OutgoingMessage; readonly waiter: Waiter }
  | { readonly is: "repeated" | "reused" | "too many" };

/** How long idempotency keys are known, and how many. */
export interface OnceLimits {
  /** For how long a second message with the same key is not published, in milliseconds. */
  readonly windowMs: number;
  /** What the keys may take together, in bytes. A sender may use as much as it leaves free; beyond that its own oldest keys are forgotten. */
  readonly bytesMax: number;
}
