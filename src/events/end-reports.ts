import type { EventsLink } from "../broker/events.ts";

/** How many reports may wait to be checked. More are ignored. */
const reportsMax = 1000;

/**
 * Checks reports that sources have ended. When it hears that a source has ended, a manager forgets that source's manager, and that manager
 * itself reconnects. But any program with RabbitMQ's password could send such a report. So it is believed only if RabbitMQ does not have
 * the source any more. Reports are checked one after another.
 */
export class EndReports {
  readonly #believe: (source: string, link: EventsLink) => void;
  readonly #waiting = new Set<string>();
  #isAsking = false;

  /** @param believe called with a source that has ended */
  constructor(believe: (source: string, link: EventsLink) => void) {
    this.#believe = believe;
  }

  /** Takes a report that this source has ended. */
  hear(source: string, link: EventsLink): void {
    if (this.#waiting.size >= reportsMax) return;
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
      // The link was lost. A dead manager will be noticed by its silence.
      this.#waiting.clear();
    } finally {
      this.#isAsking = false;
    }
  }
}
