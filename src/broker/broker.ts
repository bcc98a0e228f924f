import type { Envelope } from "../envelope/envelope.ts";
import type { SetAsideReason } from "../envelope/set-aside.ts";
import type { EventsPeer } from "./events.ts";
import type { AbandonedGroup } from "./groups.ts";
import type { OnLeft } from "./leavers.ts";

/**
 * What Warren needs of a broker, and what a broker guarantees. `memory.ts` and `rabbitmq/` implement it;
 * `test/contract/broker.ts` is the same in tests, and both implementations pass it.
 *
 * A role declares what it needs (`attachPublisher`, `attachConsumer`, `attachFollower`), then calls `start`. From then on the broker
 * keeps all of it in force: whenever the way to it is lost it reconnects by itself, declares exchanges, queues and
 * bindings anew, and resumes. Nothing needs to be declared twice.
 *
 * **Publishing.** A link opens when everything is there that its envelopes are for: the log, the queue of each group of
 * this process, and of each group that is known to have processors; for dead letters their queue. Envelopes arrive in
 * the order of `PublishLink.send`. A confirm means that the envelope is safe in all of these, and in every other queue that was
 * bound to the exchange (for RabbitMQ: written by a quorum of its replicas), and that they were there still after it. Should one of
 * them go, the link ends without a confirm for what may have gone with it. Before the
 * confirm an envelope may be lost; its publisher sends it again on the next link, so it may arrive twice.
 *
 * **Copies.** What is published to `wsmanager` and `towsmanager` is for Warren's own roles, which speak in packs. Its plain copies
 * (`Envelope.copies`) go with it, for all other programs, and count as a part of it: the confirm says that all of it is safe. What
 * other programs publish there is heard as it is.
 *
 * **Consuming.** Each group gets every envelope at least once; the consumers of one group share them. What was
 * not acknowledged when a session ends is delivered again, in a later session or to another consumer.
 * Envelopes come in order, but those delivered again come late.
 *
 * **Following.** Every follower gets every envelope of both exchanges, once, in one total order that is the same
 * for all followers, with offsets that rise but may skip. After a lost connection it continues after the last
 * record that it saw. Records that the log has already dropped by then are skipped, and `Follower.missed` tells of it.
 *
 * **Reading.** Records older than what followers have got, in the same order and with the same offsets. Where the log no
 * longer reaches back to the start, reading begins with the oldest record that is left: a reader that has to know compares offsets.
 *
 * **After `close`** nothing is delivered and nothing is published any more.
 */
