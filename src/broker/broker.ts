import type { Envelope } from "../envelope/envelope.ts";
import type { SetAsideReason } from "../envelope/set-aside.ts";
import type { EventsPeer } from "./events.ts";
import type { AbandonedGroup } from "./groups.ts";
import type { OnLeft } from "./leavers.ts";

/**
 * What Warren requires of a broker, and what a broker guarantees. `memory.ts` and `rabbitmq/` implement it. `test/contract/broker.ts` has
 * the same requirements as tests, which both implementations pass.
 *
 * A role declares what it needs (`attachPublisher`, `attachConsumer`, `attachFollower`), and then calls `start`. From then on the broker
 * keeps all of it in force: whenever the connection is lost it reconnects by itself, declares exchanges, queues and bindings again, and
 * resumes. Nothing needs to be attached twice.
 *
 * **Publishing.** A link opens when everything exists that its envelopes have to reach: the log, the queue of each group of this process,
 * and of each group that is known to have processors; for dead letters, their queue. Envelopes are published in the order of
 * `PublishLink.send`. A confirm means that the envelope is safe in all of these, and in every other queue that was bound to the exchange
 * (for RabbitMQ: written by a quorum of its replicas), and that they still existed after that. If one of them disappears, the link ends
 * without a confirm for envelopes that may have been lost with it. Before its confirm an envelope may be lost. Its publisher then sends it
 * again on the next link, so it may arrive twice.
 *
 * **Copies.** What is published to `wsmanager` and `towsmanager` is for Warren's own roles, which use packs. Plain copies for all other
 * programs (`Envelope.copies`) go with each envelope and count as a part of it: the confirm covers them too. What other programs publish
 * there is received as it is.
 *
 * **Consuming.** Each group gets every envelope at least once, and the consumers of a group share them. What was not acknowledged when a
 * session ends is delivered again, in a later session or to another consumer. Envelopes come in order, except that redelivered ones come
 * late.
 *
 * **Following.** Every follower gets every envelope of both exchanges once, in one total order that is the same for all followers, with
 * offsets that rise but may skip. After a lost connection it continues after the last record that it got. Records that the log has dropped
 * by then are skipped, and `Follower.missed` is called.
 *
 * **Reading.** A reader gets records that are older than those of the followers, in the same order and with the same offsets. If the log no
 * longer reaches back to the start, reading begins with the oldest record that is left. A reader that has to notice this compares offsets.
 *
 * **After `close`** nothing is delivered and nothing is published any more.
 */
