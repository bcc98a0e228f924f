import { type EventsLink, eventKeys, type Voice } from "../broker/events.ts";
import type { Attendance, Attendee } from "./attendance.ts";
import type { ClientEvent, Entry, Snapshot } from "./event.ts";
import { eventText } from "./event-text.ts";
import { readWhole } from "./reading.ts";

/** Clients in one part of a snapshot. */
const entriesMax = 500;
/** Events that the broker has not confirmed. Beyond it the link is given up, and the next one begins with what is true then. */
export const unconfirmedMax = 50_000;
const lockAgainAfterMs = 500;

/** What an announcer reports. */
export interface AnnouncerHooks {
  /** The log could not be read, and the link is given up. */
  onFault(reason: string): void;
  /** A source of a link before is at its end. */
  onSettled(source: string): void;
}

/**
 * Tells of this manager's clients. It keeps nothing for a broker that is away: when it is back, the log is compared with who is there,
 * and the difference is told. A client that came and went meanwhile was never there.
 *
 * | state    | why                                        | what happens to an event            |
 * |----------|--------------------------------------------|-------------------------------------|
 * | away     | there is no link                           | the comparison will show it         |
 * | settling | the log is read that the link before wrote | the same                            |
 * | live     | log and clients agree                      | it is published at once             |
 */
export class Announcer {
  readonly #manager: string;
  readonly #attendance: Attendance;
  readonly #onFault: (reason: string) => void;
  readonly #onSettled: (source: string) => void;
  #state: "away" | "settling" | "live" = "away";
  #link: EventsLink | undefined;
  /** Sources of links before, whose connections are not settled. */
  #formerSources: string[] = [];
  #connections = 0;
  #published = 0;
  /** All up to this one. */
  #confirmed = 0;
  /** Confirmed before others that were published before. */
  readonly #early = new Set<number>();
  #onConfirmed: { readonly tag: number; readonly then: () => void }[] = [];
  #snapshotAt = 0;

  /**
   * @param manager its name, unique for all time
   */
  constructor(manager: string, attendance: Attendance, { onFault, onSettled }: AnnouncerHooks) {
    this.#manager = manager;
    this.#attendance = attendance;
    this.#onFault = onFault;
    this.#onSettled = onSettled;
  }

  get isLive(): boolean {
    return this.#state === "live";
  }

  /** The present source, and those that are not settled. */
  get sources(): readonly string[] {
    return [...this.#formerSources, ...(this.#link === undefined ? [] : [this.#link.source])];
  }

  /** When the last snapshot was confirmed, in milliseconds since 1970; 0: there is none. */
  get snapshotAt(): number {
    return this.#snapshotAt;
  }

  opened(link: EventsLink): void {
    this.#link = link;
    this.#published = 0;
    this.#confirmed = 0;
    this.#early.clear();
    this.#state = "settling";
    this.#settle(link).catch((error: unknown) => {
      if (this.#link !== link) return;
      const reason = error instanceof Error ? error.message : String(error);
      this.#onFault(reason);
      link.giveUp(reason);
    });
  }

