/**
 * What the events of clients need of a broker. A manager publishes its events to a source of its own, which leads to the exchange of
 * all events and into their log; a manager that deletes the source has its word that nothing more comes from it.
 *
 * | what                        | to programs | to the log |
 * |-----------------------------|-------------|------------|
 * | connected, disconnected     | yes         | yes        |
 * | subscribed, unsubscribed    | yes         | no         |
 * | what managers keep, a mark  | no          | yes        |
 * | a probe                     | yes         | no         |
 */
export interface EventsLink {
  /** Names this link's source. A link that follows another one has another source. */
  readonly source: string;
  /**
   * Publishes an event to its source, or to a voice. Never throws; the tags in `EventsPeer.confirmed` count these calls, and those of `probe`, from 1.
   */
  publish(key: string, body: string, voice?: Voice): void;
  /** Publishes an event of a client to programs alone. If none listens, `EventsPeer.unheard` is called, before it is confirmed. */
  probe(key: string, body: string): void;
  /** Publishes a command for all managers, this one too. The answers come to `EventsPeer.answered` with the id. */
  ask(body: string, id: string): void;
  /** Tells all managers something, this one too. It is lost where a manager is not connected. */
  tell(body: string): void;
  /** Tells all processors which clients that asked have gone, at most `leaversMax`. It is lost where one is not connected. */
  tellLeft(askers: readonly string[]): void;
  /** Tells one manager something. It is lost if that is not connected. */
  tellOne(manager: string, body: string): void;
  /**
   * Nothing more reaches the events from this source, also if its manager is frozen and wakes up again.
   *
   * @throws if the link was lost meanwhile
   */
  fence(source: string): Promise<void>;
  /**
   * Whether nothing more comes from this source, of whomever: it is fenced, or has gone with the broker that had it.
   *
   * @throws if the link was lost meanwhile
   */
  isFenced(source: string): Promise<boolean>;
  /**
   * Reads the log of events from a time on, in seconds since 1970, or from its beginning.
   *
   * @param until the body of an event with the key `mark` that was published just before: the last one that is read
   * @throws if the link was lost meanwhile, or the log does not show the mark
   */
  read(from: "first" | number, until: string, visit: (record: EventRecord) => void): Promise<void>;
  /** Whether a manager is connected to the broker. */
  isConnected(manager: string): Promise<boolean>;
  /**
   * Does something that concerns one manager, while nobody else does such a thing. What it says about that manager it says by the
   * voice that it is given: nothing more arrives by the voices that were given before, also if it was published already.
   *
   * @returns false if another one was at it
   * @throws what the job throws, or if the link was lost meanwhile
   */
  alone(manager: string, job: (voice: Voice) => Promise<void>): Promise<boolean>;
  /** Keeps a record of revoked tokens. Resolves when it is safe. @throws if the link was lost meanwhile */
  revoke(body: string): Promise<void>;
  /** Gives the link up: another one follows. */
  giveUp(why: string): void;
}

/** A way to say something about a manager that another one may have to speak for next. */
export interface Voice {
  /** Where it publishes. */
  readonly exchange: string;
  /** Tells it from those before. */
  readonly nonce: string;
}

/** What was published to a source, as the log has it. */
export interface EventRecord {
  /** Who told it. */
  readonly source: string;
  /** The routing key. */
  readonly key: string;
  /** What is told, in JSON. */
  readonly body: Uint8Array;
}

/** Hears of its links to the broker. At most one is open at a time. */
export interface EventsPeer {
  /** Names the manager to the others. */
  readonly manager: string;
  /** There is a link now, until `closed`. */
  opened(link: EventsLink): void;
  /** The link was lost. */
  closed(): void;
  /** The broker has the event with this tag; with `multiple`, all up to it. */
  confirmed(tag: number, multiple: boolean): void;
  /** The log, or the queue of a program, refuses the event with this tag; with `multiple`, all up to it. */
  refused(tag: number, multiple: boolean): void;
  /** A probe with this key reached nobody. */
  unheard(key: string): void;
  /** While blocked, nothing that is published or told arrives. */
  blocked(isBlocked: boolean): void;
  /**
   * A command for all managers, of another manager or another program.
   *
   * @param answer undefined: nobody waits for one
   */
  asked(body: Uint8Array, answer: ((body: string) => void) | undefined): void;
  /** A manager's answer to a command. */
  answered(id: string, body: Uint8Array): void;
  /** What a manager tells all, or this one. */
  told(body: Uint8Array): void;
  /** A record of revoked tokens: all that there are when a link opens, and then each new one. */
  revoked(body: Uint8Array): void;
  /** All records that there were when the link opened have been read. */
  readRevoked(): void;
}

const eventsGroupPrefix = "events.to.";

/** What the events for a processor group's handler are kept under: a group of its own, so that dead letters find their way back. */
export function eventsGroup(group: string): string {
  return eventsGroupPrefix + group;
}

/** The other way round. */
export function groupOfEvents(eventsGroup: string): string {
  return eventsGroup.slice(eventsGroupPrefix.length);
}

/** Where the events of clients go, and what may be in their log besides. */
export const eventKeys = {
  connected: "client.connected",
  disconnected: "client.disconnected",
  subscribed: "client.subscribed",
  unsubscribed: "client.unsubscribed",
  /** Which clients came and went while no program listened. */
  clients: "manager.clients",
  /** Who is connected to a manager, in parts. */
  snapshot: "manager.snapshot",
  /** A manager's source is at its end, and so are all its connections. */
  ended: "manager.ended",
  /** A place in the log, for the one that reads it. */
  mark: "manager.mark",
} as const;

/** Whether no program is to hear of it. */
export function isForLogAlone(key: string): boolean {
  return !key.startsWith("client.");
}
