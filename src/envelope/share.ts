/**
 * What one sender has in an outbox. Waiting senders take turns, and a sender with more waiting than others is held back before them: both
 * use this. Each publishing connection has one.
 */
export class Share {
  /** How many bytes were handed to the outbox and are not in an envelope yet. Messages count by their cost. */
  unsentBytes = 0;
  /** The sequence number (`Sent.sequence`) of the last message that was put into an envelope; 0 if there is none. */
  sealedAt = 0;
}
