import { reasonOf } from "../errors.ts";
import { LogRecord } from "../log/record.ts";
import type { Message } from "../message.ts";
import type { Log } from "../ops/log.ts";
import type { MessageLog } from "../ops/message-log.ts";
import type { Envelope, Follower } from "./broker.ts";
import { open } from "./envelope.ts";

/** Where the feed sends what it reads. */
export interface FeedSink {
  /** From a processor, to the clients of a topic or to one client. */
  deliver(message: Message): void;
  /** From a client of another manager, to the clients of a topic. */
  relay(message: Message): void;
  /** Every record, this manager's own too, once the above have got what is theirs. */
  logged(record: LogRecord): void;
  /** As `Follower` has them. */
  marked(offset: number): void;
  missed(): void;
}

/**
 * What comes back from the broker: the log of both exchanges, decoded once and handed on once, however many clients
 * there are. What this manager published itself its clients have already, and only durable subscriptions get it from here.
 */
export class Feed implements Follower {
  readonly #managerId: string;
  readonly #sink: FeedSink;
  readonly #log: Log;
  readonly #messageLog: MessageLog;

  constructor(managerId: string, sink: FeedSink, log: Log, messageLog: MessageLog) {
    this.#managerId = managerId;
    this.#sink = sink;
    this.#log = log;
    this.#messageLog = messageLog;
  }

  record(offset: number, exchange: string, envelope: Envelope): void {
    const record = new LogRecord(offset, exchange, envelope, this.#open);
    const isFromClients = exchange === "wsmanager";
    if (!isFromClients) {
      for (const message of record.messages) this.#deliver(message);
    } else if (envelope.appId !== this.#managerId) {
      for (const message of record.messages) this.#sink.relay(message);
    }
    this.#sink.logged(record);
  }

  marked(offset: number): void {
    this.#sink.marked(offset);
  }

  missed(): void {
    this.#log.warn("the message log no longer has what came while RabbitMQ was away");
    this.#sink.missed();
  }

  #deliver(message: Message): void {
    this.#sink.deliver(message);
    if (this.#messageLog.wants()) {
      this.#messageLog.print("came back", message.body, { client: message.clientId, topic: message.topic });
    }
  }

  /** A message that cannot be read is skipped with a warning: anyone may publish to these exchanges. */
  readonly #open = ({ offset, exchange }: LogRecord, envelope: Envelope): readonly Message[] => {
    try {
      return open(envelope, `${exchange}@${offset}`);
    } catch (error) {
      this.#log.warn("unreadable message skipped", {
        exchange,
        offset,
        app: envelope.appId,
        reason: reasonOf(error),
      });
      return [];
    }
  };
}
