/**
 * What the events of clients require of a broker. A manager publishes its events to a source, an exchange of its own, which leads to the
 * exchange of all events and into their log. Another manager that deletes the source can be sure that nothing more comes from it.
 *
 * | what                        | to programs | to the log |
 * |-----------------------------|-------------|------------|
 * | connected, disconnected     | yes         | yes        |
 * | subscribed, unsubscribed    | yes         | no         |
 * | what managers keep, a mark  | no          | yes        |
 * | a probe                     | yes         | no         |
 */
export interface EventsLink {
  /** The name of this link's source. Each link has another source. */
  readonly source: string;
  /**
   * Publishes an event to the source, or under an epoch. Never throws. The tags in `EventsPeer.confirmed` count the calls of this method and of
   * `probe`, from 1.
   */
  publish(key: string, body: string, epoch?: Epoch): void;
  /** Publishes an event of a client only to programs. If none listens, `EventsPeer.unheard` is called, before the confirm. */
  probe(key: string, body: string): void;
  /** Publishes a command for all managers, including this one. The answers come to `EventsPeer.answered` with the id. */
  ask(body: string, id: string): void;
  /** Sends a message to all managers, including this one. A manager that is not connected does not get it. */
  tell(body: string): void;
  /**
   * Tells all processors which clients that asked requests have disconnected, at most `leaversMax`. A processor that is not connected is
   * not told.
   */
  tellLeft(askers: readonly string[]): void;
  /** Sends a message to one manager. It is lost if that manager is not connected. */
  tellOne(manager: string, body: string): void;
  /**
   * Makes sure that nothing more comes from this source, even if its manager is frozen and wakes up again.
   *
   * @throws if the link was lost meanwhile
   */
  fence(source: string): Promise<void>;
  /**
   * Whether nothing more can come from this source: it was fenced by any manager, or has gone with the broker that had it.
   *
   * @throws if the link was lost meanwhile
   */
  isFenced(source: string): Promise<boolean>;
  /**
   * Reads the log of events from this time on, in seconds since 1970, or from its beginning.
   *
   * @param until the body of an event with the key `mark` that was published just before. Reading ends there
   * @throws if the link was lost meanwhile, or the log does not show the mark
   */
  read(from: "first" | number, until: string, visit: (record: EventRecord) => void): Promise<void>;
  /** Whether a manager is connected to the broker. */
  isConnected(manager: string): Promise<boolean>;
  /**
   * Runs a job that concerns one manager, while no other manager runs such a job. The job publishes about that manager under the epoch
   * that it gets: nothing more arrives under earlier epochs, even if it was published before.
   *
   * @returns false if another manager is running such a job
   * @throws what the job throws, or if the link was lost meanwhile
   */
  alone(manager: string, job: (epoch: Epoch) => Promise<void>): Promise<boolean>;
  /** Keeps a record of revoked tokens. Resolves when it is safe. @throws if the link was lost meanwhile */
  revoke(body: string): Promise<void>;
  /** Gives the link up. Another one follows. */
  giveUp(why: string): void;
}

/**
 * A period in which one manager alone publishes about another, as the epoch of a producer in Kafka. The next epoch fences it: what is still
 * published under it reaches nobody.
 */
export interface Epoch {
  /** Where it publishes. */
  readonly exchange: string;
  /** Distinguishes it from earlier epochs. */
  readonly nonce: string;
}

/** A record of the log of events. */
export interface EventRecord {
  /** The source to which it was published. */
  readonly source: string;
  /** The routing key. */
  readonly key: string;
  /** The event, in JSON. */
  readonly body: Uint8Array;
}

/** Receives links to the broker, and what comes over them. At most one link is open at a time. */
export interface EventsPeer {
  /** The manager's name. */
  readonly manager: string;
  /** A link is open. It may be used until `closed` is called. */
  opened(link: EventsLink): void;
  /** The link was lost. */
  closed(): void;
  /** The broker has the event with this tag; with `multiple`, all up to it. */
  confirmed(tag: number, multiple: boolean): void;
  /** The log, or the queue of a program, has refused the event with this tag; with `multiple`, all up to it. */
  refused(tag: number, multiple: boolean): void;
  /** No program got a probe with this key. */
  unheard(key: string): void;
  /** While it is blocked, nothing that is published arrives. */
  blocked(isBlocked: boolean): void;
  /**
   * A command for all managers has come, from another manager or another program.
   *
   * @param answer undefined: nobody waits for an answer
   */
  asked(body: Uint8Array, answer: ((body: string) => void) | undefined): void;
  /** A manager's answer to a command. */
  answered(id: string, body: Uint8Array): void;
  /** A message from a manager to all, or to this one. */
  told(body: Uint8Array): void;
  /** A record of revoked tokens. When a link opens, all existing records come, and then each new one. */
  revoked(body: Uint8Array): void;
  /** All records that existed when the link opened were read. */
  readRevoked(): void;
}

const eventsGroupPrefix = "events.to.";

/** The group name under which a processor group's events are kept. It is separate, so that dead letters find their way back. */
export function eventsGroup(group: string): string {
  return eventsGroupPrefix + group;
}

/** The inverse of `eventsGroup`. */
export function groupOfEvents(eventsGroup: string): string {
  return eventsGroup.slice(eventsGroupPrefix.length);
}

/** The routing keys of clients' events, and of what else may be in their log. */
export const eventKeys = {
  connected: "client.connected",
  disconnected: "client.disconnected",
  subscribed: "client.subscribed",
  unsubscribed: "client.unsubscribed",
  /** Clients that came and went while no program listened. */
  clients: "manager.clients",
  /** The clients that are connected to a manager, in parts. */
  snapshot: "manager.snapshot",
  /** A manager's source has ended, and with it all its connections. */
  ended: "manager.ended",
  /** A place in the log, for the manager that reads it. */
  mark: "manager.mark",
} as const;

/** Whether the event is only for the log, and not for programs. */
export function isForLogAlone(key: string): boolean {
  return !key.startsWith("client.");
}
