import type { ChannelModel, ConfirmChannel } from "amqplib";
import { TagWindow } from "../../collections/tag-window.ts";
import type { Envelope } from "../../envelope/envelope.ts";
import type { Publisher, PublishLink } from "../broker.ts";
import type { Needed } from "./check-frames.ts";
import { Checking } from "./checking.ts";
import { frameOverhead } from "./frame-writer.ts";
import { channelNumber, innards } from "./innards.ts";
import { type Answered, Listening } from "./listening.ts";
import { ParcelTags } from "./parcel-tags.ts";
import { copyFrames, publishFrames } from "./publish-frames.ts";
import type { Drop } from "./watch.ts";

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
  /** How long something that is missing stays so, in milliseconds. */
  readonly missedForMs: number;
  /**
   * A message was refused: on this channel the first one of all, or not. The publisher hears of it afterwards, unless it is
   * the first one: then before.
   */
  onRefused(isFirst: boolean): void;
  /** A message was taken: the first one of all, or the first one after a refusal. */
  onTaken(): void;
  /** What is added here is called when its channel has ended. */
  readonly atEnd: (() => void)[];
  readonly drop: Drop;
}

/**
 * Publishes on a confirm channel that is used for nothing else, each call as one write to the socket.
 *
 * The first envelope goes alone with its copies, and the others follow when all of it is confirmed. Just after a restart or the loss of a
 * cluster's node, a channel of RabbitMQ's may take a queue's leader for one that is gone, and refuses or mislays what comes
 * until it knows better (seen with 3.10): with one envelope on the way, nothing overtakes it.
 */
export function publishLink(
  connection: ChannelModel,
  channel: ConfirmChannel,
  { exchange, copiesTo, publisher, needed, missedForMs, onRefused, onTaken, atEnd, drop }: PublishLinkOptions,
): PublishLink {
  const { stream, frameMax } = innards(connection);
  const isMandatory = needed().queues.length > 0;
  const framing = {
    exchange,
    copiesTo: copiesTo ?? exchange,
    channel: channelNumber(channel),
    frameMax,
    isMandatory,
  };
  let isOpen = true;
  /** Everything that was published has been routed to some queue. */
  let isRouting = true;
  let unrouted: NodeJS.Timeout | undefined;
  let isTried = false;
  let isProven = false;
  /** The next message that is taken is news. */
  let isToTell = true;
  /** What waits for the first confirm, or to know whether anybody gets copies. The publisher's window bounds it. */
  let held: Envelope[] = [];
  /** What was written of the first envelope. */
  const trial = new TagWindow<true>();
  /** Where only copies were due, nothing goes to Warren's queues. */
  let provesQueues = false;
  const parcels = new ParcelTags((tag, isRefused) => {
    if (isRefused) publisher.refused(tag, false);
    else publisher.confirmed(tag, false);
  });
  const checking = new Checking(channel, {
    needed,
    missedForMs,
    confirmed: (tag, multiple) => {
      if (isOpen && isRouting) parcels.settle(tag, multiple, true);
    },
    write: (frames) => {
      if (isOpen) stream.write(frames);
    },
  });
  const listening = new Listening();
  /** Returns how many AMQP messages were written. */
  const write = (envelopes: readonly Envelope[]): number => {
    if (!isOpen || envelopes.length === 0) return 0;
    if (isProven) listening.plan(envelopes, performance.now());
    else for (const { copies } of envelopes) copies?.unplan();
    let count = 0;
    for (const { copies } of envelopes) {
      if (copies !== undefined) listening.written(copies, parcels.nextDeliveryTag);
      count += parcels.add(copies);
    }
    stream.write(publishFrames(envelopes, framing, checking.beforePublishing()));
    return count;
  };
  /** Those that somebody gets are written, before anything that came after them. */
  const answered = ({ passed, wanted }: Answered) => {
    const due: Envelope[] = [];
    for (const [copies, parts] of wanted) {
      parcels.addWithheld(copies, parts);
      for (const part of parts) due.push(copies.envelopes[part]!);
    }
    if (due.length > 0) stream.write(copyFrames(due, framing));
    for (const [copies, parts] of passed) parcels.passOver(copies, parts);
    if (isProven) write(held.splice(0));
  };
  const settled = (tag: number, multiple: boolean) => {
    const answer = isOpen ? listening.settled(tag, multiple) : undefined;
    if (answer !== undefined) answered(answer);
  };
  const drained = () => publisher.drained?.();
  stream.on("drain", drained);
  /** Sent to a link that has ended. */
  let lateCount = 0;
  const end = () => {
    isOpen = false;
    lateCount += held.length;
    held = [];
    checking.end();
    clearTimeout(unrouted);
    stream.off("drain", drained);
  };
  channel.on("close", end);
  const tryFirst = () => {
    if (isTried || held.length === 0) return;
    isTried = true;
    const [first] = held.splice(0, 1) as [Envelope];
    provesQueues = first.copies?.isEnvelopeTaken !== true;
    for (let parts = write([first]); parts > 0; parts--) trial.add(true);
  };
  channel.on("ack", ({ deliveryTag, multiple }) => {
    settled(deliveryTag, multiple);
    if (isProven) return;
    trial.settle(deliveryTag, multiple);
    if (!isTried || trial.open > 0) return;
    isProven = provesQueues;
    isTried = false;
    if (isProven) write(held.splice(0));
    else tryFirst();
  });
  channel.on("ack", () => {
    if (!isToTell) return;
    isToTell = false;
    onTaken();
  });
  channel.on("nack", ({ deliveryTag, multiple }) => {
    if (!isOpen) return;
    isToTell = true;
    if (isProven) onRefused(false);
    publisher.refusing?.();
    settled(deliveryTag, multiple);
    parcels.settle(deliveryTag, multiple, false);
    if (!isProven) onRefused(true);
  });
  channel.on("return", ({ fields, properties }) => {
    if (fields.exchange === copiesTo) {
      listening.returned(properties.messageId, fields.routingKey);
      return;
    }
    if (!isRouting) return;
    // Its confirm comes next, and must not count. What is missing is named by the check, if it is a queue or an exchange.
    isRouting = false;
    checking.ask();
    unrouted = setTimeout(
      () => drop(`a message to the exchange ${exchange} reached no queue: binding them again`),
      namedWithinMs,
    );
  });
  atEnd.push(end);
  return {
    isCostly: true,
    takesCopies: copiesTo !== undefined,
    headBytesMax: frameMax - frameOverhead,
    get unwritten() {
      return lateCount + held.length;
    },
    get isCongested() {
      return stream.writableLength > unsentBytesMax;
    },
    send(envelopes) {
      if (!isOpen) lateCount += envelopes.length;
      if (!isOpen) return;
      if (isProven && !listening.isWaiting) {
        write(envelopes);
        return;
      }
      for (const envelope of envelopes) held.push(envelope);
      if (!isProven) tryFirst();
    },
    giveUp(why) {
      if (isOpen) drop(why);
    },
  };
}
