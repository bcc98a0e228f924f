import type { Follower, Missed, RecordExchange } from "../broker/broker.ts";
import { type Contents, contentsWith, type Envelope, type Head } from "../envelope/envelope.ts";
import { hasKey, mayHaveKeys } from "../envelope/once-id.ts";
import type { Message } from "../message.ts";
import type { Logger } from "../ops/logger.ts";
import type { MessageTrace } from "../ops/message-trace.ts";
import { isExpired } from "../properties.ts";
import { countAddressed } from "./addressed.ts";
import { type EarlyRecord, EarlyRecords } from "./early-records.ts";
import { Interest } from "./interest.ts";
import { openForClients } from "./opening.ts";
import { LogRecord } from "./record.ts";
import { Repeats } from "./repeats.ts";
import type { SkippedRecords } from "./skipped-records.ts";

/** Where the feed sends what it reads. */
export interface FeedSink {
  /** From a processor, to the clients of a topic or to one client. */
  deliver(message: Message): void;
  /** From a processor or another program, to the client that asked; see `requests.ts`. */
  answer(message: Message, asker: string): unknown;
  /** From a client of another manager, to the clients of a topic. */
  relay(message: Message): void;
  /** Whether a client has subscribed to this topic, so that `deliver` and `relay` bring it to somebody. */
  wants(topic: string): boolean;
  /** Whether a client with this id is connected. */
  hasClient(clientId: string): boolean;
  /** Whether the client that asked, by the correlation id, is one of this manager's. */
  hasAsker(asker: string): boolean;
  /** Whether anybody is connected. */
  readonly hasClients: boolean;
  /** Whether what comes next is for some durable subscription. */
  readonly isFollowed: boolean;
  /** Every record, this manager's own too, once the above have got what is theirs. */
  logged(record: LogRecord): void;
  /** As `Follower` has them. */
  marked(offset: number, fingerprint: string | undefined): void;
  /** What comes next does not follow on what came. */
  missed(why: Missed): void;
}

/** What has to know of messages with idempotency keys; see `once.ts`. */
export interface KeyBook {
  /** Returns whether the key was known: then this manager's clients have heard the message. */
  learn(id: string, clientId: string | undefined): boolean;
}

/**
 * What comes back from the broker: the log of both exchanges, decoded once and handed on once, however many clients
 * there are. What nobody here wants is not decoded: of a pack of other topics the line with these topics is read. What this manager
 * published itself its clients have already, and only durable subscriptions get it from here.
 */
export class Feed implements Follower {
  /** How the ids of this manager's own messages begin. */
  readonly #ownIds: string;
  readonly #sink: FeedSink;
  readonly #logger: Logger;
  readonly #messageTrace: MessageTrace;
  readonly #skipped: SkippedRecords;
  readonly #recordBytesMax: number;
  /** The offset of the first record that came. */
  #first: number | undefined;
  #early: EarlyRecords | undefined;
  readonly #interest = new Interest();
  /** When the last record came: one look at the clock for all of its messages. */
  #readMs = 0;
  /** The record that has just come: of others, which are opened again, the answers have been handed on. */
  #coming: LogRecord | undefined;

  readonly repeats: Repeats;
  /** Counts what is for one client alone. */
  addressed = countAddressed();
  /** Learns the keys that came by other managers. */
  keys: KeyBook = { learn: () => false };

  /** Called each time that the follower begins to follow, with the offset from which on it has everything. */
  onMarked: (offset: number) => void = () => undefined;

  /** Called when the log has begun anew. */
  onAnotherLog: () => void = () => undefined;

  /** Called with how long it took to hand a record on, in milliseconds. */
  onHandedOn: (ms: number) => void = () => undefined;

  /**
   * @param skipped told of records that nobody can read
   * @param recordBytesMax a larger record is not for clients
   * @param repeats finds what is in the log before
   */
  constructor(
    managerId: string,
    sink: FeedSink,
    logger: Logger,
    messageTrace: MessageTrace,
    skipped: SkippedRecords,
    recordBytesMax: number,
    repeats = new Repeats(),
  ) {
    this.repeats = repeats;
    this.#ownIds = `${managerId}-`;
    this.#sink = sink;
    this.#logger = logger;
    this.#messageTrace = messageTrace;
    this.#skipped = skipped;
    this.#recordBytesMax = recordBytesMax;
  }

