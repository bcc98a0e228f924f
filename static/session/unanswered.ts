import type { OwnEntry } from "./entry.ts";

/** Characters of unanswered texts kept for matching; a handler that never answers must not fill the tab. */
const unansweredCharsMax = 4 * 1024 * 1024;
/** Messages that may wait for an answer; beyond it the oldest are given up. */
export const unansweredMax = 1_000;

/**
 * One's own messages that have no answer yet, for answers whose ids do not say what they answer, such as those of a program in another
 * language: one belongs to the oldest message with the same text. The oldest are forgotten past the caps, which costs them their tick, no more.
 */
export class Unanswered {
  readonly #waiting: { readonly text: string; readonly entry: OwnEntry }[] = [];
  #chars = 0;

  add(text: string, entry: OwnEntry): void {
    this.#waiting.push({ text, entry });
    this.#chars += text.length;
    while (this.#waiting.length > unansweredMax || this.#chars > unansweredCharsMax) this.#forget(0);
  }

  /** The message that this text answers, which is answered from now on. */
  take(text: string): OwnEntry | undefined {
    const index = this.#waiting.findIndex((candidate) => candidate.text === text);
    return index === -1 ? undefined : this.#forget(index);
  }

  /** It will not be answered. */
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
