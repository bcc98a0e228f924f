/** The caps of an outbox, with their units. */
export interface OutboxLimits {
  /** What may wait, unsent and unconfirmed together. The cost of a message counts its bookkeeping too. */
  readonly bytesMax: number;
  /** Unconfirmed envelopes on the wire. Enough to keep RabbitMQ busy over a confirm's round trip. */
  readonly windowMax: number;
  /** Bytes of one write to the broker's socket, so that a flush never holds up the event loop for long. */
  readonly flushBytesMax: number;
  /** Messages in one packed envelope. Beyond some hundreds a larger one gains little. */
  readonly packCountMax: number;
  /** Packed envelopes among the unconfirmed are large, so fewer of them fill the broker's pipe: in the socket's buffer they lie twice, as packs and as copies. */
  readonly packedWindowMax: number;
  /** Cost of the messages in one packed envelope. */
  readonly packBytesMax: number;
  /** A sender with this much waiting gets a line of its own, until that is empty. In bytes. */
  readonly ownLineBytes: number;
  /** How long the broker may confirm nothing before no more is sent to it, in milliseconds. */
  readonly stallMs: number;
}

/** The limits unless others are given. */
export const defaultOutboxLimits: OutboxLimits = {
  bytesMax: 64 * 1024 ** 2,
  windowMax: 4096,
  flushBytesMax: 256 * 1024,
  packCountMax: 256,
  packedWindowMax: 64,
  packBytesMax: 128 * 1024,
  ownLineBytes: 16 * 1024,
  stallMs: 1000,
};
