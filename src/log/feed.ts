import type { Follower, Missed, RecordExchange } from "../broker/broker.ts";
import { type Contents, contentsWith, type Envelope, type Head } from "../envelope/envelope.ts";
import { mayHaveKeys } from "../envelope/idempotency-key.ts";
import type { Message } from "../message.ts";
import { hasKey } from "../message-id.ts";
import type { Logger } from "../ops/logger.ts";
import { LoopTime } from "../ops/loop-time.ts";
import type { MessageTrace } from "../ops/message-trace.ts";
import { isExpired } from "../properties.ts";
import { countAddressed } from "./addressed.ts";
import { type EarlyRecord, EarlyRecords } from "./early-records.ts";
import type { FeedSink, KeyBook } from "./feed-sink.ts";
import { Interest } from "./interest.ts";
import { type LateRecord, LateRecords } from "./late-records.ts";
import { openForClients } from "./opening.ts";
import { LogRecord } from "./record.ts";
import { Repeats } from "./repeats.ts";
import type { SkippedRecords } from "./skipped-records.ts";

/** For how long a record's topics are compared with what clients want, as it comes. In milliseconds. */
const lookMs = 1;
/** The clock is read once for this many topics. */
const lookEach = 16;

/**
 * Reads what comes back from the broker: the log of both exchanges. Each record is decoded once and handed on once, however many clients
 * there are. Records that no client here wants are not decoded: of a pack for other topics, only the line that lists its topics is read.
 * Messages that this manager published itself go only to durable subscriptions, since its live clients have them already.
 */
export class Feed implements Follower {
  /** The prefix of the ids of this manager's own messages. */
  readonly #ownIds: string;
  readonly #sink: FeedSink;
  readonly #logger: Logger;
  readonly #messageTrace: MessageTrace;
  readonly #skipped: SkippedRecords;
  readonly #recordBytesMax: number;
  /** The offset of the first record that came. */
  #first: number | undefined;
  #early: EarlyRecords | undefined;
  readonly #late: LateRecords;
  readonly #loop: LoopTime;
  readonly #interest = new Interest();
  /** When the last record came. The clock is read once for all of its messages. */
  #readMs = 0;
  /** The record that has just come. Its answers are delivered as it is opened; those of records that are opened again were delivered before. */
  #coming: LogRecord | undefined;

  readonly repeats: Repeats;
  /** Counts messages for one client alone. */
  addressed = countAddressed();
  /** Learns the keys of messages that other managers accepted. */
  keys: KeyBook = { learn: () => false };

  /** Called whenever the follower begins to follow, with the offset from which on it gets every record. */
  onMarked: (offset: number) => void = () => undefined;

  /** Called when the log has begun anew. */
  onAnotherLog: () => void = () => undefined;

  /** Called with the time that it took to hand on a record, in milliseconds. */
  onForwarded: (ms: number) => void = () => undefined;

  /**
   * @param skipped counts records that cannot be read, and warns of them
   * @param recordBytesMax larger records are not for clients
   * @param repeats recognizes messages that are in the log more than once
   * @param loop shares out the event loop's time, for messages with very many recipients
   */
  constructor(
    managerId: string,
    sink: FeedSink,
    logger: Logger,
    messageTrace: MessageTrace,
    skipped: SkippedRecords,
    recordBytesMax: number,
    repeats = new Repeats(),
    loop = new LoopTime(),
  ) {
    this.#late = new LateRecords(loop, sink, (late, mayContinue) => this.#forward(late, mayContinue));
    this.#loop = loop;
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
    if (!isOwn && record.repeated !== "all") this.#handOn(record, isFromClients, envelope);
    this.#coming = undefined;
    this.#sink.logged(record);
    this.onForwarded(performance.now() - readMs);
  }

