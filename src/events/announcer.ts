import type { EventsLink, Voice } from "../broker/events.ts";
import { reasonOf } from "../errors.ts";
import type { Attendance, Attendee } from "./attendance.ts";
import { tellOfEnds } from "./ends.ts";
import type { ClientEvent } from "./event.ts";
import { Outgoing } from "./outgoing.ts";
import { readWhole } from "./reading.ts";
import { Snapshots } from "./snapshots.ts";
import { Telling, type TellingOptions } from "./telling.ts";
import { defaultEventsTiming } from "./timing.ts";
import { connectionOf } from "./untold.ts";

const lockAgainAfterMs = 500;
/** Events of clients that are told of anew before others have their turn. */
const sliceEvents = 500;

/** What an announcer reports. */
export interface AnnouncerHooks {
  /** The log could not be read, and the link is given up. */
  onFault(reason: string): void;
  /** A queue of a program has refused an event. */
  onRefused(): void;
  /** The source of an earlier link is at its end. */
  onSettled(source: string): void;
}

/**
 * Tells of this manager's clients. It keeps nothing for a broker that is away: when it is back, the log is compared with who is there,
 * and the difference is told. A client that came and went meanwhile was never there.
 *
 * | state    | why                                        | what happens to an event            |
 * |----------|--------------------------------------------|-------------------------------------|
 * | away     | there is no link                           | the comparison will show it         |
 * | settling | the log of the earlier link is read        | the same                            |
 * | live     | log and clients agree                      | it is told, unless its client is yet to be compared |
 */
export class Announcer {
  readonly #manager: string;
  readonly #attendance: Attendance;
  readonly #hooks: AnnouncerHooks;
  readonly outgoing = new Outgoing();
  readonly #telling: Telling;
  readonly #snapshots: Snapshots;
  #state: "away" | "settling" | "live" = "away";
  /** Sources of earlier links whose connections are not settled. */
  #formerSources: string[] = [];
  /** Clients that are yet to be compared with the log. */
  #uncompared = new Set<Attendee>();
  #connections = 0;

  /**
   * @param manager its name, unique for all time
   */
  constructor(
    manager: string,
    attendance: Attendance,
    hooks: AnnouncerHooks,
    telling?: Partial<TellingOptions>,
    timing = defaultEventsTiming,
  ) {
    this.#manager = manager;
    this.#attendance = attendance;
    this.#hooks = hooks;
    this.#telling = new Telling(manager, this.outgoing, telling);
    this.#snapshots = new Snapshots(manager, attendance, this.outgoing, () => this.#telling.pending, timing);
  }

  get isLive(): boolean {
    return this.#state === "live";
  }

