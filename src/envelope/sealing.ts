import { messageCostBytes } from "../costs.ts";
import type { OutgoingMessage } from "../message.ts";
import type { Envelope } from "./envelope.ts";
import { seal } from "./envelope.ts";
import { pack, packedContentType, packWithBodies } from "./packing.ts";
import { PlainCopies } from "./plain-copies.ts";
import type { Share } from "./share.ts";
import { unpack } from "./unpacking.ts";
import type { Waiter } from "./waiter.ts";

/** A message that waits in an outbox. */
export interface Waiting {
  readonly message: OutgoingMessage;
  /** What it takes in memory, in bytes. */
  readonly costBytes: number;
  /** Seconds since 1970. */
  readonly timestamp: number;
  readonly waiter: Waiter | undefined;
  /** When it began to wait, by `performance.now()`. */
  readonly sinceMs: number;
  /** Its sender's; undefined if all senders are treated alike. */
  readonly share: Share | undefined;
}

/** An envelope that was sent, or is to be sent again. */
export interface Sent {
  /** Its sequence number: how many messages were sealed before it, plus one. */
  readonly sequence: number;
  /** The number of its first message, from which the id is made. The numbers of a pack's messages are consecutive. */
  readonly number: number;
  readonly envelope: Envelope;
  /** What it takes in memory, in bytes. */
  readonly costBytes: number;
  /** How many messages it has. */
  readonly count: number;
  /** When its first message began to wait. */
  readonly sinceMs: number;
  /** One for each message, or an empty list. */
  readonly waiters: readonly (Waiter | undefined)[];
  /** How often the broker has refused it. */
  refusals: number;
  /** Set if the broker may have closed a link over it: how it has to be sent. Undefined: it is not suspected. */
  suspected: "together" | "alone" | undefined;
  /** How often the broker has closed a link while nothing else was on the wire. */
  closes: number;
}

type Place = Pick<Sent, "sequence" | "number">;

/** How envelopes are made. */
export interface Sealing {
  /** The process that publishes them. */
  readonly appId: string;
  /** The id of the message with this number. */
  idOf(number: number): string;
  /** Whether plain copies are published for other programs. */
  readonly hasCopies: boolean;
}

/** Shared, since for most envelopes nothing waits for the confirm. */
const nobody: readonly never[] = [];

/** Makes the plain form: the envelope of one message. */
export function sealOne(waiting: Waiting, place: Place, { appId, idOf, hasCopies }: Sealing): Sent {
  const { message, timestamp, costBytes, waiter, sinceMs } = waiting;
  const envelope = seal(message, idOf(place.number), appId, timestamp);
  return {
    sequence: place.sequence,
    number: place.number,
    envelope: hasCopies ? { ...envelope, copies: new PlainCopies([envelope]) } : envelope,
    costBytes,
    count: 1,
    sinceMs,
    waiters: waiter === undefined ? nobody : [waiter],
    refusals: 0,
    suspected: undefined,
    closes: 0,
  };
}

/** Makes the packed form: one envelope for one or more messages, with the id and the time of the first. */
export function sealPacked(
  batch: readonly Waiting[],
  { sequence, number }: Place,
  { appId, idOf, hasCopies }: Sealing,
): Sent {
  const messages = batch.map(({ message }) => message);
  const { packed, bodies } = hasCopies ? packWithBodies(messages) : { packed: pack(messages), bodies: [] };
  const copies = bodies.map((body, index) => {
    const { message, timestamp } = batch[index]!;
    return seal(message, idOf(number + index), appId, timestamp, body);
  });
  // Messages with a time of their own keep it in the pack.
  const timed = batch.find(({ message }) => message.headers?.["timestamp"] === undefined) ?? batch[0]!;
  const envelope = {
    body: packed,
    routingKey: "",
    contentType: packedContentType,
    messageId: idOf(number),
    timestamp: timed.timestamp,
    appId,
    clientId: undefined,
    headers: undefined,
    copies: hasCopies ? new PlainCopies(copies) : undefined,
  };
  const isAwaited = batch.some(({ waiter }) => waiter !== undefined);
  return {
    sequence,
    number,
    envelope,
    costBytes: batch.reduce((sum, waiting) => sum + waiting.costBytes, 0),
    count: batch.length,
    sinceMs: batch[0]!.sinceMs,
    waiters: isAwaited ? batch.map(({ waiter }) => waiter) : nobody,
    refusals: 0,
    suspected: undefined,
    closes: 0,
  };
}

/** Whether it is a pack, and not a single message. */
export function isPacked({ envelope }: Sent): boolean {
  return envelope.contentType === packedContentType;
}

/**
 * Turns a pack's messages into plain envelopes, with the ids that they have in the pack, and the pack's id as a header. Together they cost
 * as much as the pack. If the pack had only one message, its suspicion is kept.
 */
export function takeApart(sent: Sent, sealing: Sealing): Sent[] {
  const { sequence, number, envelope, waiters, costBytes: packCostBytes, sinceMs, closes } = sent;
  const messages = unpack(envelope.body);
  let leftBytes = packCostBytes;
  return messages.map((message, index) => {
    const costBytes =
      index + 1 < messages.length ? Math.min(leftBytes, messageCostBytes(message)) : leftBytes;
    leftBytes -= costBytes;
    const waiter = waiters[index];
    const waiting = { message, costBytes, timestamp: envelope.timestamp!, waiter, sinceMs, share: undefined };
    const single = sealOne(waiting, { sequence: sequence + index, number: number + index }, sealing);
    if (messages.length === 1) single.closes = closes;
    return { ...single, envelope: { ...single.envelope, packId: envelope.messageId } };
  });
}

/** Sorts envelopes. Those that were refused, and those that were sent again after a refusal, may not be in the order of first sending. */
export function inOrder(sent: Sent[]): Sent[] {
  return sent.sort((a, b) => a.sequence - b.sequence);
}
