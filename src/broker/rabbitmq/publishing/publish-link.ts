import type { ChannelModel, ConfirmChannel } from "amqplib";
import type { Envelope } from "../../../envelope/envelope.ts";
import type { PublishLink } from "../../broker.ts";
import { frameOverhead } from "../frames/amqp-wire.ts";
import { channelNumber, type Innards, innards } from "../frames/innards.ts";
import { copyFrames, type FramesOptions, publishFrames } from "../frames/publish-frames.ts";
import { Checking } from "./checking.ts";
import { type Answered, Listening } from "./listening.ts";
import { ParcelTags } from "./parcel-tags.ts";
import type { PublishLinkOptions } from "./publish-link-options.ts";
import { Trial } from "./trial.ts";

/** How long a check may take to name what is missing, in milliseconds. */
const namedWithinMs = 500;

/**
 * When this much waits for the kernel to take it, no more is written, in bytes. Data that lies there is not counted, and not needed, since
 * the kernel has buffers of its own. A single write of up to `OutboxLimits.flushBytesMax` may exceed this.
 */
const unsentBytesMax = 512 * 1024;

/**
 * When a part of a channel's first envelope was refused, this is how long RabbitMQ may take to settle the others, in milliseconds. What has
 * no confirm then is published again, and may come twice.
 */
const settledWithinMs = 2000;

/**
 * Publishes on a confirm channel that is used for nothing else. Each call is one write to the socket.
 *
 * The first envelope goes alone, with its copies. The others follow when all of it is confirmed. Just after a restart, or after the loss of
 * a node of the cluster, a RabbitMQ channel may believe in a queue leader that is gone, and refuse or lose messages until it has learnt
 * better (seen with 3.10). With one envelope on the way, nothing overtakes it.
 */
export class ChannelLink implements PublishLink {
  readonly isCostly = true;
  readonly takesCopies: boolean;
  readonly headBytesMax: number;
  readonly #options: PublishLinkOptions;
  readonly #stream: Innards["stream"];
  readonly #framing: FramesOptions;
  readonly #parcels: ParcelTags;
  readonly #checking: Checking;
  readonly #listening = new Listening();
  #isOpen = true;
  /** Set when a message has reached no queue: the link is dropped when this timer runs out. */
  #unrouted: NodeJS.Timeout | undefined;
  readonly #trial = new Trial();
  /** Set when a part of the trial envelope was refused. It runs out when the other parts have had long enough. */
  #leaving: NodeJS.Timeout | undefined;
  /** Whether the next message that is taken has to be reported. */
  #isToTell = true;
  /** Envelopes that wait for the first confirm, or until it is known whether anybody gets copies. The publisher's window bounds them. */
  #held: Envelope[] = [];
  /** How many envelopes were sent to the link after its end. */
  #lateCount = 0;

