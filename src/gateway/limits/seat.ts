/**
 * Where a client sits, from before it is admitted until it has gone, and what the limits note there. It is kept small:
 * there may be very many. Times are the wheel's.
 */
export class Seat {
  /** What counts as one address; undefined where addresses are not counted. */
  readonly address: string | undefined;

  /** `Presence`: pings that it has not answered, and when in the round it is visited. */
  pingsUnanswered = 0;
  turn = 0;

  /** `MessageRate`: what it may send before it is held back, in messages and bytes, as of `countedMs`. */
  messagesLeft: number;
  bytesLeft: number;
  countedMs: number;
  /** Since when it has been held back again and again, and when it was last. */
  floodSinceMs = 0;
  heldMs = Number.NEGATIVE_INFINITY;

  constructor(address: string | undefined, messagesLeft: number, bytesLeft: number, nowMs: number) {
    this.address = address;
    this.messagesLeft = messagesLeft;
    this.bytesLeft = bytesLeft;
    this.countedMs = nowMs;
  }
}
