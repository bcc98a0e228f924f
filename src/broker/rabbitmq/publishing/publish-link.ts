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
 * When this much waits for the kernel to take it, no more is written, in bytes: what lies there is neither counted nor needed, since
 * the kernel has buffers of its own. What is written at once, of up to `OutboxLimits.flushBytesMax`, comes on top.
 */
const unsentBytesMax = 512 * 1024;

/** What a link publishes, and for whom. */
export interface PublishLinkOptions {
  /** What is published to. */
  readonly exchange: string;
  /** Where plain copies go; absent if there are to be none. */
  readonly copiesTo?: string | undefined;
  /** Hears what becomes of it. */
  readonly publisher: Pick<Publisher, "confirmed" | "refused" | "refusing" | "drained">;
  /** What has to be there for a publish to reach everybody: the same object as long as it does not change. */
  needed(): Needed;
  /** Hears of each write: what is published may have an answer. */
  readonly haste: Haste;
  /** Is told of what has waited the longest. */
  readonly unconfirmed: Pick<Unconfirmed, "look">;
  /** How long something that is missing stays so, in milliseconds. */
  readonly missedForMs: number;
  /**
   * A message was refused: on this channel the first one of all, or not. The publisher hears of it afterwards, unless it is
   * the first one: then before.
   */
  onRefused(isFirst: boolean): void;
  /** A message was taken: the first one of all, or the first one after a refusal. */
  onTaken(): void;
  readonly drop: Drop;
}

/** The first envelope has yet to be written. */
const trialDue = { is: "due" } as const;
/** The channel has taken one, and so takes the others. */
const trialPassed = { is: "passed" } as const;
/** How far the trial of a channel has got, which its first envelope is. */
type Trial =
  | typeof trialDue
  /** `provesQueues`: where only copies were due, nothing goes to Warren's queues, and the next envelope is tried, too. */
  | { readonly is: "on its way"; readonly provesQueues: boolean }
  | typeof trialPassed;

/**
 * Publishes on a confirm channel that is used for nothing else, each call as one write to the socket.
 *
 * The first envelope goes alone with its copies, and the others follow when all of it is confirmed. Just after a restart or the loss of a
 * cluster's node, a channel of RabbitMQ's may take a queue's leader for one that is gone, and refuses or mislays what comes
 * until it knows better (seen with 3.10): with one envelope on the way, nothing overtakes it.
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
  /** Set when a message has reached no queue: the link is dropped when it runs out. */
  #unrouted: NodeJS.Timeout | undefined;
  #trial: Trial = trialDue;
  /** The next message that is taken is news. */
  #isToTell = true;
  /** What waits for the first confirm, or to know whether anybody gets copies. The publisher's window bounds it. */
  #held: Envelope[] = [];
  /** What was written of the envelopes that were tried. */
  readonly #tried = new TagWindow<true>();
  /** Sent to a link that has ended. */
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

  /** A message reached no queue. Its confirm comes next, and must not count. */
  #cameBack(): void {
    if (this.#unrouted !== undefined) return;
    const { drop, exchange } = this.#options;
    this.#unrouted = setTimeout(
      () => drop(`a message to the exchange ${exchange} reached no queue: binding them again`),
      namedWithinMs,
    );
    // What is missing is named by the check, if it is a queue or an exchange.
    this.#checking.ask();
  }

  #tryFirst(): void {
    const first = this.#held.shift();
    if (first === undefined) return;
    this.#trial = { is: "on its way", provesQueues: first.copies?.isEnvelopeTaken !== true };
    for (let parts = this.#write([first]); parts > 0; parts--) this.#tried.add(true);
  }

  /** Something of the envelope that is tried was confirmed. */
  #triedOut(tag: number, multiple: boolean): void {
    this.#tried.settle(tag, multiple);
    if (this.#trial.is !== "on its way" || this.#tried.open > 0) return;
    this.#trial = this.#trial.provesQueues ? trialPassed : trialDue;
    if (this.#trial === trialPassed) this.#write(this.#held.splice(0));
    else this.#tryFirst();
  }

  /** Returns how many AMQP messages were written. */
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

  /** Those that somebody gets are written, before anything that came after them. */
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