export interface Broker {
  /** Keeps `publisher` supplied with links to `exchange`. Before `start`. */
  attachPublisher(exchange: Exchange, publisher: Publisher): void;
  /** Consumes the durable queue of `group`, which gets what is published to `wsmanager`. Before `start`. */
  attachConsumer(group: string, prefetch: number, consumer: Consumer): void;
  /**
   * Consumes the events of clients. Each group gets those with its keys. The envelope's routing key is the event's, and its body the
   * event's JSON. While a group is away for long, its oldest events are dropped.
   *
   * @param group as `eventsGroup` names it
   * @param keys of `eventKeys`
   */
  attachEventConsumer(group: string, keys: readonly string[], prefetch: number, consumer: Consumer): void;
  /**
   * Consumes, together with all other managers, the durable queue to which other programs answer requests. Nothing can come
   * where no other program can publish. Before `start`.
   */
  attachReplyConsumer(prefetch: number, consumer: Consumer): void;
  /** Tells `onLeft` of clients that asked and have gone: see `leavers.ts`. Once in a process, before `start`. */
  attachLeavers(onLeft: OnLeft): void;
  /** Follows the shared log of both exchanges from now on. Before `start`. */
  attachFollower(follower: Follower): void;
  /** Whether there is a shared log, which `read` reads from. Without one, followers get what comes while they are connected. */
  readonly hasLog: boolean;
  /**
   * Reads the log once more, beside its followers. It goes on until `stop`, or until `LogReader.ended`, which is never called
   * before `read` has returned.
   */
  read(start: LogStart, reader: LogReader): LogReading;
  /**
   * Calls back once, with an offset that the log reached after this call and the fingerprint of what is there, in its place among the records
   * that the first follower gets. While the broker takes no messages it waits. Without a log or a follower, or after `close`, never.
   *
   * @returns what to call when nobody waits for that any more: the broker may have to write into the log to answer
   */
  mark(then: (offset: number, fingerprint: string) => void): () => void;
  /**
   * Keeps the peer supplied with links for the events of clients. Before `start`.
   *
   * @returns false if this broker has none: nobody could hear them, or it has no log
   */
  attachEvents(peer: EventsPeer): boolean;
  /** Begins to connect, and keeps trying. `onFatal` hears of what no retry can mend; nothing happens after that. */
  start(onFatal: (error: Error) => void): void;
  /** Whether everything declared is in force at this moment, and if not, why. */
  status(): BrokerStatus;
  /** Queues that are known to be full, so that publishing waits. */
  readonly fullQueues: readonly string[];
  /** Processor groups whose queues nobody consumes any more, as far as this process looks for them, as of a moment ago. */
  readonly abandonedGroups: readonly AbandonedGroup[];
  /**
   * How many messages wait in the queue of a group that this process consumes, as of the last time that this was asked; undefined
   * while nobody knows. It asks the broker anew, and does not wait.
   */
  queuedIn(group: string): number | undefined;
  /**
   * Waits until nothing is left that would be lost with this process, at most `timeoutMs`. RabbitMQ keeps what it
   * has, so there is nothing to wait for; the embedded broker lets its consumers finish.
   */
  settle(timeoutMs: number): Promise<void>;
  /**
   * Ends sessions and connections. Unconfirmed and unacknowledged envelopes stay so.
   *
   * @param timeoutMs how long a broker that does not answer is waited for, in milliseconds; a few seconds unless given
   */
  close(timeoutMs?: number): Promise<void>;
}

/** Where an envelope can be published to. */
export type Exchange = "wsmanager" | "towsmanager" | "wsmanager.dead";

/** The name of an exchange that is none of these: any program may publish into the log by one of its own. */
export type ForeignExchange = string & { readonly isForeign: true };

/** The exchange by which a record of the log came. */
export type RecordExchange = Exchange | ForeignExchange;

/** How a broker is; `why` is a sentence for operators. */
export type BrokerStatus =
  | { readonly state: "connecting"; readonly why: string }
  | { readonly state: "blocked"; readonly why: string }
  | { readonly state: "ready" }
  | { readonly state: "closed" };

/** One way to publish, from a connection's opening to its loss. Delivery tags start at 1 on each link. */
export interface PublishLink {
  /** Whether a `send` costs the broker about as much as a dozen messages, so that few large ones are better than many small ones. */
  readonly isCostly: boolean;
  /** Whether other programs may listen, which are to get a plain copy of each message (`Envelope.copies`). */
  readonly takesCopies?: boolean;
  /** What the properties and headers of an envelope may take together, in bytes. */
  readonly headBytesMax: number;
  /** How many of the envelopes that it was given, the last ones, it has not written. */
  readonly unwritten: number;
  /**
   * So much of what was sent still waits in this process, since the network or the broker does not take it, that more would only
   * take memory. `Publisher.drained` says when it has gone.
   */
  readonly isCongested?: boolean;
  /** Publishes these, in order, as one write. Never throws: a lost link is reported by `Publisher.closed`. */
  send(envelopes: readonly Envelope[]): void;
  /** Ends it, since the publisher does not trust it any more: another one follows. */
  giveUp(why: string): void;
}

