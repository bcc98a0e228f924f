/** Which dead letters are meant. What is undefined leaves out none. */
export interface WhichLetters {
  /** Only letters of this group are meant; undefined: those of all. */
  readonly group: string | undefined;
  /** A part of the reason, in any case. */
  readonly reason: string | undefined;
  /** The ids of the messages that failed. */
  readonly ids: readonly string[] | undefined;
}

/** What handlers failed to handle, as the control API reaches it. Each of these walks through the queue, one after another. */
export interface DeadLetters {
  /**
   * The oldest first.
   *
   * @param bodyBytesMax what is shown of each body
   * @returns each as one JSON object, and how many there are in all
   * @throws Error in one line, if RabbitMQ cannot be asked
   */
  list(
    which: WhichLetters,
    countMax: number,
    bodyBytesMax: number,
  ): Promise<{ readonly letters: readonly string[]; readonly total: number }>;
  /**
   * Puts them back into the queues of their groups. Those stay whose groups are unknown or have no queue.
   *
   * @throws Error in one line, if RabbitMQ cannot be asked
   */
  replay(which: WhichLetters): Promise<{ readonly replayed: number; readonly stayed: number }>;
}
