import type { ChannelModel, ConfirmChannel } from "amqplib";
import { TagWindow } from "../../../collections/tag-window.ts";
import type { Envelope } from "../../../envelope/envelope.ts";
import type { Publisher, PublishLink } from "../../broker.ts";
import type { Haste } from "../connection/haste.ts";
import type { Drop } from "../connection/watch.ts";
import { frameOverhead } from "../frames/amqp-wire.ts";
import type { Needed } from "../frames/check-frames.ts";
import { channelNumber, type Innards, innards } from "../frames/innards.ts";
import { copyFrames, type FramesOptions, publishFrames } from "../frames/publish-frames.ts";
import { Checking } from "./checking.ts";
import { type Answered, Listening } from "./listening.ts";
import { ParcelTags } from "./parcel-tags.ts";
import type { Unconfirmed } from "./unconfirmed.ts";

/** How long a check may take to name what is missing, in milliseconds. */
const namedWithinMs = 500;

/**
 * When this much waits for the kernel to take it, no more is written, in bytes. Data that lies there is not counted, and not needed, since
 * the kernel has buffers of its own. A single write of up to `OutboxLimits.flushBytesMax` may exceed this.
 */
const unsentBytesMax = 512 * 1024;

/** The options of a link. */
export interface PublishLinkOptions {
  /** What is published to. */
  readonly exchange: string;
  /** The exchange for plain copies; absent if there are to be none. */
  readonly copiesTo?: string | undefined;
  /** Is told what becomes of envelopes. */
  readonly publisher: Pick<Publisher, "confirmed" | "refused" | "refusing" | "drained" | "isAwaited">;
  /** The exchanges and queues that have to exist for a publish to reach everybody: the same object as long as nothing changes. */
  needed(): Needed;
  /** Is told of each write, since what is published may get an answer. */
  readonly haste: Haste;
  /** Is told what has waited longest. */
  readonly unconfirmed: Pick<Unconfirmed, "look">;
  /** How long something that has gone stays missing, in milliseconds. */
  readonly missedForMs: number;
  /**
   * A message was refused. @param isFirst whether it was the first one on this channel. Then this is called after the publisher was told,
   * otherwise before
   */
  onRefused(isFirst: boolean): void;
  /** A message was taken: the first one at all, or the first one after a refusal. */
  onTaken(): void;
  readonly drop: Drop;
}

/** The first envelope has yet to be written. */
const trialDue = { is: "due" } as const;
/** The channel has taken an envelope, so it will take the others. */
const trialPassed = { is: "passed" } as const;
/** The trial of a channel, by its first envelope. */
type Trial =
  | typeof trialDue
  /** `provesQueues`: if only copies were due, nothing goes to Warren's queues, so the next envelope is a trial too. */
  | { readonly is: "on its way"; readonly provesQueues: boolean }
  | typeof trialPassed;

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
  #trial: Trial = trialDue;
  /** Whether the next message that is taken has to be reported. */
  #isToTell = true;
  /** Envelopes that wait for the first confirm, or until it is known whether anybody gets copies. The publisher's window bounds them. */
  #held: Envelope[] = [];
  /** The unsettled parts of the trial envelope. */
  readonly #tried = new TagWindow<true>();
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
      if (isRefused) publisher.refused(tag, false);
      else publisher.confirmed(tag, false);
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
    for (const { copies } of envelopes) copies?.goOver(this);
    if (this.#trial === trialPassed && !this.#listening.isWaiting) {
      this.#write(envelopes);
      return;
    }
    for (const envelope of envelopes) this.#held.push(envelope);
    if (this.#trial === trialDue) this.#tryFirst();
  }

  giveUp(why: string): void {
    if (this.#isOpen) this.#options.drop(why);
  }

  /** Its channel has ended. */
  end(): void {
    this.#isOpen = false;
    this.#lateCount += this.#held.length;
    this.#held = [];
    this.#checking.end();
    clearTimeout(this.#unrouted);
    this.#stream.off("drain", this.#drained);
  }

  readonly #drained = (): void => this.#options.publisher.drained?.();

  #acked(tag: number, multiple: boolean): void {
    this.#settled(tag, multiple);
    if (this.#trial !== trialPassed) this.#triedOut(tag, multiple);
    if (!this.#isToTell) return;
    this.#isToTell = false;
    this.#options.onTaken();
  }

  #nacked(tag: number, multiple: boolean): void {
    if (!this.#isOpen) return;
    const { publisher, onRefused } = this.#options;
    this.#isToTell = true;
    if (this.#trial === trialPassed) onRefused(false);
    publisher.refusing?.();
    this.#settled(tag, multiple);
    this.#parcels.settle(tag, multiple, false);
    if (this.#trial !== trialPassed) onRefused(true);
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
    this.#trial = { is: "on its way", provesQueues: first.copies?.isEnvelopeTaken !== true };
    for (let parts = this.#write([first]); parts > 0; parts--) this.#tried.add(true);
  }

  /** A part of the trial envelope was confirmed. */
  #triedOut(tag: number, multiple: boolean): void {
    this.#tried.settle(tag, multiple);
    if (this.#trial.is !== "on its way" || this.#tried.open > 0) return;
    this.#trial = this.#trial.provesQueues ? trialPassed : trialDue;
    if (this.#trial === trialPassed) this.#write(this.#held.splice(0));
    else this.#tryFirst();
  }

  /** Writes envelopes. Returns how many AMQP messages these are. */
  #write(envelopes: readonly Envelope[]): number {
    if (!this.#isOpen || envelopes.length === 0) return 0;
    this.#options.haste.published();
    if (this.#trial === trialPassed) this.#listening.plan(envelopes, performance.now());
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
    if (this.#trial === trialPassed) this.#write(this.#held.splice(0));
  }
}
