/** The bytes that may be on their way to all readers together that have not handled what came before, by the size of what came last. */
export const aheadBytesMax = 1024 ** 2;
/** This many records may be on their way, however large they are. */
const recordsMin = 16;
/** How many records the average size looks back on, about. */
const lookBackRecords = 64;

/**
 * How much of what a reading has handled is acknowledged, which is what lets RabbitMQ send more. RabbitMQ counts records and not
 * bytes, and cannot change its count for a consumer; so where records are large some acknowledgements are held back. No I/O.
 */
export class ReadAhead {
  readonly #prefetch: number;
  #handled = 0;
  #acked = 0;
  #averageBytes = 0;

  /** @param prefetch records that RabbitMQ sends without an acknowledgement */
  constructor(prefetch: number) {
    this.#prefetch = prefetch;
  }

  /** A record has come. */
  came(bytes: number): void {
    // Growth counts at once, since what is on its way is as large; shrinking does not matter as much.
    const share = bytes > this.#averageBytes ? 4 / lookBackRecords : 1 / lookBackRecords;
    this.#averageBytes += (bytes - this.#averageBytes) * share;
  }

  /**
   * `count` more are handled.
   *
   * @param recordsMax how many may be on their way at this moment, at least 1
   * @param bytesMax what they may have together; some records may be on their way in any case
   * @returns the last one, counted from 1, to be acknowledged with all before it, if any is
   */
  handled(
    count: number,
    recordsMax = Number.POSITIVE_INFINITY,
    bytesMax = aheadBytesMax,
  ): number | undefined {
    this.#handled += count;
    const fitting = Math.max(recordsMin, Math.floor(bytesMax / Math.max(1, this.#averageBytes)));
    const records = Math.min(this.#prefetch, fitting, recordsMax);
    const upTo = this.#handled - (this.#prefetch - records);
    // Every acknowledgement costs RabbitMQ a look into the log, so few of them are better.
    if (upTo - this.#acked < Math.max(1, records / 4)) return undefined;
    this.#acked = upTo;
    return upTo;
  }
}
