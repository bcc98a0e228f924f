import { reasonOf } from "../errors.ts";
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
}

/**
 * What comes back from the broker: the log of both exchanges, decoded once and handed on once, however many clients
 * there are. What this manager published itself is skipped: its clients have it already.
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
    const isFromClients = exchange === "wsmanager";
    if (isFromClients && envelope.appId === this.#managerId) return;
    for (const message of this.#open(offset, exchange, envelope)) {
      if (isFromClients) {
        this.#sink.relay(message);
        continue;
      }
      this.#sink.deliver(message);
      if (this.#messageLog.wants()) {
        this.#messageLog.print("came back", message.body, { client: message.clientId, topic: message.topic });
      }
    }
  }

  /** A message that cannot be read is skipped with a warning: anyone may publish to these exchanges. */
  #open(offset: number, exchange: string, envelope: Envelope): readonly Message[] {
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
  }
}
