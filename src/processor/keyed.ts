import { isWithinWindow, type OnceId, onceIdIn } from "../envelope/once-id.ts";
import { RecentKeys } from "../envelope/recent-keys.ts";

/** What the keys of messages that were handled may take, in bytes: about 40,000 of them. */
const keysBytesMax = 8 * 1024 ** 2;

/**
 * Messages with idempotency keys that this processor handles: two managers may have published the same one, each before it had heard
 * of the other's. A second one is acknowledged when the answers to the first are confirmed, and is not handled.
 */
export class Keyed {
  readonly #done = new RecentKeys(keysBytesMax);
  /** Those that are being handled, with what is to be done after them. */
  readonly #begun = new Map<string, { readonly id: OnceId; readonly after: (() => void)[] }>();

  /**
   * Whether a message is to be handled.
   *
   * @param done acknowledges it, if it is not
   * @returns what is to be called instead of `done` when it has been handled; undefined if it is not to be
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
