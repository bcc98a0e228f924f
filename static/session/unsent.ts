import type { OwnEntry } from "./entry.ts";

/** How many messages may wait for a connection. */
export const unsentMax = 100;
const unsentCharsMax = 1024 * 1024;

/** A message that waits for a connection. */
export interface UnsentMessage {
  /** What is to be sent. */
  readonly body: string | Uint8Array;
  /** Its entry in the list. */
  readonly entry: OwnEntry;
}

/** Messages that were written without a connection, in order. Each goes to the topic on which it was written. */
export class Unsent {
  #messages: UnsentMessage[] = [];
  #chars = 0;

  get length(): number {
    return this.#messages.length;
  }

  hasRoomFor(body: string | Uint8Array): boolean {
    return this.#messages.length < unsentMax && this.#chars + body.length <= unsentCharsMax;
  }

  add(body: string | Uint8Array, entry: OwnEntry): void {
    this.#messages.push({ body, entry });
    this.#chars += body.length;
  }

  takeAll(): readonly UnsentMessage[] {
    const taken = this.#messages;
    this.#messages = [];
    this.#chars = 0;
    return taken;
  }
}
