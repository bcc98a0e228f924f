import type { Broker, Consumer, ConsumeSession, Envelope } from "./broker/broker.ts";
import { open } from "./broker/envelope.ts";
import { Outbox } from "./broker/outbox.ts";
import { packedContentType } from "./broker/packing.ts";
import { reasonOf } from "./errors.ts";
import type { Message } from "./message.ts";
import type { Log } from "./ops/log.ts";
import type { MessageLog } from "./ops/message-log.ts";
import type { Options } from "./options/table.ts";
import { Acks } from "./processor/acks.ts";
import { attempt, type Outcome } from "./processor/attempts.ts";
import type { Handler } from "./processor/handler.ts";
import { Lanes, type Pause } from "./processor/lanes.ts";

export type ProcessorOptions = Pick<
  Options,
  "group" | "packed" | "concurrency" | "prefetch" | "attempts" | "handlerTimeout" | "outboxMaxBytes"
>;

/** The longest time that a timer can wait, in milliseconds. */
const timerMsMax = 2 ** 31 - 1;

/** A message's own headers are kept on its dead letter up to this size. */
const theirHeadersCharactersMax = 16 * 1024;

/**
 * The processor: consumer group → handler → answers → broker.
 *
 * A delivery is acknowledged when the answers to all messages in it are confirmed, never before: whatever dies in
 * between, the broker delivers it again. Messages of one client are handled one after another.
 */
export class Processor implements Consumer {
  readonly #options: ProcessorOptions;
  readonly #handler: Handler;
  readonly #suspectHandler: Handler;
  readonly #log: Log;
  readonly #messageLog: MessageLog;
  readonly #answers: Outbox;
  readonly #dead: Outbox;
  readonly #lanes: Lanes;
  #session: ConsumeSession | undefined;
  #acks: Acks | undefined;
  #isStopping = false;

  /**
   * @param id unique to this process; its answers carry it as `app_id`
   * @param suspectHandler handles messages that may have killed their processors, each within `handlerTimeout`
   */
  constructor(
    id: string,
    options: ProcessorOptions,
    handler: Handler,
    broker: Broker,
    log: Log,
    messageLog: MessageLog,
    suspectHandler: Handler = handler,
  ) {
    this.#options = options;
    this.#handler = handler;
    this.#suspectHandler = suspectHandler;
    this.#log = log;
    this.#messageLog = messageLog;
    this.#lanes = new Lanes(options.concurrency);
    this.#answers = new Outbox(id, options.packed, { bytesMax: options.outboxMaxBytes });
    this.#dead = new Outbox(`${id}-dead`, false, { bytesMax: options.outboxMaxBytes });
    broker.publish("towsmanager", this.#answers);
    broker.publish("wsmanager.dead", this.#dead);
    broker.consume(options.group, options.prefetch, this);
  }

  opened(session: ConsumeSession): void {
    this.#session = session;
    this.#acks = new Acks(session, this.#options.prefetch);
    if (this.#isStopping) session.stop();
  }

  /** What has not begun will be delivered again; what has begun is finished, and its ack goes nowhere. */
  closed(): void {
    this.#session = undefined;
    this.#acks = undefined;
    this.#lanes.abandonWaiting();
  }

  deliver(tag: number, envelope: Envelope, isSuspect: boolean): void {
    const acks = this.#acks;
    if (acks === undefined) return;
    acks.delivered(tag);
    // Whoever sends packed messages reads packed answers, and there are many of them.
    if (envelope.contentType === packedContentType) this.#answers.isPacking = true;
    const messages = this.#open(envelope, () => acks.done(tag));
    let left = messages.length;
    const done = () => {
      if (--left === 0) acks.done(tag);
    };
    for (const message of messages) {
      // Order is a client's; what names no client is kept in order by topic.
      const lane = message.clientId ?? `\u0000${message.topic}`;
      this.#lanes.submit(lane, (pause) => this.#handle(message, isSuspect, pause, done));
    }
  }

  /** Takes nothing more and finishes what has begun, within `timeoutMs`. True if all of it is confirmed. */
  async drain(timeoutMs: number): Promise<boolean> {
    this.#isStopping = true;
    const deadline = performance.now() + timeoutMs;
    this.#session?.stop();
    this.#lanes.abandonWaiting();
    while (this.#lanes.running > 0 && performance.now() < deadline) await Bun.sleep(5);
    const left = () => Math.max(0, deadline - performance.now());
    const isConfirmed = (await this.#answers.drain(left())) && (await this.#dead.drain(left()));
    this.#acks?.finish();
    const isDrained = isConfirmed && this.#lanes.running === 0;
    if (!isDrained) {
      this.#log.warn("stopped before everything begun was finished; it will be delivered again", {
        handlersRunning: this.#lanes.running,
      });
    }
    return isDrained;
  }

  close(): void {
    this.#answers.close();
    this.#dead.close();
  }

  #open(envelope: Envelope, done: () => void): readonly Message[] {
    try {
      const messages = open(envelope, "unnamed");
      if (messages.length === 0) done();
      return messages;
    } catch (error) {
      const { body, routingKey, clientId } = envelope;
      const message = { body, topic: routingKey, clientId, id: envelope.messageId ?? "unnamed" };
      this.#bury(message, reasonOf(error), 0, done);
      return [];
    }
  }

  #handle(message: Message, isSuspect: boolean, pause: Pause, done: () => void): void | Promise<void> {
    if (this.#messageLog.wants()) {
      this.#messageLog.print("received", message.body, { client: message.clientId, topic: message.topic });
    }
    const { attempts, handlerTimeout } = this.#options;
    // Suspects wait for one another, which is not to be held against them.
    const handler = isSuspect ? this.#suspectHandler : this.#handler;
    const timeoutMs = isSuspect ? timerMsMax : handlerTimeout;
    const outcome = attempt(handler, message, { attempts, timeoutMs }, pause);
    if (outcome instanceof Promise) return outcome.then((settled) => this.#settle(message, settled, done));
    this.#settle(message, outcome, done);
  }

  #settle(message: Message, outcome: Outcome, done: () => void): void {
    if (outcome.is === "failed") {
      this.#bury(message, outcome.reason, outcome.attempts, done);
      return;
    }
    const { answers } = outcome;
    if (answers.length === 0) done();
    let left = answers.length;
    const confirmed = () => {
      if (--left === 0) done();
    };
    for (const answer of answers) {
      this.#answers.append(answer, confirmed);
      if (this.#messageLog.wants()) {
        this.#messageLog.print("sends", answer.body, { client: answer.clientId, topic: answer.topic });
      }
    }
  }

  /** Publishes to `wsmanager.dead` what could not be handled, with why and where it came from. */
  #bury(
    message: Pick<Message, "body" | "topic" | "clientId" | "headers" | "id">,
    reason: string,
    attempts: number,
    done: () => void,
  ): void {
    this.#log.warn("message dead-lettered", {
      message: message.id,
      client: message.clientId,
      attempts,
      reason,
    });
    // Headers travel in one frame, which RabbitMQ limits (128 KiB by default); the reason matters more than theirs.
    const areTheirsSmall = JSON.stringify(message.headers ?? {}).length <= theirHeadersCharactersMax;
    const headers = {
      ...(areTheirsSmall ? message.headers : {}),
      "dead-reason": reason.slice(0, 1000),
      "dead-attempts": String(attempts),
      "dead-group": this.#options.group,
      "dead-message-id": message.id,
    };
    this.#dead.append(
      { body: message.body, topic: message.topic, clientId: message.clientId, headers },
      done,
    );
  }
}
