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
  /** When its wait began, by `performance.now()`. */
  readonly sinceMs: number;
  /** Its sender's; undefined where all senders are equal. */
  readonly share: Share | undefined;
}

/** An envelope that was sent, or is to be sent again. */
export interface Sent {
  /** Its place in the order of first sending: messages that were sealed before it, and its first one. */
  readonly sequence: number;
  /** Its first message's number, of which its id is made. Those of a pack's messages follow it. */
  readonly number: number;
  readonly envelope: Envelope;
  /** What it takes in memory, in bytes. */
  readonly costBytes: number;
  /** Messages in it. */
  readonly count: number;
  /** When the wait of the first of them began. */
  readonly sinceMs: number;
  /** One for each message, or none at all. */
  readonly waiters: readonly (Waiter | undefined)[];
  /** How often the broker has refused it. */
  refusals: number;
  /** Undefined: nothing speaks against it. Else how it is to be sent, since it may be what the broker has closed a link over. */
  suspected: "together" | "alone" | undefined;
  /** How often the broker has closed a link while nothing else was on its way. */
  closes: number;
}

type Place = Pick<Sent, "sequence" | "number">;

/** How envelopes are made. */
export interface Sealing {
  /** The process that publishes them. */
  readonly appId: string;
  /** The id of the message with this number. */
  idOf(number: number): string;
  /** Whether each message is published once more, plain, for other programs. */
  readonly hasCopies: boolean;
}

/** Shared, since most envelopes have nobody waiting for their confirm. */
const nobody: readonly never[] = [];

/** The plain form: the envelope of one message. */
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

/** The packed form: one envelope for one or more messages, with the id and the time of the first. */
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
  // Those that name their time themselves keep it in the pack.
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
 * The messages of a pack, each in a plain envelope of its own, with the id that it has in the pack, and the pack's. They cost as much as the pack.
 * What speaks against a pack of one speaks against its message.
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

/** What was refused and what was sent again after a refusal may be out of the order of first sending. */
export function inOrder(sent: Sent[]): Sent[] {
  return sent.sort((a, b) => a.sequence - b.sequence);
}
