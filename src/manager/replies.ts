import type { Consumer, ConsumeSession } from "../broker/broker.ts";
import type { Envelope } from "../envelope/envelope.ts";
import { open } from "../envelope/envelope.ts";
import { reasonOf } from "../errors.ts";
import type { Message } from "../message.ts";
import type { Logger } from "../ops/logger.ts";
import type { AnyMetric } from "../ops/metrics.ts";
import type { Outbox } from "../outbox/outbox.ts";
import { answeredBy } from "../requests.ts";

/** What is not an answer is warned of at most this often, in milliseconds: a program that sends one sends many. */
const warningIntervalMs = 1000;

/**
 * Consumes the answers of other programs to requests. RabbitMQ hands each answer to one of the managers, which delivers it if the client is
 * its own, and otherwise publishes it to the log, where the client's manager sees it.
 */
export class Replies implements Consumer {
  readonly #outbox: Outbox;
  readonly #answer: (message: Message, asker: string) => boolean;
  readonly #logger: Logger;
  #session: ConsumeSession | undefined;
  #quietUntilMs = 0;
  #forwarded = 0;
  #refused = 0;

  /** @param answer delivers an answer to the client that asked; returns false if the client is another manager's */
  constructor(outbox: Outbox, answer: (message: Message, asker: string) => boolean, logger: Logger) {
    this.#outbox = outbox;
    this.#answer = answer;
    this.#logger = logger;
  }

  get metrics(): readonly AnyMetric[] {
    return [
      {
        name: "warren_replies_forwarded_total",
        type: "counter",
        help: "Answers of other programs that this manager passed on to the manager of the client that asked.",
        read: () => this.#forwarded,
      },
      {
        name: "warren_replies_refused_total",
        type: "counter",
        help: "Messages in towsmanager.replies that were dropped, since they answer no request.",
        read: () => this.#refused,
      },
    ];
  }

  opened(session: ConsumeSession): void {
    this.#session = session;
  }

  closed(): void {
    this.#session = undefined;
  }

  deliver(tag: number, envelope: Envelope): void {
    const session = this.#session;
    const [message] = this.#open(envelope);
    const asker = message && answeredBy(message);
    if (message === undefined || asker === undefined) {
      this.#refuse(envelope, "it does not have the correlation_id of a request");
      session?.ack(tag, false);
    } else if (this.#answer(message, asker)) session?.ack(tag, false);
    else {
      this.#forwarded++;
      const done = () => session?.ack(tag, false);
      // The sender of an answer does not count as a recipient, and an answer without an id gets one.
      const { body, topic, headers, timestamp } = message;
      const id = envelope.messageId === undefined ? {} : { id: envelope.messageId };
      const setAside = (why: string) => {
        this.#refuse(envelope, why);
        done();
      };
      this.#outbox.append({ body, topic, headers, timestamp, ...id }, { confirmed: done, setAside });
    }
  }

  #open(envelope: Envelope): readonly Message[] {
    try {
      // The routing key of a reply is the queue's name, not a topic.
      return open({ ...envelope, routingKey: "" }, "unnamed");
    } catch (error) {
      this.#refuse(envelope, reasonOf(error));
      return [];
    }
  }

  #refuse({ appId, messageId }: Envelope, reason: string): void {
    this.#refused++;
    const nowMs = performance.now();
    if (nowMs < this.#quietUntilMs) return;
    this.#quietUntilMs = nowMs + warningIntervalMs;
    this.#logger.warn("a message in towsmanager.replies was dropped", {
      app: appId,
      message: messageId,
      reason,
    });
  }
}
