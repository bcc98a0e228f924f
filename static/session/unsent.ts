import type { OwnEntry } from "./entry.ts";

export const unsentMax = 100;
export const unsentCharsMax = 1024 * 1024;

export interface UnsentMessage {
  readonly text: string;
  readonly entry: OwnEntry;
}

/**
 * What was written while there was no connection, in order. Each message belongs to the topic it was written
 * on, and waits until the page is there again.
 */
export class Unsent {
  #messages: UnsentMessage[] = [];
  #chars = 0;

  get length(): number {
    return this.#messages.length;
  }

  hasRoomFor(text: string): boolean {
    return this.#messages.length < unsentMax && this.#chars + text.length <= unsentCharsMax;
  }

  add(text: string, entry: OwnEntry): void {
    this.#messages.push({ text, entry });
    this.#chars += text.length;
  }

  takeFor(topic: string): UnsentMessage[] {
    const taken = this.#messages.filter(({ entry }) => entry.topic === topic);
    this.#messages = this.#messages.filter(({ entry }) => entry.topic !== topic);
    for (const { text } of taken) this.#chars -= text.length;
    return taken;
  }
}