export interface Broker {
  /** Keeps `publisher` supplied with links to `exchange`. Before `start`. */
  attachPublisher(exchange: Exchange, publisher: Publisher): void;
  /** Consumes the durable queue of `group`, which gets what is published to `wsmanager`. Before `start`. */
  attachConsumer(group: string, prefetch: number, consumer: Consumer): void;
  /**
   * Consumes events of clients. Each group gets the events with its keys. An envelope's routing key is the event's, and its body is the
   * event's JSON. If a group stays away for long, its oldest events are dropped.
   *
   * @param group a name from `eventsGroup`
   * @param keys some of `eventKeys`
   */
  attachEventConsumer(group: string, keys: readonly string[], prefetch: number, consumer: Consumer): void;
  /**
   * Consumes, together with all other managers, the durable queue to which other programs send answers to requests. Nothing comes if no
   * other program can publish. Before `start`.
   */
  attachReplyConsumer(prefetch: number, consumer: Consumer): void;
  /** Calls `onLeft` for clients that asked requests and have disconnected: see `leavers.ts`. Once in a process, before `start`. */
  attachLeavers(onLeft: OnLeft): void;
  /** Follows the shared log of both exchanges, beginning with the next record. Before `start`. */
  attachFollower(follower: Follower): void;
  /** Whether there is a shared log, which `read` reads from. Without one, followers get only what comes while they are connected. */
  readonly hasLog: boolean;
  /**
   * Reads the log, beside its followers. Reading goes on until `stop` is called, or until `LogReader.ended`, which is never called before
   * `read` has returned.
   */
  read(start: LogStart, reader: LogReader): LogReading;
  /**
   * Calls back once, with an offset that the log has reached after this call and the fingerprint of what is there. The call comes in its
   * place among the records of the first follower. It waits while the broker takes no messages. Without a log or a follower, and after
   * `close`, it never comes.
   *
   * @returns cancels the request: to answer it, the broker may have to write into the log
   */
  mark(then: (offset: number, fingerprint: string) => void): () => void;
  /**
   * Keeps the peer supplied with links for the events of clients. Before `start`.
   *
   * @returns false if this broker has none: there is no other program, or no log
   */
  attachEvents(peer: EventsPeer): boolean;
  /** Starts to connect, and keeps trying. `onFatal` gets an error that no retry can mend; nothing happens after that. */
  start(onFatal: (error: Error) => void): void;
  /** Whether everything that was attached is in force at this moment, and if not, why. */
  status(): BrokerStatus;
  /** Queues that are known to be full, so that publishing waits for them. */
  readonly fullQueues: readonly string[];
  /** Processor groups whose queues nobody consumes any more, as far as this process checks that, as of the last check. */
  readonly abandonedGroups: readonly AbandonedGroup[];
  /**
   * How many messages wait in the queue of a group that this process consumes, as of the last call; undefined while that is unknown. Each
   * call asks the broker anew, but does not wait for the answer.
   */
  queuedIn(group: string): number | undefined;
  /**
   * Waits until nothing is left that would be lost with this process, for at most `timeoutMs`. RabbitMQ keeps what it has, so there is
   * nothing to wait for. The embedded broker lets its consumers finish.
   */
  settle(timeoutMs: number): Promise<void>;
  /**
   * Ends sessions and connections. Unconfirmed and unacknowledged envelopes stay as they are.
   *
   * @param timeoutMs how long to wait for a broker that does not answer, in milliseconds; a few seconds unless given
   */
  close(timeoutMs?: number): Promise<void>;
}

/** An exchange to which envelopes can be published. */
export type Exchange = "wsmanager" | "towsmanager" | "wsmanager.dead";

/** The name of any other exchange: any program may bind one of its own to the log. */
export type ForeignExchange = string & { readonly isForeign: true };

/** The exchange through which a record came into the log. */
export type RecordExchange = Exchange | ForeignExchange;

/** The state of a broker; `why` is a sentence for operators. */
export type BrokerStatus =
  | { readonly state: "connecting"; readonly why: string }
  | { readonly state: "blocked"; readonly why: string }
  | { readonly state: "ready" }
  | { readonly state: "closed" };

/** A way to publish, which lasts from a connection's opening to its loss. Delivery tags start at 1 on each link. */
export interface PublishLink {
  /** Whether a `send` costs the broker about as much as a dozen messages, so that few large envelopes are better than many small ones. */
  readonly isCostly: boolean;
  /** Whether other programs may listen, so that each message needs a plain copy (`Envelope.copies`). */
  readonly takesCopies?: boolean;
  /** What the properties and headers of an envelope may take together, in bytes. */
  readonly headBytesMax: number;
  /** How many of the envelopes that it was given last it has not written. */
  readonly unwritten: number;
  /**
   * Set while so much waits in this process, because the network or the broker does not take it, that more would only take memory.
   * `Publisher.drained` is called when that is over.
   */
  readonly isCongested?: boolean;
  /** Publishes these envelopes, in order, as one write. Never throws: a lost link is reported by `Publisher.closed`. */
  send(envelopes: readonly Envelope[]): void;
  /** Ends a link that the publisher does not trust any more. Another one follows. */
  giveUp(why: string): void;
}

