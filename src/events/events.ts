import type { EventsLink, EventsPeer } from "../broker/events.ts";
import { reasonOf } from "../errors.ts";
import type { Logger } from "../ops/logger.ts";
import { Announcer } from "./announcer.ts";
import type { Attendance, Attendee } from "./attendance.ts";
import type { Companion } from "./companion.ts";
import type { Heartbeat, Told } from "./event.ts";
import { speakForDead } from "./heir.ts";
import { objectIn } from "./json.ts";
import { Neighbours } from "./neighbours.ts";
import { type Answers, Questions } from "./questions.ts";
import { sourcesIn } from "./sources.ts";
import { defaultEventsTiming, type EventsTiming } from "./timing.ts";
import { toldIn } from "./told.ts";

/**
 * The events of clients: what this manager tells of its own, and what it tells for managers that died. Every `connected` is
 * followed by one `disconnected` with the same connection.
 *
 * Managers hear of one another by heartbeats. One that falls silent is dead if it is not connected to the broker any more, or after
 * 15 s in any case: then its source is deleted, so that it cannot say anything any more should it wake up, and another manager reads
 * in the log which of its clients are not told of yet. A manager that starts alone looks through the log for those that nobody spoke for.
 */
export class Events implements EventsPeer {
  readonly manager: string;
  readonly #logger: Logger;
  readonly #timing: EventsTiming;
  readonly #announcer: Announcer;
  readonly #neighbours: Neighbours;
  #rounds: NodeJS.Timeout | undefined;
  readonly #questions = new Questions();
  /** Goes the same way between managers. */
  companion: Companion | undefined;
  /** Takes records of revoked tokens. */
  onRevoked: (body: Uint8Array) => void = () => undefined;
  readonly #revokedRead = Promise.withResolvers<void>();
  readonly #onCommand: (body: Uint8Array) => object | undefined;
  #link: EventsLink | undefined;
  #isBlocked = false;
  #isSettled = false;
  #openedMs = 0;
  #roundMs = performance.now();
  #snapshotMs = performance.now();
  /** The round that is under way: they follow one another. */
  #round: Promise<void> | undefined;
  #isClosed = false;

