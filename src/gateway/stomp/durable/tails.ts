import { bufferCostBytes, messageCostBytes, textCostBytes } from "../../../costs.ts";
import type { Message } from "../../../message.ts";
import { direct } from "../destinations.ts";
import type { Version } from "../frames.ts";
import { messageTail, type Tail } from "../message-frame.ts";

/** What the remembered frames may take together with their messages, in bytes. */
const bytesMax = 16 * 1024 ** 2;

/** Whom a frame is for. */
interface Addressee {
  readonly pattern: string;
  readonly version: Version;
}

/**
 * Frames of messages that many clients are about to catch up on at the same time: made once for all of them. When they are
 * too many they are forgotten together, and made anew for those that are still wanted.
 */
export class Tails {
  #tails = { "1.1": new Map<Message, Tail>(), "1.2": new Map<Message, Tail>() };
  #bytes = 0;

  of(message: Message, position: string, { pattern, version }: Addressee): Tail {
    // What is for one client alone nobody else is going to ask for.
    if (pattern === direct)
      return messageTail(message, message.id, version, { destination: direct, position });
    const known = this.#tails[version].get(message);
    if (known !== undefined) return known;
    const tail = messageTail(message, message.id, version, { position });
    if (this.#bytes > bytesMax) this.clear();
    this.#bytes +=
      messageCostBytes(message) + (typeof tail === "string" ? textCostBytes(tail) : bufferCostBytes(tail));
    this.#tails[version].set(message, tail);
    return tail;
  }

  clear(): void {
    this.#tails["1.1"].clear();
    this.#tails["1.2"].clear();
    this.#bytes = 0;
  }
}
