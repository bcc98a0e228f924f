/** Selects dead letters. An undefined field excludes none. */
export interface WhichLetters {
  /** Only letters of this group; undefined: of any group. */
  readonly group: string | undefined;
  /** A part of the reason; upper and lower case are the same. */
  readonly reason: string | undefined;
  /** The ids of the messages that failed. */
  readonly ids: readonly string[] | undefined;
}

/** Dead letters, for the control API. Each call walks through the queue, one call at a time. */
export interface DeadLetters {
  /**
   * Lists them, the oldest first.
   *
   * @param bodyBytesMax how much of each body is shown
   * @returns one JSON object for each, and how many there are in all
   * @throws Error with one line, if RabbitMQ cannot be asked
   */
  list(
    which: WhichLetters,
    countMax: number,
    bodyBytesMax: number,
  ): Promise<{ readonly letters: readonly string[]; readonly total: number }>;
  /**
   * Puts them back into the queues of their groups. Letters stay if their group is unknown or has no queue.
   *
   * @throws Error with one line, if RabbitMQ cannot be asked
   */
  replay(which: WhichLetters): Promise<{ readonly replayed: number; readonly stayed: number }>;
}