  /**
   * @param manager its name, unique for all time
   * @param onCommand obeys what all managers are told, and returns its answer, if it was a command
   */
  constructor(
    manager: string,
    attendance: Attendance,
    logger: Logger,
    onCommand: (body: Uint8Array) => object | undefined = () => undefined,
    timing: EventsTiming = defaultEventsTiming,
  ) {
    this.#onCommand = onCommand;
    this.manager = manager;
    this.#logger = logger;
    this.#timing = timing;
    this.#neighbours = new Neighbours(manager);
    this.#announcer = new Announcer(manager, attendance, {
      onFault: (reason) =>
        logger.warn("the log of client events could not be read, trying again", { reason }),
      onSettled: (source) => {
        this.#tell({ settled: source });
        this.companion?.renamed();
      },
    });
  }

  opened(link: EventsLink): void {
    this.#rounds ??= setInterval(() => this.#goRound(), this.#timing.beatMs);
    this.#link = link;
    this.#isBlocked = false;
    this.#openedMs = performance.now();
    this.#neighbours.wasDeaf(this.#openedMs);
    this.#announcer.opened(link);
    // The others have to know it before they hear what it says besides.
    this.#beat();
    this.companion?.opened();
  }

  closed(): void {
    this.#link = undefined;
    this.#announcer.closed();
    this.companion?.closed();
  }

  /** Tells processors which clients that asked have gone. It is lost while the broker is away. */
  left(askers: readonly string[]): void {
    if (!this.#isBlocked) this.#link?.tellLeft(askers);
  }

  blocked(isBlocked: boolean): void {
    this.#isBlocked = isBlocked;
    if (isBlocked) return;
    this.#neighbours.wasDeaf(performance.now());
    this.companion?.opened();
  }

  confirmed(tag: number, multiple: boolean): void {
    this.#announcer.confirmed(tag, multiple);
  }

  told(body: Uint8Array): void {
    const said = objectIn(body);
    if (said?.["presence"] !== undefined) {
      this.companion?.heard(said["presence"]);
      return;
    }
    const told = toldIn(said);
    if (told === undefined) return;
    if ("settled" in told) {
      // It was taken for dead. Its clients are announced anew over another link.
      if (told.settled === this.#link?.source && !this.#isClosed)
        this.#link.giveUp("this manager was taken for dead, and its clients were told to be disconnected");
      this.#settled(told.settled);
      return;
    }
    const { beat } = told;
    if (!this.#neighbours.heard(beat, performance.now())) this.#tell({ settled: beat.source });
    else if (beat.isSettled && beat.manager !== this.manager) this.#isSettled = true;
  }

  asked(body: Uint8Array, answer: ((body: string) => void) | undefined): void {
    const said = this.#onCommand(body);
    if (said !== undefined) answer?.(JSON.stringify(said));
  }

  answered(id: string, body: Uint8Array): void {
    this.#questions.answered(id, body);
  }

  revoked(body: Uint8Array): void {
    this.onRevoked(body);
  }

  readRevoked(): void {
    this.#revokedRead.resolve();
  }

  /** Fulfilled when the records of revoked tokens were read for the first time. */
  get revokedRead(): Promise<void> {
    return this.#revokedRead.promise;
  }

  /** Keeps a record of revoked tokens. @returns false if the broker is not there @throws if it was lost meanwhile */
  async revoke(body: string): Promise<boolean> {
    if (!this.isOpen) return false;
    await this.#link!.revoke(body);
    return true;
  }

  /** The other managers that are known. */
  get others(): readonly string[] {
    return this.#neighbours.names;
  }

  knows(manager: string): boolean {
    return this.#neighbours.has(manager);
  }

  /** Whether what is told arrives soon. */
  get isOpen(): boolean {
    return this.#link !== undefined && !this.#isBlocked;
  }

  /** Tells the companions of all managers, or of one. */
  tellCompanions(presence: object, manager?: string): void {
    const body = JSON.stringify({ presence });
    if (manager === undefined) this.#link?.tell(body);
    else this.#link?.tellOne(manager, body);
  }

  /** Asks all managers that are known, this one too, and waits for their answers a moment. */
  async askAll(command: object): Promise<Answers> {
    const link = this.#link;
    if (link === undefined) return { answers: [], missing: [this.manager, ...this.#neighbours.names] };
    return await this.#questions.ask([this.manager, ...this.#neighbours.names], (id) =>
      link.ask(JSON.stringify({ version: 1, ...command }), id),
    );
  }

  connected(client: Attendee): void {
    this.#announcer.connected(client);
  }

  disconnected(client: Attendee, reason: string): void {
    this.#announcer.disconnected(client, reason);
  }

  subscribed(client: Attendee, topic: string): void {
    this.#announcer.subscribed(client, topic);
  }

  unsubscribed(client: Attendee, topic: string): void {
    this.#announcer.unsubscribed(client, topic);
  }

  nameOf(client: Attendee): string | undefined {
    return this.#announcer.nameOf(client);
  }

  /** After the last client has gone: its word is in the log when this resolves, or the time is over. In milliseconds. */
  async close(timeoutMs: number): Promise<void> {
    this.#isClosed = true;
    clearInterval(this.#rounds);
    this.#questions.close();
    const link = this.#link;
    if (link === undefined || !this.#announcer.isLive) return;
    this.#announcer.ended(link.source);
    this.#tell({ settled: link.source });
    const leave = async () => {
      await this.#announcer.settled();
      if (this.#link === link) await link.fence(link.source);
    };
    await Promise.race([leave().catch(() => undefined), Bun.sleep(timeoutMs)]);
  }

  #goRound(): void {
    const nowMs = performance.now();
    if (nowMs - this.#roundMs > this.#timing.stoodStillMs) this.#neighbours.wasDeaf(nowMs);
    this.#roundMs = nowMs;
    this.#beat();
    if (!this.#isBlocked) this.companion?.beat();
    if (nowMs - this.#snapshotMs > this.#timing.snapshotMs) {
      this.#snapshotMs = nowMs;
      this.#announcer.snapshot();
    }
    if (this.#round !== undefined || !this.#announcer.isLive || this.#isBlocked) return;
    const link = this.#link;
    if (link === undefined) return;
    this.#round = this.#look(link)
      .catch((error: unknown) => {
        // A link that was lost in the middle begins anew; any other trouble is met again at the next round.
        if (this.#link === link)
          this.#logger.warn("managers that are gone could not be spoken for, trying again", {
            reason: reasonOf(error),
          });
      })
      .finally(() => {
        this.#round = undefined;
      });
  }

  async #look(link: EventsLink): Promise<void> {
    if (!this.#isSettled && performance.now() - this.#openedMs > this.#timing.settleMs)
      await this.#lookIntoLog(link);
    for (const manager of this.#neighbours.doubtful(performance.now()))
      if (!(await link.isConnected(manager))) this.#neighbours.died(manager);
    for (const known of this.#neighbours.dead(performance.now())) {
      if (this.#link !== link || this.#isClosed) return;
      const clients = await speakForDead(known, link, this.#announcer);
      if (clients === undefined) continue;
      this.#logger.warn("a manager is gone, and its clients are told to be disconnected", {
        manager: known[0],
        clients,
      });
      for (const source of known[1]) {
        this.#settled(source);
        this.#tell({ settled: source });
      }
    }
  }

  /** Nobody told of other managers: those that the log knows, and that are not heard of, are dead. */
  async #lookIntoLog(link: EventsLink): Promise<void> {
    const nowMs = performance.now();
    for (const known of await sourcesIn(link, this.#announcer.mark())) this.#neighbours.found(known, nowMs);
    this.#isSettled = true;
  }

  #beat(): void {
    const link = this.#link;
    if (link === undefined || this.#isClosed) return;
    const beat: Heartbeat = {
      manager: this.manager,
      source: link.source,
      sources: this.#announcer.sources,
      snapshotAt: this.#announcer.snapshotAt,
      isSettled: this.#isSettled,
      knows: this.#neighbours.known,
    };
    this.#tell({ beat });
  }

  #settled(source: string): void {
    for (const manager of this.#neighbours.settled(source)) this.companion?.gone(manager);
  }

  #tell(told: Told): void {
    this.#link?.tell(JSON.stringify(told));
  }
}