  constructor(connection: ChannelModel, channel: ConfirmChannel, options: PublishLinkOptions) {
    const { exchange, copiesTo, publisher, needed, missedForMs, unconfirmed } = options;
    const { stream, frameMax } = innards(connection);
    const isMandatory = needed().queues.length > 0;
    this.#options = options;
    this.#stream = stream;
    this.#framing = {
      exchange,
      copiesTo: copiesTo ?? exchange,
      channel: channelNumber(channel),
      frameMax,
      isMandatory,
    };
    this.takesCopies = copiesTo !== undefined;
    this.headBytesMax = frameMax - frameOverhead;
    this.#parcels = new ParcelTags((tag, isRefused) => {
      if (!isRefused) publisher.confirmed(tag, false);
      else {
        publisher.refused(tag, false);
        if (this.#leaving !== undefined) this.#leave();
      }
    });
    this.#checking = new Checking(channel, {
      needed,
      missedForMs,
      isAwaited: () => publisher.isAwaited !== false,
      confirmed: (tag, multiple) => {
        if (this.#isOpen && this.#unrouted === undefined) this.#parcels.settle(tag, multiple, true);
      },
      write: (frames) => {
        if (this.#isOpen) stream.write(frames);
      },
      looked: (nowMs) => unconfirmed.look(this.#parcels.oldestTag, nowMs),
    });
    stream.on("drain", this.#drained);
    channel.on("close", () => this.end());
    channel.on("ack", ({ deliveryTag, multiple }) => this.#acked(deliveryTag, multiple));
    channel.on("nack", ({ deliveryTag, multiple }) => this.#nacked(deliveryTag, multiple));
    channel.on("return", ({ fields, properties }) => {
      if (fields.exchange === copiesTo) this.#listening.returned(properties.messageId, fields.routingKey);
      else this.#cameBack();
    });
  }

  get unwritten(): number {
    return this.#lateCount + this.#held.length;
  }

  get isCongested(): boolean {
    return this.#stream.writableLength > unsentBytesMax;
  }

  send(envelopes: readonly Envelope[]): void {
    if (!this.#isOpen) {
      this.#lateCount += envelopes.length;
      return;
    }
    for (const { copies } of envelopes) copies?.goOver(this.#options.witnesses ?? this);
    if (this.#trial.isPassed && !this.#listening.isWaiting) {
      this.#write(envelopes);
      return;
    }
    for (const envelope of envelopes) this.#held.push(envelope);
    if (this.#trial.isDue) this.#tryFirst();
  }

  giveUp(why: string, isOverRefusal = false): void {
    if (!this.#isOpen) return;
    if (isOverRefusal) this.#options.giveUp(why, this.#parcels.areOnlyCopiesRefused);
    else this.#options.drop(why);
  }

  /** Its channel has ended. */
  end(): void {
    this.#isOpen = false;
    this.#lateCount += this.#held.length;
    this.#held = [];
    this.#checking.end();
    clearTimeout(this.#unrouted);
    clearTimeout(this.#leaving);
    this.#stream.off("drain", this.#drained);
  }

  readonly #drained = (): void => this.#options.publisher.drained?.();

  #acked(tag: number, multiple: boolean): void {
    this.#settled(tag, multiple);
    // While a part of the trial envelope is not taken, it may yet be refused.
    if (!this.#trial.isPassed && !this.#triedOut(tag, multiple)) return;
    if (!this.#isToTell) return;
    this.#isToTell = false;
    this.#options.onTaken();
  }

  #nacked(tag: number, multiple: boolean): void {
    if (!this.#isOpen) return;
    const { publisher, onRefused } = this.#options;
    this.#isToTell = true;
    if (this.#trial.isPassed) onRefused(false, false);
    else this.#leaving ??= setTimeout(() => this.#leave(), settledWithinMs);
    publisher.refusing?.();
    this.#settled(tag, multiple);
    this.#parcels.settle(tag, multiple, false);
  }

  /** The trial was refused. This waits until all of it is settled: what is not would be published again over the next link, and come twice. */
  #leave(): void {
    clearTimeout(this.#leaving);
    this.#options.onRefused(true, this.#parcels.areOnlyCopiesRefused);
  }

  /** A message has reached no queue. Its confirm comes next, and must not count. */
  #cameBack(): void {
    if (this.#unrouted !== undefined) return;
    const { drop, exchange } = this.#options;
    this.#unrouted = setTimeout(
      () => drop(`a message to the exchange ${exchange} reached no queue: binding them again`),
      namedWithinMs,
    );
    // The check names what is missing, if it is a queue or an exchange.
    this.#checking.ask();
  }

  #tryFirst(): void {
    const first = this.#held.shift();
    if (first === undefined) return;
    this.#trial.begin(first.copies?.isEnvelopeTaken !== true);
    this.#trial.written(this.#write([first]));
  }

  /** A part of the trial envelope was confirmed. Returns whether all of it is. */
  #triedOut(tag: number, multiple: boolean): boolean {
    if (!this.#trial.taken(tag, multiple)) return false;
    if (this.#trial.isPassed) this.#write(this.#held.splice(0));
    else this.#tryFirst();
    return true;
  }

  /** Writes envelopes. Returns how many AMQP messages these are. */
  #write(envelopes: readonly Envelope[]): number {
    if (!this.#isOpen || envelopes.length === 0) return 0;
    this.#options.haste.published();
    if (this.#trial.isPassed) this.#listening.plan(envelopes, performance.now());
    else for (const { copies } of envelopes) copies?.unplan();
    let count = 0;
    for (const { copies } of envelopes) {
      if (copies !== undefined) this.#listening.written(copies, this.#parcels.nextDeliveryTag);
      count += this.#parcels.add(copies);
    }
    this.#stream.write(publishFrames(envelopes, this.#framing, this.#checking.beforePublishing()));
    return count;
  }

  #settled(tag: number, multiple: boolean): void {
    const answer = this.#isOpen ? this.#listening.settled(tag, multiple) : undefined;
    if (answer !== undefined) this.#answered(answer);
  }

  /** Writes the copies that somebody gets, before anything newer. */
  #answered({ passed, wanted }: Answered): void {
    const due: Envelope[] = [];
    for (const [copies, parts] of wanted) {
      this.#parcels.addWithheld(copies, parts);
      for (const part of parts) due.push(copies.envelopes[part]!);
    }
    if (due.length > 0) this.#stream.write(copyFrames(due, this.#framing));
    for (const [copies, parts] of passed) this.#parcels.passOver(copies, parts);
    if (this.#trial.isPassed) this.#write(this.#held.splice(0));
  }
}