  /** The present source, and those that are not settled. */
  get sources(): readonly string[] {
    const { link } = this.outgoing;
    return [...this.#formerSources, ...(link === undefined ? [] : [link.source])];
  }

  /** Events that wait to be told. */
  get pending(): number {
    return this.#telling.pendingCount;
  }

  /** When the last snapshot was confirmed, in milliseconds since 1970; 0: there is none. */
  get snapshotAt(): number {
    return this.#snapshots.at;
  }

  opened(link: EventsLink): void {
    this.outgoing.opened(link);
    this.#state = "settling";
    this.#settle(link).catch((error: unknown) => {
      if (this.outgoing.link !== link) return;
      const reason = reasonOf(error);
      this.#hooks.onFault(reason);
      link.giveUp(reason);
    });
  }

  closed(): void {
    const { link } = this.outgoing;
    if (link !== undefined) this.#formerSources.push(link.source);
    this.#state = "away";
    this.#uncompared.clear();
    this.outgoing.closed();
    this.#telling.closed();
  }

  confirmed(tag: number, multiple: boolean): void {
    this.outgoing.confirmed(tag, multiple);
    this.#telling.confirmed();
  }

  refused(tag: number, multiple: boolean): void {
    const isOfLog = this.outgoing.refused(tag, multiple);
    this.#telling.confirmed();
    if (isOfLog) this.outgoing.link?.giveUp("RabbitMQ refuses to write into the log of events");
    else {
      // The log has it, most likely; what it has not, a snapshot sets right.
      this.#snapshots.doubt();
      this.#hooks.onRefused();
    }
  }

  unheard(key: string): void {
    this.#telling.unheard(key);
  }

  /** A client has connected, and has its id. */
  connected(client: Attendee): void {
    client.seat.connection = ++this.#connections;
    if (this.#state !== "live") return;
    this.#tell("connected", client, client.protocol ?? "", client.seat.address);
  }

  /** @param reason the close code, or what is known of the end */
  disconnected(client: Attendee, reason: string): void {
    const { seat } = client;
    if (seat.connection === 0) return;
    // One that is yet to be compared is found in the log.
    if (this.#isTold(client)) this.#tell("disconnected", client, reason);
    else this.#uncompared.delete(client);
    seat.connection = 0;
  }

  subscribed(client: Attendee, topic: string): void {
    if (this.#isTold(client)) this.#tell("subscribed", client, topic);
  }

  unsubscribed(client: Attendee, topic: string): void {
    if (this.#isTold(client)) this.#tell("unsubscribed", client, topic);
  }

  /** Writes a snapshot of who is there, so that no reader of the log has to begin earlier. */
  snapshot(): void {
    if (this.#state === "live" && this.#uncompared.size === 0) this.#snapshots.take();
  }

  /** Once in a while. */
  goRound(): void {
    if (this.#snapshots.isDue) this.snapshot();
  }

  /** Resolves when all that clients did so far is published, or the link is lost. */
  told(): Promise<void> {
    return this.#telling.told();
  }

  async #settle(link: EventsLink): Promise<void> {
    // Another manager may be about to speak for this one.
    while (
      this.outgoing.link === link &&
      !(await link.alone(this.#manager, (voice) => this.#compare(link, voice)))
    )
      await Bun.sleep(lockAgainAfterMs);
  }

  async #compare(link: EventsLink, voice: Voice): Promise<void> {
    const former = [...this.#formerSources];
    for (const source of former) await link.fence(source);
    const ledger =
      former.length === 0
        ? undefined
        : await readWhole([[this.#manager, former, this.#snapshots.at]], link, () => this.outgoing.mark());
    // Lost meanwhile: the next link settles this one's source, too.
    if (this.outgoing.link !== link) return;
    const open = new Map(former.flatMap((source) => [...(ledger?.openOf(source) ?? [])]));
    this.#state = "live";
    this.#attendance.forEach((client) => {
      if (client.protocol !== undefined) this.#uncompared.add(client);
    });
    await this.#compareClients(link, open);
    await tellOfEnds(this.outgoing, this.#manager, open, "while the broker was away", voice);
    this.snapshot();
    for (const source of former) this.outgoing.ended(source, voice);
    await this.outgoing.settled();
    if (this.outgoing.link !== link) return;
    this.#formerSources = this.#formerSources.filter((source) => !former.includes(source));
    for (const source of former) this.#hooks.onSettled(source);
  }

  /**
   * Compares the clients with the log. They may come and go meanwhile.
   *
   * @param open the connections that are open by the log; those whose clients are there are taken out
   */
  async #compareClients(link: EventsLink, open: Map<string, string>): Promise<void> {
    let count = 0;
    for (const client of this.#uncompared) {
      if (this.outgoing.link !== link) return;
      this.#uncompared.delete(client);
      if (client.seat.connection > 0 && open.delete(connectionOf(this.#manager, client.seat.connection)))
        continue;
      // Another manager may have told its end, so its connection gets a new name.
      this.connected(client);
      count++;
      for (const topic of client.topics()) {
        this.subscribed(client, topic);
        count++;
      }
      if (count < sliceEvents) continue;
      count = 0;
      await new Promise((resolve) => setImmediate(resolve));
      await this.#telling.roomy();
    }
  }

  /** The id that events give a client that has none of its own. */
  nameOf(client: Attendee): string | undefined {
    return client.seat.connection === 0 ? undefined : connectionOf(this.#manager, client.seat.connection);
  }

  /** Whether its events are told. */
  #isTold(client: Attendee): boolean {
    return (
      this.#state === "live" &&
      client.seat.connection > 0 &&
      (this.#uncompared.size === 0 || !this.#uncompared.has(client))
    );
  }

  #tell(event: ClientEvent["event"], client: Attendee, detail: string, address?: string): void {
    this.#telling.tell(event, client.seat.connection, client.id, detail, address);
  }
}