  closed(): void {
    if (this.#link !== undefined) this.#formerSources.push(this.#link.source);
    this.#link = undefined;
    this.#state = "away";
    // Who waits learns that there is another link by then.
    for (const { then } of this.#onConfirmed.splice(0)) then();
  }

  confirmed(tag: number, multiple: boolean): void {
    if (multiple) this.#confirmed = Math.max(this.#confirmed, tag);
    else this.#early.add(tag);
    while (this.#early.delete(this.#confirmed + 1)) this.#confirmed++;
    while (this.#onConfirmed.length > 0 && this.#onConfirmed[0]!.tag <= this.#confirmed)
      this.#onConfirmed.shift()!.then();
  }

  /** A client has connected, and has its id. */
  connected(client: Attendee): void {
    client.seat.connection = ++this.#connections;
    if (this.#state !== "live") return;
    const { protocol = "", seat } = client;
    this.#tell("connected", client, { protocol, address: seat.address });
  }

  /** @param reason the close code, or what is known of the end */
  disconnected(client: Attendee, reason: string): void {
    if (client.seat.connection === 0) return;
    if (this.#state === "live") this.#tell("disconnected", client, { reason });
    client.seat.connection = 0;
  }

  subscribed(client: Attendee, topic: string): void {
    if (this.#state === "live") this.#tell("subscribed", client, { topic });
  }

  unsubscribed(client: Attendee, topic: string): void {
    if (this.#state === "live") this.#tell("unsubscribed", client, { topic });
  }

  /** Writes down who is there, so that a reader of the log need not begin before. */
  snapshot(): void {
    if (this.#state !== "live") return;
    const link = this.#link;
    const entries: Entry[] = [];
    this.#attendance.forEach((client) => {
      if (client.seat.connection > 0) entries.push([this.#nameOf(client), client.id ?? this.#nameOf(client)]);
    });
    const at = Date.now();
    const parts = Math.max(1, Math.ceil(entries.length / entriesMax));
    for (let part = 0; part < parts; part++) {
      const some = entries.slice(part * entriesMax, (part + 1) * entriesMax);
      const snapshot: Snapshot = { manager: this.#manager, at, part, parts, entries: some };
      this.#publish(eventKeys.snapshot, snapshot);
    }
    this.#whenConfirmed(() => {
      if (this.#link === link) this.#snapshotAt = at;
    });
  }

  /** Speaks for a manager that cannot any more. Resolves when it is confirmed, or the link is lost. */
  async speakFor(manager: string, open: Iterable<Entry>, voice: Voice): Promise<void> {
    this.#tellOfEnds(manager, open, "manager lost", voice);
    await this.settled();
  }

  /** A source is at its end, and all its connections are told of. */
  ended(source: string, voice?: Voice): void {
    this.#publish(eventKeys.ended, { ended: source }, voice);
  }

  /** Publishes a mark for `EventsLink.read`. */
  mark(): string {
    const body = JSON.stringify({ mark: crypto.randomUUID() });
    this.#publishText(eventKeys.mark, body);
    return body;
  }

  /** Resolves when all that was published is confirmed, or the link is lost. */
  settled(): Promise<void> {
    return new Promise((resolve) => this.#whenConfirmed(resolve));
  }

  async #settle(link: EventsLink): Promise<void> {
    // Another manager may be about to speak for this one.
    while (this.#link === link && !(await link.alone(this.#manager, (voice) => this.#compare(link, voice))))
      await Bun.sleep(lockAgainAfterMs);
  }

  async #compare(link: EventsLink, voice: Voice): Promise<void> {
    const former = [...this.#formerSources];
    for (const source of former) await link.fence(source);
    const ledger =
      former.length === 0 ? undefined : await readWhole(former, this.#snapshotAt, link, () => this.mark());
    // Lost meanwhile: the next link settles this one's source, too.
    if (this.#link !== link) return;
    const open = new Map(former.flatMap((source) => [...(ledger?.openOf(source) ?? [])]));
    this.#state = "live";
    this.#attendance.forEach((client) => {
      if (client.protocol === undefined) return;
      if (client.seat.connection > 0 && open.delete(this.#nameOf(client))) return;
      // It may have been spoken for, so its connection has another name from now on.
      this.connected(client);
      for (const topic of client.topics()) this.subscribed(client, topic);
    });
    this.#tellOfEnds(this.#manager, open, "while the broker was away", voice);
    this.snapshot();
    for (const source of former) this.ended(source, voice);
    await this.settled();
    if (this.#link !== link) return;
    this.#formerSources = this.#formerSources.filter((source) => !former.includes(source));
    for (const source of former) this.#onSettled(source);
  }

  /** The id under which a client was told of that had none. */
  nameOf(client: Attendee): string | undefined {
    return client.seat.connection === 0 ? undefined : this.#nameOf(client);
  }

  #tellOfEnds(manager: string, open: Iterable<Entry>, reason: string, voice: Voice): void {
    const at = Date.now();
    for (const [connection, client] of open) {
      const event: ClientEvent = { event: "disconnected", client, connection, manager, at, reason };
      this.#publish(eventKeys.disconnected, event, voice);
    }
  }

  #tell(
    event: ClientEvent["event"],
    client: Attendee,
    { topic, protocol, address, reason }: Pick<ClientEvent, "topic" | "protocol" | "address" | "reason">,
  ): void {
    const connection = this.#nameOf(client);
    const { id = connection } = client;
    const manager = this.#manager;
    const told = { event, client: id, connection, manager, at: Date.now(), topic, protocol, address, reason };
    this.#publishText(eventKeys[event], eventText(told));
  }

  #publish(key: string, event: object, voice?: Voice): void {
    this.#publishText(key, JSON.stringify(event), voice);
  }

  #publishText(key: string, body: string, voice?: Voice): void {
    const link = this.#link;
    if (link === undefined) return;
    this.#published++;
    link.publish(key, body, voice);
    if (this.#published - this.#confirmed > unconfirmedMax) link.giveUp("too many events wait for a confirm");
  }

  #whenConfirmed(then: () => void): void {
    if (this.#link === undefined || this.#confirmed >= this.#published) then();
    else this.#onConfirmed.push({ tag: this.#published, then });
  }

  #nameOf({ seat }: Attendee): string {
    return `${this.#manager}-${seat.connection}`;
  }
}
