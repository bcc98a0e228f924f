import { RecentKeys } from "../envelope/recent-keys.ts";
import { isWithinWindow, type OnceId, onceIdIn } from "../message-id.ts";

/** What the keys of handled messages may take, in bytes: enough for about 40,000 of them. */
const keysBytesMax = 8 * 1024 ** 2;

/**
 * Deduplicates messages with idempotency keys: two managers may have published the same one, each before it had heard of the other's. A
 * repeat is not handled, and is acknowledged when the answers to the first are confirmed.
 */
export class Keyed {
  readonly #done = new RecentKeys(keysBytesMax);
  /** Keys of messages that are being handled, with what to do afterwards. */
  readonly #begun = new Map<string, { readonly id: OnceId; readonly after: (() => void)[] }>();

  /**
   * Decides whether a message is handled.
   *
   * @param done acknowledges the message, if it is a repeat
   * @returns a function to call instead of `done` when the message was handled; undefined if it is a repeat
   */
  begin(messageId: string, done: () => void): (() => void) | undefined {
    const id = onceIdIn(messageId);
    if (id === undefined) return done;
    if (this.#done.has(id)) {
      done();
      return undefined;
    }
    const begun = this.#begun.get(id.key);
    if (begun !== undefined && isWithinWindow(begun.id.seconds, id)) {
      begun.after.push(done);
      return undefined;
    }
    const after = [done];
    this.#begun.set(id.key, { id, after });
    return () => {
      this.#done.add(id);
      this.#begun.delete(id.key);
      for (const each of after) each();
    };
  }
}