  get patienceMs(): number {
    if (this.#early !== undefined) return 0;
    const patienceMs = this.#interest.patienceMs(performance.now(), this.#sink.hasClients);
    return patienceMs > 0 && this.#sink.isFollowed ? 0 : patienceMs;
  }

  record(offset: number, exchange: RecordExchange, envelope: Envelope): void {
    const readMs = performance.now();
    this.#readMs = readMs;
    this.#interest.came(readMs);
    this.#first ??= offset;
    const record = new LogRecord(offset, exchange, envelope, this.#open);
    const { isFromClients } = record;
    this.#coming = record;
    this.repeats.mark(record, envelope);
    const isOwn = isFromClients && envelope.messageId?.startsWith(this.#ownIds) === true;
    if (!isOwn && record.repeated !== "all") {
      if (this.#early !== undefined) this.#wait({ record, isFromClients }, envelope);
      else if (this.#concerns(record, isFromClients, envelope)) this.#handOn(record, isFromClients);
    }
    this.#coming = undefined;
    this.#sink.logged(record);
    this.onHandedOn(performance.now() - readMs);
  }

  /** What comes for live clients waits until `goOn`, since it is not known yet which of it is in the log before. */
  hold(): void {
    this.#early = new EarlyRecords();
  }

  /**
   * Waits whether anybody wants it now or not: a client that comes while something waits for its topic gets that, and must not miss
   * what follows it.
   */
  #wait(early: EarlyRecord, { body }: Envelope): void {
    if (this.#early?.add(early, body.byteLength) === false) this.goOn();
  }

  /** Hands on what waits, and from now on what comes. */
  goOn(): void {
    const early = this.#early?.takeAll() ?? [];
    this.#early = undefined;
    const coming = this.#coming;
    for (const { record, isFromClients } of early) {
      this.repeats.tell(record);
      this.#coming = record;
      this.#handOn(record, isFromClients);
    }
    this.#coming = coming;
  }

  /** Whether there may be something for somebody in it. Of what programs send, some is for one client alone, and some answers. */
  #concerns(record: LogRecord, isFromClients: boolean, { body }: Envelope): boolean {
    if (!isFromClients) return true;
    const { topics } = record;
    // Keys are learnt whether the message is wanted or not.
    return topics === undefined || topics.some((topic) => this.#sink.wants(topic)) || mayHaveKeys(body);
  }

  #handOn(record: LogRecord, isFromClients: boolean): void {
    for (const [index, head] of record.heads.entries()) {
      if (record.isHeard(index)) continue;
      // What is published again under a key that this manager took itself its clients have heard already.
      const isHeard = hasKey(head.id) && this.keys.learn(head.id, head.clientId);
      if (isExpired(head) || !this.#isWanted(head, isFromClients)) continue;
      this.#interest.wanted(this.#readMs);
      if (!isFromClients) this.#deliver(record.at(index));
      else if (!isHeard) this.#sink.relay(record.at(index));
    }
  }

  #isWanted({ topic, clientId }: Head, isFromClients: boolean): boolean {
    const isWanted =
      isFromClients || clientId === undefined ? this.#sink.wants(topic) : this.#isHere(clientId);
    return isWanted || (!isFromClients && this.#messageTrace.isOn);
  }

  #isHere(clientId: string): boolean {
    const isHere = this.#sink.hasClient(clientId);
    this.addressed.add(isHere ? "connected" : "absent");
    return isHere;
  }

  readonly #hidden = (head: Head, asker: string | undefined, open: () => Message): void => {
    if (asker !== undefined) this.#answer(head, asker, open);
    else if (hasKey(head.id)) this.keys.learn(head.id, head.clientId);
  };

  #answer(head: Head, asker: string, open: () => Message): void {
    if (!this.#sink.hasAsker(asker) || isExpired(head) || this.repeats.hasSeen(head.id)) return;
    this.#interest.wanted(this.#readMs);
    const message = open();
    this.#sink.answer(message, asker);
    if (this.#messageTrace.wants())
      this.#messageTrace.print("answered", message.body, { topic: message.topic });
  }

  marked(offset: number, fingerprint?: string): void {
    this.#sink.marked(offset, fingerprint);
    this.onMarked(Math.min(offset, this.#first ?? offset));
  }

  missed(why: Missed): void {
    const isAnother = why === "another log";
    if (isAnother) this.repeats.restart();
    this.#logger.warn("the message log no longer has what came while RabbitMQ was away");
    this.#sink.missed(why);
    if (isAnother) this.onAnotherLog();
  }

  #deliver(message: Message): void {
    this.#sink.deliver(message);
    if (this.#messageTrace.wants()) {
      this.#messageTrace.print("came back", message.body, { client: message.clientId, topic: message.topic });
    }
  }

  /** A message that cannot be read is skipped with a warning: anyone may publish to these exchanges. */
  readonly #open = (record: LogRecord, envelope: Envelope): Contents => {
    try {
      const onHidden = record === this.#coming ? this.#hidden : undefined;
      return openForClients(record, envelope, this.#recordBytesMax, onHidden);
    } catch (error) {
      this.#skipped.skip(record, envelope, error);
      return contentsWith([]);
    }
  };
}
