import type { Follower, Missed, RecordExchange } from "../broker/broker.ts";
import { type Contents, contentsWith, type Envelope, type Head } from "../envelope/envelope.ts";
import { hasKey, mayHaveKeys } from "../envelope/once-id.ts";
import type { Message } from "../message.ts";
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
  readonly #late: LateRecords;
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
   * @param loop whose time it takes to hand on what is for very many
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
    this.#late = new LateRecords(
      loop,
      () => sink.publishedCount,
      (late, mayGoOn) => this.#handOn(late, mayGoOn),
    );
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
    if (!isOwn && record.repeated !== "all" && this.#concerns(record, isFromClients, envelope)) {
      if (this.#early !== undefined) this.#wait({ record, isFromClients }, envelope);
      else this.#late.add({ record, isFromClients, next: 0, bytes: envelope.body.byteLength });
      // What is not for live clients is learnt as it comes, once: what is kept of the record does not have it.
      void record.heads;
    }
    this.#coming = undefined;
    this.#sink.logged(record);
    this.onHandedOn(performance.now() - readMs);
  }

  /** What comes for live clients waits until `goOn`, since it is not known yet which of it is in the log before. */
  hold(): void {
    this.#early = new EarlyRecords();
  }

  #wait(early: EarlyRecord, { body }: Envelope): void {
    if (this.#early?.add(early, body.byteLength) === false) this.goOn();
  }

  /** Hands on what waits, and from now on what comes. */
  goOn(): void {
    const early = this.#early?.takeAll() ?? [];
    this.#early = undefined;
    for (const { record, isFromClients } of early) {
      this.repeats.tell(record);
      this.#late.add({ record, isFromClients, next: 0, bytes: 0 });
    }
  }

  /** Whether there may be something for somebody in it. Of what programs send, some is for one client alone, and some answers. */
  #concerns(record: LogRecord, isFromClients: boolean, { body }: Envelope): boolean {
    // A client that comes while something waits for its topic gets that, and must not miss what follows it.
    if (!isFromClients || this.#early !== undefined) return true;
    const { topics } = record;
    // Keys are learnt whether the message is wanted or not.
    return topics === undefined || topics.some((topic) => this.#sink.wants(topic)) || mayHaveKeys(body);
  }

  /** @returns whether all of it was handed on */
  #handOn(late: LateRecord, mayGoOn: () => boolean): boolean {
    const { record, isFromClients } = late;
    const { heads } = record;
    while (late.next < heads.length) {
      const index = late.next++;
      if (this.#handOnOne(record, heads[index]!, index, isFromClients) && !mayGoOn()) break;
    }
    return late.next >= heads.length;
  }

  /** @returns whether somebody got it */
  #handOnOne(record: LogRecord, head: Head, index: number, isFromClients: boolean): boolean {
    if (record.isHeard(index)) return false;
    // What is published again under a key that this manager took itself its clients have heard already.
    const isHeard = hasKey(head.id) && this.keys.learn(head.id, head.clientId);
    if (isExpired(head) || !this.#isWanted(head, isFromClients)) return false;
    this.#interest.wanted(this.#readMs);
    if (!isFromClients) this.#deliver(record.at(index));
    else if (!isHeard) this.#sink.relay(record.at(index));
    return true;
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
