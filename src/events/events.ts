import type { EventsLink, EventsPeer } from "../broker/events.ts";
import type { Logger } from "../ops/logger.ts";
import { Announcer } from "./announcer.ts";
import type { AttendanceByTurns, Attendee } from "./attendance.ts";
import type { Companion } from "./companion.ts";
import { EndReports } from "./end-reports.ts";
import type { ManagerMessage } from "./event.ts";
import { heartbeatOf } from "./heartbeat.ts";
import { contentOf, managerMessageIn } from "./manager-message.ts";
import { Neighbours } from "./neighbours.ts";
import { type Answers, Questions } from "./questions.ts";
import { RevokedRecords } from "./revoked-records.ts";
import { Succession } from "./succession.ts";
import { defaultEventsTiming, type EventsTiming } from "./timing.ts";
import { warningsTo } from "./warnings.ts";

/**
 * The events of clients: this manager publishes those of its own clients, and reports the disconnects of managers that died. Every
 * `connected` is followed by one `disconnected` with the same connection.
 *
 * Managers know one another by heartbeats. One that falls silent counts as dead if it is not connected to the broker any more, and after 15
 * s in any case. Its source is deleted, so that it cannot publish anything if it wakes up. Another manager then reads in the log which of
 * its clients were not reported yet. A manager that starts alone searches the log for managers that nobody has reported for.
 */
export class Events implements EventsPeer {
  readonly manager: string;
  readonly #timing: EventsTiming;
  readonly #announcer: Announcer;
  readonly #neighbours: Neighbours;
  readonly #succession: Succession;
  #rounds: NodeJS.Timeout | undefined;
  readonly #questions = new Questions();
  readonly #endReports = new EndReports((source, link) => {
    // The others took it for dead. Its clients are announced again over another link.
    if (source === link.source && !this.#isClosed)
      link.giveUp("this manager was taken for dead, and its clients were told to be disconnected");
    this.#settled(source);
  });
  /** Uses the same connection between managers. */
  companion: Companion | undefined;
  readonly revokedRecords = new RevokedRecords(() => (this.isOpen ? this.#link : undefined));
  readonly #onCommand: EventsPeer["asked"];
  #link: EventsLink | undefined;
  #isBlocked = false;
  #roundMs = performance.now();
  #isClosed = false;

  /**
   * @param manager its name, unique for all time
   * @param onCommand called with commands for all managers
   */
  constructor(
    manager: string,
    attendance: Pick<AttendanceByTurns, "forEach" | "loop">,
    logger: Logger,
    onCommand: EventsPeer["asked"] = () => undefined,
    timing: EventsTiming = defaultEventsTiming,
  ) {
    this.#onCommand = onCommand;
    this.manager = manager;
    this.#timing = timing;
    this.#neighbours = new Neighbours(manager);
    this.#neighbours.onMet = (met) => this.companion?.met(met);
    const onSettled = (source: string) => {
      this.#tell({ settled: source });
      this.companion?.renamed();
    };
    const hooks = { ...warningsTo(logger), onSettled };
    this.#announcer = new Announcer(manager, attendance, hooks, { loop: () => attendance.loop }, timing);
    const onSpokenFor = (source: string) => {
      this.#settled(source);
      this.#tell({ settled: source });
    };
    const { outgoing } = this.#announcer;
    this.#succession = new Succession(this.#neighbours, outgoing, timing, logger, onSpokenFor);
  }

  opened(link: EventsLink): void {
    this.#rounds ??= setInterval(() => this.#tick(), this.#timing.beatMs);
    this.#link = link;
    this.#isBlocked = false;
    this.#neighbours.resetSilence(performance.now());
    this.#succession.opened(link);
    this.#announcer.opened(link);
    // The others have to know this manager before its other messages.
    this.#beat();
    this.companion?.opened();
  }

  closed(): void {
    this.#link = undefined;
    this.#succession.closed();
    this.#announcer.closed();
    this.companion?.closed();
  }

  /** Tells processors which clients that asked requests have disconnected. This is lost while the broker is away. */
  left(askers: readonly string[]): void {
    if (!this.#isBlocked) this.#link?.tellLeft(askers);
  }

  blocked(isBlocked: boolean): void {
    this.#isBlocked = isBlocked;
    if (isBlocked) return;
    this.#neighbours.resetSilence(performance.now());
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
    const said = contentOf(body);
    const presence = said?.["presence"];
    if (presence !== undefined) this.companion?.heard(presence);
    const told = presence === undefined ? managerMessageIn(said) : undefined;
    if (told === undefined) return;
    if ("settled" in told) {
      if (this.#link !== undefined) this.#endReports.hear(told.settled, this.#link);
      return;
    }
    const { beat } = told;
    const nowMs = performance.now();
    if (!this.#neighbours.heard(beat, nowMs)) this.#tell({ settled: beat.source });
    else if (beat.isSettled && beat.manager !== this.manager) this.#succession.isSettled = true;
    if (this.#neighbours.isToMeet(beat, nowMs)) this.#beat(beat.manager);
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

  /** Whether messages arrive soon. */
  get isOpen(): boolean {
    return this.#link !== undefined && !this.#isBlocked;
  }

  /** Sends a message to the companions of all managers, or of one. */
  tellCompanions(presence: object, manager?: string): void {
    const body = JSON.stringify({ presence });
    if (manager === undefined) this.#link?.tell(body);
    else this.#link?.tellOne(manager, body);
  }

  /** Asks all known managers, including this one, and waits a moment for their answers. */
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

  /** Call it after the last client has gone. @param timeoutMs how long its event may take to reach the log, in milliseconds */
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

  #tick(): void {
    const nowMs = performance.now();
    if (nowMs - this.#roundMs > this.#timing.stoodStillMs) this.#neighbours.resetSilence(nowMs);
    this.#roundMs = nowMs;
    this.#beat();
    if (!this.#isBlocked) this.companion?.beat();
    this.#announcer.tick();
    if (this.#announcer.isLive && !this.#isBlocked) this.#succession.tick();
  }

  /** @param to undefined: all managers */
  #beat(to?: string): void {
    const link = this.#link;
    if (link === undefined || this.#isClosed) return;
    const beat = heartbeatOf(this.manager, link, this.#announcer, this.#neighbours, this.#succession);
    if (to === undefined) link.tell(beat);
    else link.tellOne(to, beat);
  }

  #settled(source: string): void {
    for (const manager of this.#neighbours.settled(source)) this.companion?.gone(manager);
  }

  #tell(told: ManagerMessage): void {
    this.#link?.tell(JSON.stringify(told));
  }
}
