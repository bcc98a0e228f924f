/** The caps of an outbox, with their units. */
export interface OutboxLimits {
  /** What may wait, unsent and unconfirmed together, including bookkeeping. In bytes. */
  readonly bytesMax: number;
  /** How many envelopes may be unconfirmed on the wire: enough to keep RabbitMQ busy during a confirm's round trip. */
  readonly windowMax: number;
  /** The most that one write to the broker's socket may have, so that a flush never holds up the event loop for long. In bytes. */
  readonly flushBytesMax: number;
  /** How many messages one pack may have. Beyond some hundreds, larger packs gain little. */
  readonly packCountMax: number;
  /**
   * How many packs may be unconfirmed on the wire. They are large, and lie twice in the socket's buffer (as packs and as copies), so fewer
   * of them keep the broker busy.
   */
  readonly packedWindowMax: number;
  /** What the messages of one pack may cost together. In bytes. */
  readonly packBytesMax: number;
  /** A sender that has this much waiting gets a line of its own, until that line is empty. In bytes. */
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
