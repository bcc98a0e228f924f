import type { EventsLink } from "../broker/events.ts";

/** Words that wait to be looked up. What a program says beyond that is not heard. */
const wordsMax = 1000;

/**
 * Managers tell one another which sources are at their end: they forget the manager then, and the manager itself connects anew. Any program
 * that knows RabbitMQ's password can say so, too, so it is believed when RabbitMQ does not have the source any more. They are looked up one
 * after the other.
 */
export class SettledWords {
  readonly #believe: (source: string, link: EventsLink) => void;
  readonly #waiting = new Set<string>();
  #isAsking = false;

  /** @param believe called with a source that is at its end */
  constructor(believe: (source: string, link: EventsLink) => void) {
    this.#believe = believe;
  }

  /** Somebody says that this source is at its end. */
  hear(source: string, link: EventsLink): void {
    if (this.#waiting.size >= wordsMax) return;
    this.#waiting.add(source);
    if (this.#isAsking) return;
    this.#isAsking = true;
    void this.#ask(link);
  }

  async #ask(link: EventsLink): Promise<void> {
    try {
      for (const source of this.#waiting) {
        this.#waiting.delete(source);
        if (await link.isFenced(source)) this.#believe(source, link);
      }
    } catch {
      // The link was lost. A manager that is at its end is found out by its silence.
      this.#waiting.clear();
    } finally {
      this.#isAsking = false;
    }
  }
}
