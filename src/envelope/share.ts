/**
 * What one sender has in an outbox. Those that wait there are served by turns, and a sender that has more waiting than others is
 * held back before them: by this both can tell. Each connection that publishes has one.
 */
export class Share {
  /** What was handed to the outbox and has not been put into an envelope yet. In bytes, as messages cost. */
  unsentBytes = 0;
  /** The place, in the order of first sending (`Sent.sequence`), of the last message that was put into an envelope; 0 if none was. */
  sealedAt = 0;
}
