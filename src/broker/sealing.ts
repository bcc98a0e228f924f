import type { OutgoingMessage } from "../message.ts";
import type { Envelope } from "./broker.ts";
import { seal } from "./envelope.ts";
import { pack, packedContentType } from "./packing.ts";

/** A message that waits in an outbox. */
export interface Waiting {
  readonly message: OutgoingMessage;
  readonly costBytes: number;
  /** Seconds since 1970. */
  readonly timestamp: number;
  readonly onConfirmed: (() => void) | undefined;
}

/** An envelope that was sent, or is to be sent again. */
export interface Sent {
  /** The number of its first message, so its place in the order of first sending. */
  readonly sequence: number;
  readonly envelope: Envelope;
  readonly costBytes: number;
  /** Messages in it. */
  readonly count: number;
  readonly onConfirmed: readonly (() => void)[];
  refusals: number;
}

/** Shared, since most envelopes have nobody waiting for their confirm. */
const nobody: readonly never[] = [];

/** The plain form: the envelope of one message. */
export function sealOne(waiting: Waiting, sequence: number, id: string, appId: string): Sent {
  const { message, timestamp, costBytes } = waiting;
  const onConfirmed = waiting.onConfirmed === undefined ? nobody : [waiting.onConfirmed];
  return {
    sequence,
    envelope: seal(message, id, appId, timestamp),
    costBytes,
    count: 1,
    onConfirmed,
    refusals: 0,
  };
}

/** The packed form: one envelope for several messages, with the id and the time of the first. */
export function sealPacked(batch: readonly Waiting[], sequence: number, id: string, appId: string): Sent {
  const envelope = {
    body: pack(batch.map(({ message }) => message)),
    routingKey: "",
    contentType: packedContentType,
    messageId: id,
    timestamp: batch[0]!.timestamp,
    appId,
    clientId: undefined,
    headers: undefined,
  };
  const costBytes = batch.reduce((sum, waiting) => sum + waiting.costBytes, 0);
  const onConfirmed = batch.flatMap((waiting) => waiting.onConfirmed ?? nobody);
  return { sequence, envelope, costBytes, count: batch.length, onConfirmed, refusals: 0 };
}

/** What was refused and what was sent again after a refusal may be out of the order of first sending. */
export function inOrder(sent: Sent[]): Sent[] {
  return sent.sort((a, b) => a.sequence - b.sequence);
}
