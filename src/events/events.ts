import type { EventsLink, EventsPeer } from "../broker/events.ts";
import type { Logger } from "../ops/logger.ts";
import { Announcer } from "./announcer.ts";
import type { Attendance, Attendee } from "./attendance.ts";
import type { Companion } from "./companion.ts";
import type { Heartbeat, Told } from "./event.ts";
import { Neighbours } from "./neighbours.ts";
import { type Answers, Questions } from "./questions.ts";
import { RevokedRecords } from "./revoked-records.ts";
import { SettledWords } from "./settled-words.ts";
import { Succession } from "./succession.ts";
import { defaultEventsTiming, type EventsTiming } from "./timing.ts";
import { saidIn, toldIn } from "./told.ts";
import { warningsTo } from "./warnings.ts";

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
  readonly #timing: EventsTiming;
  readonly #announcer: Announcer;
  readonly #neighbours: Neighbours;
  readonly #succession: Succession;
  #rounds: NodeJS.Timeout | undefined;
  readonly #questions = new Questions();
  readonly #words = new SettledWords((source, link) => {
    // It was taken for dead. Its clients are announced anew over another link.
    if (source === link.source && !this.#isClosed)
      link.giveUp("this manager was taken for dead, and its clients were told to be disconnected");
    this.#settled(source);
  });
  /** What goes the same way between managers. */
  companion: Companion | undefined;
  readonly revokedRecords = new RevokedRecords(() => (this.isOpen ? this.#link : undefined));
  readonly #onCommand: EventsPeer["asked"];
  #link: EventsLink | undefined;
  #isBlocked = false;
  #roundMs = performance.now();
  #isClosed = false;

  /**
   * @param manager its name, unique for all time
   * @param onCommand hears what all managers are told to do
   */
  constructor(
    manager: string,
    attendance: Attendance,
    logger: Logger,
    onCommand: EventsPeer["asked"] = () => undefined,
    timing: EventsTiming = defaultEventsTiming,
  ) {
    this.#onCommand = onCommand;
    this.manager = manager;
    this.#timing = timing;
    this.#neighbours = new Neighbours(manager);
    const onSettled = (source: string) => {
      this.#tell({ settled: source });
      this.companion?.renamed();
    };
    this.#announcer = new Announcer(manager, attendance, { ...warningsTo(logger), onSettled }, {}, timing);
    const onSpokenFor = (source: string) => {
      this.#settled(source);
      this.#tell({ settled: source });
    };
    const { outgoing } = this.#announcer;
    this.#succession = new Succession(this.#neighbours, outgoing, timing, logger, onSpokenFor);
  }

  opened(link: EventsLink): void {
    this.#rounds ??= setInterval(() => this.#goRound(), this.#timing.beatMs);
    this.#link = link;
    this.#isBlocked = false;
    this.#neighbours.wasDeaf(performance.now());
    this.#succession.opened(link);
    this.#announcer.opened(link);
    // The others have to know it before they hear what it says besides.
    this.#beat();
    this.companion?.opened();
  }

  closed(): void {
    this.#link = undefined;
    this.#succession.closed();
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

  refused(tag: number, multiple: boolean): void {
    this.#announcer.refused(tag, multiple);
  }

  unheard(key: string): void {
    this.#announcer.unheard(key);
  }

  told(body: Uint8Array): void {
    const said = saidIn(body);
    const presence = said?.["presence"];
    if (presence !== undefined) this.companion?.heard(presence);
    const told = presence === undefined ? toldIn(said) : undefined;
    if (told === undefined) return;
    if ("settled" in told) {
      if (this.#link !== undefined) this.#words.hear(told.settled, this.#link);
      return;
    }
    const { beat } = told;
    if (!this.#neighbours.heard(beat, performance.now())) this.#tell({ settled: beat.source });
    else if (beat.isSettled && beat.manager !== this.manager) this.#succession.isSettled = true;
  }

  asked(body: Uint8Array, answer: ((body: string) => void) | undefined): void {
    this.#onCommand(body, answer);
  }

  answered(id: string, body: Uint8Array): void {
    this.#questions.answered(id, body);
  }

  revoked(body: Uint8Array): void {
    this.revokedRecords.onRecord(body);
  }

  readRevoked(): void {
    this.revokedRecords.allRead();
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
    const body = JSON.stringify({ version: 1, ...command });
    const send = link && ((id: string) => link.ask(body, id));
    return await this.#questions.ask([this.manager, ...this.#neighbours.names], send);
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

  /** Call it after the last client has gone. @param timeoutMs how long its event may take to be in the log, in milliseconds */
  async close(timeoutMs: number): Promise<void> {
    this.#isClosed = true;
    this.#succession.close();
    clearInterval(this.#rounds);
    this.#questions.close();
    const link = this.#link;
    if (link === undefined || !this.#announcer.isLive) return;
    const leave = async () => {
      const { outgoing } = this.#announcer;
      await this.#announcer.told();
      if (this.#link !== link) return;
      outgoing.ended(link.source);
      await outgoing.settled();
      if (this.#link === link) await link.fence(link.source);
      this.#tell({ settled: link.source });
    };
    await Promise.race([leave().catch(() => undefined), Bun.sleep(timeoutMs)]);
  }

  #goRound(): void {
    const nowMs = performance.now();
    if (nowMs - this.#roundMs > this.#timing.stoodStillMs) this.#neighbours.wasDeaf(nowMs);
    this.#roundMs = nowMs;
    this.#beat();
    if (!this.#isBlocked) this.companion?.beat();
    this.#announcer.goRound();
    if (this.#announcer.isLive && !this.#isBlocked) this.#succession.goRound();
  }

  #beat(): void {
    const link = this.#link;
    if (link === undefined || this.#isClosed) return;
    const beat: Heartbeat = {
      manager: this.manager,
      source: link.source,
      sources: this.#announcer.sources,
      snapshotAt: this.#announcer.snapshotAt,
      isSettled: this.#succession.isSettled,
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
