import type { Epoch, EventsLink } from "../broker/events.ts";
import { reasonOf } from "../errors.ts";
import type { Attendance, Attendee } from "./attendance.ts";
import { tellOfEnds } from "./ends.ts";
import type { ClientEvent } from "./event.ts";
import { EventPublisher, type EventPublisherOptions } from "./event-publisher.ts";
import { Outgoing } from "./outgoing.ts";
import { connectionOf } from "./pending-event.ts";
import { readWhole } from "./reading.ts";
import { Snapshots } from "./snapshots.ts";
import { defaultEventsTiming } from "./timing.ts";

const lockAgainAfterMs = 500;
/** How many clients are announced again before other work gets its turn. */
const sliceEvents = 500;

/** What an announcer reports. */
export interface AnnouncerHooks {
  /** The log could not be read, and the link is given up. */
  onFault(reason: string): void;
  /** A queue of a program has refused an event. */
  onRefused(): void;
  /** The source of an earlier link has ended. */
  onSettled(source: string): void;
}

/**
 * Announces this manager's clients. It keeps nothing for a broker that is away. When the broker is back, the log is compared with the
 * connected clients, and the difference is published. A client that came and went meanwhile is not mentioned.
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
  readonly #publisher: EventPublisher;
  readonly #snapshots: Snapshots;
  #state: "away" | "settling" | "live" = "away";
  /** Sources of earlier links whose connections are not settled yet. */
  #formerSources: string[] = [];
  /** Clients that are still to be compared with the log. */
  #uncompared = new Set<Attendee>();
  #connections = 0;

  /** @param manager its name, unique for all time */
  constructor(
    manager: string,
    attendance: Attendance,
    hooks: AnnouncerHooks,
    telling?: Partial<EventPublisherOptions>,
    timing = defaultEventsTiming,
  ) {
    this.#manager = manager;
    this.#attendance = attendance;
    this.#hooks = hooks;
    this.#publisher = new EventPublisher(manager, this.outgoing, telling);
    this.#snapshots = new Snapshots(
      manager,
      attendance,
      this.outgoing,
      () => this.#publisher.pending,
      timing,
    );
  }

  get isLive(): boolean {
    return this.#state === "live";
  }

  /** The current source, and those that are not settled. */
  get sources(): readonly string[] {
    const { link } = this.outgoing;
    return [...this.#formerSources, ...(link === undefined ? [] : [link.source])];
  }

  /** Events that wait to be told. */
  get pending(): number {
    return this.#publisher.pendingCount;
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
    this.#publisher.closed();
  }

  confirmed(tag: number, multiple: boolean): void {
    this.outgoing.confirmed(tag, multiple);
    this.#publisher.confirmed();
  }

  refused(tag: number, multiple: boolean): void {
    const isOfLog = this.outgoing.refused(tag, multiple);
    this.#publisher.confirmed();
    if (isOfLog) this.outgoing.link?.giveUp("RabbitMQ refuses to write into the log of events");
    else {
      // Most likely the log has it. If not, the next snapshot corrects that.
      this.#snapshots.doubt();
      this.#hooks.onRefused();
    }
  }

  unheard(key: string): void {
    this.#publisher.unheard(key);
  }

  /** A client has connected and has its id. */
  connected(client: Attendee): void {
    client.seat.connection = ++this.#connections;
    if (this.#state !== "live") return;
    this.#tell("connected", client, client.protocol ?? "", client.seat.address);
  }

  /** @param reason the close code, or what is known of the end */
  disconnected(client: Attendee, reason: string): void {
    const { seat } = client;
    if (seat.connection === 0) return;
    // If it was not compared yet, the comparison finds its end.
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

  /** Writes a snapshot of the connected clients, so that readers of the log need not begin earlier. */
  snapshot(): void {
    if (this.#state === "live" && this.#uncompared.size === 0) this.#snapshots.take();
  }

  /** Call it regularly. */
  tick(): void {
    if (this.#snapshots.isDue) this.snapshot();
  }

  /** Resolves when all events so far are published, or the link is lost. */
  told(): Promise<void> {
    return this.#publisher.told();
  }

  async #settle(link: EventsLink): Promise<void> {
    // Another manager may be about to report for this one.
    while (
      this.outgoing.link === link &&
      !(await link.alone(this.#manager, (epoch) => this.#compare(link, epoch)))
    )
      await Bun.sleep(lockAgainAfterMs);
  }

  async #compare(link: EventsLink, epoch: Epoch): Promise<void> {
    const former = [...this.#formerSources];
    for (const source of former) await link.fence(source);
    const ledger =
      former.length === 0
        ? undefined
        : await readWhole([[this.#manager, former, this.#snapshots.at]], link, () => this.outgoing.mark());
    // If the link was lost meanwhile, the next link settles this one's source too.
    if (this.outgoing.link !== link) return;
    const open = new Map(former.flatMap((source) => [...(ledger?.openOf(source) ?? [])]));
    this.#state = "live";
    this.#attendance.forEach((client) => {
      if (client.protocol !== undefined) this.#uncompared.add(client);
    });
    await this.#compareClients(link, open);
    await tellOfEnds(this.outgoing, this.#manager, open, "while the broker was away", epoch);
    this.snapshot();
    for (const source of former) this.outgoing.ended(source, epoch);
    await this.outgoing.settled();
    if (this.outgoing.link !== link) return;
    this.#formerSources = this.#formerSources.filter((source) => !former.includes(source));
    for (const source of former) this.#hooks.onSettled(source);
  }

  /**
   * Compares the connected clients with the log. Clients may come and go meanwhile.
   *
   * @param open the connections that are open according to the log; those whose clients are connected are removed
   */
  async #compareClients(link: EventsLink, open: Map<string, string>): Promise<void> {
    let count = 0;
    for (const client of this.#uncompared) {
      if (this.outgoing.link !== link) return;
      this.#uncompared.delete(client);
      if (client.seat.connection > 0 && open.delete(connectionOf(this.#manager, client.seat.connection)))
        continue;
      // Another manager may have reported its end, so the connection gets a new name.
      this.connected(client);
      count++;
      for (const topic of client.topics()) {
        this.subscribed(client, topic);
        count++;
      }
      if (count < sliceEvents) continue;
      count = 0;
      await new Promise((resolve) => setImmediate(resolve));
      await this.#publisher.roomy();
    }
  }

  /** The name that a client without an id has in events. */
  nameOf(client: Attendee): string | undefined {
    return client.seat.connection === 0 ? undefined : connectionOf(this.#manager, client.seat.connection);
  }

  /** Whether its events are published. */
  #isTold(client: Attendee): boolean {
    return (
      this.#state === "live" &&
      client.seat.connection > 0 &&
      (this.#uncompared.size === 0 || !this.#uncompared.has(client))
    );
  }

  #tell(event: ClientEvent["event"], client: Attendee, detail: string, address?: string): void {
    this.#publisher.tell(event, client.seat.connection, client.id, detail, address);
  }
}
