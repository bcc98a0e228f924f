import type { EventsLink } from "../broker/events.ts";
import { reasonOf } from "../errors.ts";
import type { Logger } from "../ops/logger.ts";
import type { Known } from "./event.ts";
import { speakForDead, spokenForMax } from "./heir.ts";
import type { Neighbours } from "./neighbours.ts";
import type { Outgoing } from "./outgoing.ts";
import { sourcesIn } from "./sources.ts";
import type { EventsTiming } from "./timing.ts";

/**
 * What a manager does for those that died: it finds them, and tells of their clients what they cannot tell any more. It looks for
 * them round by round, and through the log when it starts.
 */
export class Succession {
  /** Whether the log was looked through, by this manager or by one that this one knows. */
  isSettled = false;
  readonly #neighbours: Neighbours;
  readonly #outgoing: Outgoing;
  readonly #timing: EventsTiming;
  readonly #logger: Logger;
  readonly #onSettled: (source: string) => void;
  #link: EventsLink | undefined;
  #openedMs = 0;
  /** The round that is under way: they follow one another. */
  #round: Promise<void> | undefined;
  #isClosed = false;

  /** @param onSettled called with each source of a dead manager of which everything is told now */
  constructor(
    neighbours: Neighbours,
    outgoing: Outgoing,
    timing: EventsTiming,
    logger: Logger,
    onSettled: (source: string) => void,
  ) {
    this.#neighbours = neighbours;
    this.#outgoing = outgoing;
    this.#timing = timing;
    this.#logger = logger;
    this.#onSettled = onSettled;
  }

  opened(link: EventsLink): void {
    this.#link = link;
    this.#openedMs = performance.now();
  }

  /** The link was lost. */
  closed(): void {
    this.#link = undefined;
  }

  /** Begins a round, unless one is under way. */
  goRound(): void {
    const link = this.#link;
    if (this.#round !== undefined || link === undefined) return;
    this.#round = this.#look(link)
      .catch((error: unknown) => {
        // A link that was lost in the middle begins anew; any other trouble is met again at the next round.
        if (this.#link === link)
          this.#logger.warn(
            "the clients of managers that died could not be reported as disconnected, trying again",
            {
              reason: reasonOf(error),
            },
          );
      })
      .finally(() => {
        this.#round = undefined;
      });
  }

  /** Speaks for nobody from now on. */
  close(): void {
    this.#isClosed = true;
  }

  async #look(link: EventsLink): Promise<void> {
    if (!this.isSettled && performance.now() - this.#openedMs > this.#timing.settleMs)
      await this.#lookIntoLog(link);
    for (const manager of this.#neighbours.doubtful(performance.now()))
      if (!(await link.isConnected(manager))) this.#neighbours.died(manager);
    const dead = this.#neighbours.dead(performance.now());
    const failures: unknown[] = [];
    // Some for which that fails, for whatever reason, do not keep the others from their turn.
    for (let at = 0; at < dead.length; at += spokenForMax)
      await this.#speakFor(dead.slice(at, at + spokenForMax), link).catch(
        (error: unknown) => void failures.push(error),
      );
    if (failures.length > 0) throw failures[0];
  }

  async #speakFor(dead: readonly Known[], link: EventsLink): Promise<void> {
    if (this.#link !== link || this.#isClosed) return;
    const isDone = (manager: string) => !this.#neighbours.has(manager);
    const { counts, failures } = await speakForDead(dead, link, this.#outgoing, isDone);
    for (const [manager, sources] of dead) {
      const clients = counts.get(manager);
      if (clients === undefined) continue;
      this.#logger.warn("a manager died: its clients are reported as disconnected", { manager, clients });
      for (const source of sources) this.#onSettled(source);
    }
    if (failures.length > 0) throw failures[0];
  }

  /** Nobody told of other managers: those that the log knows, and that are not heard of, are dead. */
  async #lookIntoLog(link: EventsLink): Promise<void> {
    const nowMs = performance.now();
    for (const known of await sourcesIn(link, this.#outgoing.mark())) this.#neighbours.found(known, nowMs);
    this.isSettled = true;
  }
}