  /** To live clients: now, or when it is its turn. */
  #handOn(record: LogRecord, isFromClients: boolean, envelope: Envelope): void {
    const isWanted = this.#concerns(record, isFromClients, envelope);
    // A client may come while others wait. It gets what it wants of those, and so it must get what it wants of this one, too.
    if (!isWanted && !this.#late.isWaiting) return;
    if (this.#early !== undefined) this.#wait({ record, isFromClients }, envelope);
    else this.#late.add({ record, isFromClients, isWanted, next: 0, bytes: envelope.body.byteLength });
    // Read the heads now, once: messages that are not for live clients, such as answers, are handled as the record is opened. A record
    // that is kept does not have them any more.
    if (isWanted) void record.heads;
    else record.own();
  }

  /** Records for live clients wait until `resume`, since it is not known yet which of them repeat earlier ones. */
  hold(): void {
    this.#early = new EarlyRecords();
  }

  #wait(early: EarlyRecord, { body }: Envelope): void {
    if (this.#early?.add(early, body.byteLength) === false) this.resume();
  }

  /** Hands on the records that wait, and from now on each record as it comes. */
  resume(): void {
    const early = this.#early?.takeAll() ?? [];
    this.#early = undefined;
    for (const { record, isFromClients } of early) {
      this.repeats.tell(record);
      this.#late.add({ record, isFromClients, isWanted: true, next: 0, bytes: 0 });
    }
  }

  /** Whether a client may want something in it. What programs send may be for one client alone, or an answer, so it is always read. */
  #concerns(record: LogRecord, isFromClients: boolean, { body }: Envelope): boolean {
    // A client that comes while something waits for its topic gets that, and must not miss what follows it.
    if (!isFromClients || this.#early !== undefined) return true;
    const { topics } = record;
    // Keys are learnt whether or not a client wants the message.
    return topics === undefined || this.#wantsAny(topics) || mayHaveKeys(body);
  }

  /** Whether a client wants any of the topics. If it takes long to tell, it is found out for each message, by turns. */
  #wantsAny(topics: readonly string[]): boolean {
    const untilMs = topics.length < lookEach ? 0 : this.#loop.now() + lookMs;
    for (let index = 0; index < topics.length; index++) {
      if (this.#sink.wants(topics[index]!)) return true;
      if (index % lookEach === lookEach - 1 && this.#loop.now() >= untilMs) return true;
    }
    return false;
  }

  /** @returns whether all messages of the record were handed on */
  #forward(late: LateRecord, mayContinue: () => boolean): boolean {
    const { record, isFromClients } = late;
    if (!late.isWanted && late.next === 0 && !this.#wantsAny(record.topics ?? [])) return true;
    const { heads } = record;
    while (late.next < heads.length) {
      const index = late.next++;
      this.#forwardOne(record, heads[index]!, index, isFromClients);
      if (!mayContinue()) break;
    }
    return late.next >= heads.length;
  }

  #forwardOne(record: LogRecord, head: Head, index: number, isFromClients: boolean): void {
    if (record.isHeard(index)) return;
    // If this manager accepted the same key itself, its clients have already got the message.
    const isHeard = hasKey(head.id) && this.keys.learn(head.id, head.clientId);
    const recipient = record.recipientOf(head);
    if (isExpired(head) || !this.#isWanted(head.topic, recipient, isFromClients)) return;
    this.#interest.wanted(this.#readMs);
    if (!isFromClients) this.#deliver(record.at(index), recipient);
    else if (!isHeard) this.#sink.relay(record.at(index));
  }

  #isWanted(topic: string, recipient: string | undefined, isFromClients: boolean): boolean {
    const isWanted = recipient === undefined ? this.#sink.wants(topic) : this.#isHere(recipient);
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
    this.#logger.warn(
      "messages that were published while RabbitMQ was unreachable are missing from the message log",
      { reason: isAnother ? "the log has begun anew" : "it has dropped them" },
    );
    this.#sink.missed(why);
    if (isAnother) this.onAnotherLog();
  }

  #deliver(message: Message, recipient: string | undefined): void {
    this.#sink.deliver(message, recipient);
    if (this.#messageTrace.wants()) {
      this.#messageTrace.print("came back", message.body, { client: message.clientId, topic: message.topic });
    }
  }

  /** Opens an envelope. One that cannot be read is skipped with a warning: anyone may publish to these exchanges. */
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
