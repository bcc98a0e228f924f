import { isShortText, type Message, type OutgoingMessage } from "../message.ts";
import type { Logger } from "../ops/logger.ts";
import type { Outbox } from "../outbox/outbox.ts";

/** The message's own headers are kept on its dead letter up to this size. */
const theirHeadersCharactersMax = 16 * 1024;
const reasonCharactersMax = 1000;

/** The parts of a message that a dead letter needs. The message could not be handled, or not even be opened. */
export type Buried = Pick<Message, "body" | "topic" | "clientId" | "headers" | "id" | "timestamp">;

/** Why a message became a dead letter. */
export interface Cause {
  /** The reason, in a sentence. */
  readonly reason: string;
  /** How often its handler was called. */
  readonly attempts: number;
}

/** Publishes messages that could not be handled to `wsmanager.dead`, with the reason and their origin. */
export class DeadLetters {
  readonly #outbox: Outbox;
  readonly #group: string;
  readonly #logger: Logger;

  constructor(outbox: Outbox, group: string, logger: Logger) {
    this.#outbox = outbox;
    this.#group = group;
    this.#logger = logger;
  }

  /** @param done called when RabbitMQ has the dead letter, or will not take it in any form */
  bury(message: Buried, cause: Cause, done: () => void): void {
    const { id, clientId, topic } = message;
    const { attempts, reason } = cause;
    const group = this.#group;
    this.#logger.warn("message dead-lettered", {
      message: id,
      client: clientId,
      topic,
      group,
      attempts,
      reason,
    });
    this.#publish(this.#letterOf(message, cause), done, () => {
      this.#publish(this.#bareLetterOf(message, cause), done, (why) => {
        this.#logger.error("message lost: RabbitMQ did not take it as a dead letter", {
          message: id,
          client: clientId,
          why,
        });
        done();
      });
    });
  }

  #publish(letter: OutgoingMessage, confirmed: () => void, setAside: (why: string) => void): void {
    this.#outbox.append(letter, { confirmed, setAside });
  }

  #letterOf(message: Buried, cause: Cause): OutgoingMessage {
    // A dead letter waits for a person, so the message's expiration does not apply.
    const { expiration: _, ...theirs } = message.headers ?? {};
    // Headers travel in one frame, which RabbitMQ limits (128 KiB by default). The reason matters more than the message's own headers.
    const areTheirsSmall = JSON.stringify(theirs).length <= theirHeadersCharactersMax;
    const bare = this.#bareLetterOf(message, cause);
    return {
      ...bare,
      clientId: message.clientId,
      headers: { ...(areTheirsSmall ? theirs : {}), ...bare.headers },
    };
  }

  /** The dead letter without anything that RabbitMQ may have refused. */
  #bareLetterOf({ body, topic, id, timestamp }: Buried, { reason, attempts }: Cause): OutgoingMessage {
    const isRoutable = isShortText(topic);
    const headers = {
      "dead-reason": reason.slice(0, reasonCharactersMax),
      "dead-attempts": String(attempts),
      "dead-group": this.#group,
      "dead-message-id": id,
      // The dead letter's own timestamp is when the message failed.
      ...(timestamp === undefined ? {} : { "dead-timestamp": String(timestamp) }),
      // If the routing key was not UTF-8, it becomes longer as text, and may exceed 255 bytes.
      ...(isRoutable ? {} : { "dead-routing-key": topic }),
    };
    return { body, topic: isRoutable ? topic : "", headers };
  }
}
