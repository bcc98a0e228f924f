import type { EventsLink } from "../broker/events.ts";
import { reasonOf } from "../errors.ts";
import type { Logger } from "../ops/logger.ts";
import { reportDead, reportedTogetherMax } from "./dead-managers.ts";
import type { Known } from "./event.ts";
import type { Neighbours } from "./neighbours.ts";
import type { Outgoing } from "./outgoing.ts";
import { sourcesIn } from "./sources.ts";
import type { EventsTiming } from "./timing.ts";

/**
 * Finds managers that died, and reports their clients as disconnected. It checks regularly, and searches the log at the start.
 */
export class Succession {
  /** Whether the log was searched, by this manager or by one that it knows. */
  isSettled = false;
  readonly #neighbours: Neighbours;
  readonly #outgoing: Outgoing;
  readonly #timing: EventsTiming;
  readonly #logger: Logger;
  readonly #onSettled: (source: string) => void;
  #link: EventsLink | undefined;
  #openedMs = 0;
  /** The round that is running. Rounds do not overlap. */
  #round: Promise<void> | undefined;
  #isClosed = false;

  /** @param onSettled called with each source of a dead manager for which everything is reported */
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

  /** Starts a round, unless one is running. */
  tick(): void {
    const link = this.#link;
    if (this.#round !== undefined || link === undefined) return;
    this.#round = this.#look(link)
      .catch((error: unknown) => {
        // If the link was lost, the next round starts again anyway. Any other fault will show again then.
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

  /** Stops reporting for others. */
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
    // A failure for some of them, for whatever reason, does not affect the others.
    for (let at = 0; at < dead.length; at += reportedTogetherMax)
      await this.#reportFor(dead.slice(at, at + reportedTogetherMax), link).catch(
        (error: unknown) => void failures.push(error),
      );
    if (failures.length > 0) throw failures[0];
  }

  async #reportFor(dead: readonly Known[], link: EventsLink): Promise<void> {
    if (this.#link !== link || this.#isClosed) return;
    const isDone = (manager: string) => !this.#neighbours.has(manager);
    const { counts, failures } = await reportDead(dead, link, this.#outgoing, isDone);
    for (const [manager, sources] of dead) {
      const clients = counts.get(manager);
      if (clients === undefined) continue;
      this.#logger.warn("a manager died: its clients are reported as disconnected", { manager, clients });
      for (const source of sources) this.#onSettled(source);
    }
    if (failures.length > 0) throw failures[0];
  }

  /** No other manager told of managers. Those that the log knows and that are not heard are dead. */
  async #lookIntoLog(link: EventsLink): Promise<void> {
    const nowMs = performance.now();
    for (const known of await sourcesIn(link, this.#outgoing.mark())) this.#neighbours.found(known, nowMs);
    this.isSettled = true;
  }
}