/** Receives links and what happens on them. At most one link is open at a time. */
export interface Publisher {
  /** How many messages were handed to it and are neither confirmed nor set aside. */
  readonly waitingCount: number;
  /** Whether somebody waits for a confirm of what is on the wire. If not, confirms may come some tens of milliseconds late. */
  readonly isAwaited?: boolean;
  /** A link is open. It may be used until `closed` is called. */
  opened(link: PublishLink): void;
  /** The broker has taken responsibility for the envelope with this tag; with `multiple`, for all up to it. */
  confirmed(tag: number, multiple: boolean): void;
  /** The broker could not take the envelope, or one of its copies. What it did not take has to be published again. */
  refused(tag: number, multiple: boolean): void;
  /**
   * The broker has not taken a part of an envelope. `refused` follows when it has settled the other parts. Until then nothing newer should
   * be sent.
   */
  refusing?(): void;
  /** The link is no longer congested. */
  drained?(): void;
  /** While it is blocked, the broker would not read what is published. */
  blocked(isBlocked: boolean): void;
  /** The link has ended. @param refusal set if the broker closed the link over an envelope */
  closed(refusal?: Refusal): void;
}

/**
 * Tells that the broker closed a link, or that nothing could be written to it, because of the content of an envelope: one of those that
 * were written and not confirmed. An ordinary loss of the connection is no refusal.
 */
export interface Refusal {
  readonly reason: SetAsideReason;
  /** What the broker said. */
  readonly why: string;
  /** Whether it may as well have been a fault of the broker itself, whatever was sent. */
  readonly isDoubtful: boolean;
}

/** One session of a consumer. Tags rise by one from 1 within a session and mean nothing outside of it. */
export interface ConsumeSession {
  /**
   * Acknowledges the delivery with this tag, which must be open; with `multiple`, all up to it. Never throws; after the session's end it
   * does nothing.
   */
  ack(tag: number, multiple: boolean): void;
  /**
   * Lets up to `count` more deliveries be open than are at this moment, in place of what was granted before. A session begins with the
   * prefetch. After `take(0)` nothing more comes, except for what is already on its way.
   */
  take(count: number): void;
  /** Ends deliveries, in this session and later ones. What was delivered can still be acknowledged. */
  stop(): void;
}

/** Takes the deliveries of a queue, in one session after another. */
export interface Consumer {
  /** A session begins. */
  opened(session: ConsumeSession): void;
  /** @param returns how often it was delivered before and came back without an ack, because a consumer died or was cut off */
  deliver(tag: number, envelope: Envelope, returns: number): void;
  /** The session has ended. What was not acknowledged will be delivered again. */
  closed(): void;
}

/** Reads the log from its end on, as long as the broker exists. */
export interface Follower {
  /** How long the next records may lie unread, in milliseconds, because nobody here wants them; 0: read them at once. */
  readonly patienceMs: number;
  /** The next record. */
  record(offset: number, exchange: RecordExchange, envelope: Envelope): void;
  /**
   * A session has begun: the log has reached this offset, and the follower gets everything from its first record or mark on.
   *
   * @param fingerprint of the mark at the offset; see `fingerprintOf`. Absent if no other log has such an offset
   */
  marked(offset: number, fingerprint?: string): void;
  /** Some records are missing between the last one and the next. */
  missed(why: Missed): void;
}

/** Why records are missing: the log has dropped them, or it has begun anew. A new log is read from its beginning, and has offsets of its own. */
export type Missed = "dropped" | "another log";

/** Where reading begins: at the oldest record, at the one with this offset, or at the first that is not older than a time, in seconds since 1970. */
export type LogStart = "first" | number | { readonly timestamp: number };

/** The content type of marks, by which brokers find out how far a log reaches. Readers get marks, followers do not. */
export const markContentType = "application/vnd.warren.mark";

/** Receives the records of one reading. */
export interface LogReader {
  /** How many records may be on their way to it, from 1 to 2,000. If they turn out to be large, fewer are. */
  readonly aheadMax: number;
  /** The next record. */
  record(offset: number, exchange: RecordExchange, envelope: Envelope): void;
  /** `nothing kept`: there are no older records than the followers have got. `lost`: the way to the log was lost, so read again. */
  ended(why: "nothing kept" | "lost"): void;
}

/** A running reading of the log. */
export interface LogReading {
  /** `count` more records were handled. Only about `aheadMax` unhandled ones are sent. */
  handled(count: number): void;
  /** Stops the reading. Nothing is called any more, not even `ended`. */
  stop(): void;
}
