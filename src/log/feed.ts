import type { Follower, Missed } from "../broker/broker.ts";
import type { Envelope } from "../envelope/envelope.ts";
import { hasKey } from "../envelope/once-id.ts";
import type { Message } from "../message.ts";
import type { Logger } from "../ops/logger.ts";
import type { MessageTrace } from "../ops/message-trace.ts";
import { isExpired } from "../properties.ts";
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
  /** Every record, this manager's own too, once the above have got what is theirs. */
  logged(record: LogRecord): void;
  /** As `Follower` has them. */
  marked(offset: number): void;
  missed(why: Missed): void;
}

/** Who has to know of messages with idempotency keys; see `once.ts`. */
export interface KeyBook {
  /** Returns whether the key was known: then this manager's clients have heard the message. */
  learn(id: string): boolean;
}

/**
 * What comes back from the broker: the log of both exchanges, decoded once and handed on once, however many clients
 * there are. What this manager published itself its clients have already, and only durable subscriptions get it from here.
 */
export class Feed implements Follower {
  /** How the ids of this manager's own messages begin. */
  readonly #ownIds: string;
  readonly #sink: FeedSink;
  readonly #logger: Logger;
  readonly #messageTrace: MessageTrace;
  readonly #skipped: SkippedRecords;
  readonly #recordBytesMax: number;
  /** The record that has just come: of others, which are opened again, the answers have been handed on. */
  #coming: LogRecord | undefined;

  readonly repeats = new Repeats();
  /** Learns the keys that came by other managers. */
  keys: KeyBook = { learn: () => false };

  /** Called with an offset that the log has reached, each time that the follower begins to follow. */
  onMarked: (offset: number) => void = () => undefined;

  /** Called with how long it took to hand a record on, in milliseconds. */
  onHandedOn: (ms: number) => void = () => undefined;

  /**
   * @param skipped told of records that nobody can read
   * @param recordBytesMax a larger record is not for clients
   */
  constructor(
    managerId: string,
    sink: FeedSink,
    logger: Logger,
    messageTrace: MessageTrace,
    skipped: SkippedRecords,
    recordBytesMax: number,
  ) {
    this.#ownIds = `${managerId}-`;
    this.#sink = sink;
    this.#logger = logger;
    this.#messageTrace = messageTrace;
    this.#skipped = skipped;
    this.#recordBytesMax = recordBytesMax;
  }

  record(offset: number, exchange: string, envelope: Envelope): void {
    const readMs = performance.now();
    const record = new LogRecord(offset, exchange, envelope, this.#open);
    const isFromClients = exchange === "wsmanager";
    this.#coming = record;
    this.repeats.mark(record, envelope);
    const isOwn = isFromClients && envelope.messageId?.startsWith(this.#ownIds) === true;
    if (!isOwn && record.repeated !== "all") {
      for (const [index, message] of record.messages.entries()) {
        if (record.isRepeat(index)) continue;
        // What is published again under a key that this manager took itself its clients have heard already.
        const isHeard = hasKey(message.id) && this.keys.learn(message.id);
        if (isExpired(message)) continue;
        if (!isFromClients) this.#deliver(message);
        else if (!isHeard) this.#sink.relay(message);
      }
    }
    this.#coming = undefined;
    this.#sink.logged(record);
    this.onHandedOn(performance.now() - readMs);
  }

  readonly #hidden = (message: Message, asker: string | undefined): void => {
    if (asker !== undefined) this.#answer(message, asker);
    else if (hasKey(message.id)) this.keys.learn(message.id);
  };

  #answer(message: Message, asker: string): void {
    if (isExpired(message) || this.repeats.hasSeen(message.id)) return;
    this.#sink.answer(message, asker);
    if (this.#messageTrace.wants())
      this.#messageTrace.print("answered", message.body, { topic: message.topic });
  }

  marked(offset: number): void {
    this.#sink.marked(offset);
    this.onMarked(offset);
  }

  missed(why: Missed): void {
    this.#logger.warn("the message log no longer has what came while RabbitMQ was away");
    this.#sink.missed(why);
  }

  #deliver(message: Message): void {
    this.#sink.deliver(message);
    if (this.#messageTrace.wants()) {
      this.#messageTrace.print("came back", message.body, { client: message.clientId, topic: message.topic });
    }
  }

  /** A message that cannot be read is skipped with a warning: anyone may publish to these exchanges. */
  readonly #open = (record: LogRecord, envelope: Envelope): readonly Message[] => {
    try {
      const onHidden = record === this.#coming ? this.#hidden : undefined;
      return openForClients(record, envelope, this.#recordBytesMax, onHidden);
    } catch (error) {
      this.#skipped.skip(record, envelope, error);
      return [];
    }
  };
}
