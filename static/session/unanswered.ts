import type { OwnEntry } from "./entry.ts";

/** How many characters of unanswered texts are kept, so that a handler that never answers does not fill the tab's memory. */
const unansweredCharsMax = 4 * 1024 * 1024;
/** How many messages may wait for an answer. Beyond that the oldest are forgotten. */
export const unansweredMax = 1_000;

/**
 * Own messages without an answer, for answers whose ids do not tell which message they answer, such as those of a program in another
 * language. Such an answer belongs to the oldest message with the same text. Beyond the caps the oldest are forgotten, and are never marked
 * as answered.
 */
export class Unanswered {
  readonly #waiting: { readonly text: string; readonly entry: OwnEntry }[] = [];
  #chars = 0;

  add(text: string, entry: OwnEntry): void {
    this.#waiting.push({ text, entry });
    this.#chars += text.length;
    while (this.#waiting.length > unansweredMax || this.#chars > unansweredCharsMax) this.#forget(0);
  }

  /** Removes and returns the message that this text answers. */
  take(text: string): OwnEntry | undefined {
    const index = this.#waiting.findIndex((candidate) => candidate.text === text);
    return index === -1 ? undefined : this.#forget(index);
  }

  /** Removes a message that will get no answer. */
  remove(entry: OwnEntry): void {
    const index = this.#waiting.findIndex((candidate) => candidate.entry === entry);
    if (index !== -1) this.#forget(index);
  }

  clear(): void {
    this.#waiting.length = 0;
    this.#chars = 0;
  }

  #forget(index: number): OwnEntry | undefined {
    const [removed] = this.#waiting.splice(index, 1);
    this.#chars -= removed?.text.length ?? 0;
    return removed?.entry;
  }
}