/** Hears of its links. At most one is open at a time. */
export interface Publisher {
  /** Messages that were handed to it and are neither confirmed nor set aside. */
  readonly waitingCount: number;
  /** There is a link now, over which it may publish until `closed`. */
  opened(link: PublishLink): void;
  /** The broker has taken responsibility for the envelope with this tag; with `multiple`, for all up to it. */
  confirmed(tag: number, multiple: boolean): void;
  /** The broker could not take it, or one of its copies: what it did not take has to be published again. */
  refused(tag: number, multiple: boolean): void;
  /** It has not taken a part of an envelope. `refused` follows when it has settled the other parts. Nothing should overtake it. */
  refusing?(): void;
  /** Its link was congested, and is not any more. */
  drained?(): void;
  /** While blocked, what is published would not be read. */
  blocked(isBlocked: boolean): void;
  /** @param refusal the broker has closed the link over an envelope that it was sent */
  closed(refusal?: Refusal): void;
}

/**
 * The broker has closed a link, or there was no way to write to it, because of what is in an envelope: one of those that were
 * written and not confirmed. An ordinary loss is none.
 */
export interface Refusal {
  readonly reason: SetAsideReason;
  /** What the broker said. */
  readonly why: string;
  /** It may as well have been a fault of the broker's own, whatever it was sent. */
  readonly isDoubtful: boolean;
}

/** One life of a consumer. Tags rise by one from 1 within a session and mean nothing outside of it. */
export interface ConsumeSession {
  /** Never throws; after the session's end it does nothing. With `multiple`, all up to the tag, which must be open. */
  ack(tag: number, multiple: boolean): void;
  /**
   * Up to `count` more may be open than are at this moment, in place of what was granted before. A session begins with the
   * prefetch. With 0 nothing more comes, except for what is on its way already.
   */
  take(count: number): void;
  /** No further deliveries in this or a later session. What was delivered can still be acknowledged. */
  stop(): void;
}

/** What takes the deliveries of a queue, one session after another. */
export interface Consumer {
  /** A session begins. */
  opened(session: ConsumeSession): void;
  /** @param returns how often it was delivered before and came back without an ack, since a consumer died or was cut off */
  deliver(tag: number, envelope: Envelope, returns: number): void;
  /** The session has ended: what was not acknowledged comes again. */
  closed(): void;
}

/** What reads the log from its end on, for as long as there is a broker. */
export interface Follower {
  /** How long what comes next may lie unread, in milliseconds, since nobody here wants it: 0 to read it at once. */
  readonly patienceMs: number;
  /** The next record. */
  record(offset: number, exchange: RecordExchange, envelope: Envelope): void;
  /**
   * A session is in force: the log has reached this offset, and from its first record or mark on it gets everything.
   *
   * @param fingerprint of what is there, which is no record for followers; see `fingerprintOf`. Absent where no other log has such an offset
   */
  marked(offset: number, fingerprint?: string): void;
  /** Some records are missing between the last one and the next. */
  missed(why: Missed): void;
}

/** The log has dropped them; or it is another log than before, whose records come from the beginning, with offsets of their own. */
export type Missed = "dropped" | "another log";

/** Where reading begins: the oldest record, the one with this offset, or one not younger than a time, in seconds since 1970. */
export type LogStart = "first" | number | { readonly timestamp: number };

/** The content type of marks, by which brokers find out how far a log reaches. Readers get them, followers do not. */
export const markContentType = "application/vnd.warren.mark";

/** What one reading of the log is for. */
export interface LogReader {
  /** How many records may be on their way to it, from 1 to 2,000; fewer where they turn out to be large. */
  readonly aheadMax: number;
  /** The next record. */
  record(offset: number, exchange: RecordExchange, envelope: Envelope): void;
  /** `nothing kept`: there are no older records than followers have got. `lost`: the way to the log was lost, read again. */
  ended(why: "nothing kept" | "lost"): void;
}

/** A reading of the log that goes on. */
export interface LogReading {
  /** `count` more records are dealt with. Only `aheadMax` come ahead of that, or a few more. */
  handled(count: number): void;
  /** Nothing comes any more, not even `ended`. */
  stop(): void;
}
