/** How many bytes may be on their way to all readers together, estimated by the size of the last records. */
export const aheadBytesMax = 1024 ** 2;
/** This many records may be on their way, however large they are. */
const recordsMin = 16;
/** About how many records the average size covers. */
const lookBackRecords = 64;

/**
 * Decides how many handled records are acknowledged, which lets RabbitMQ send more. RabbitMQ counts records, not bytes, and cannot change a
 * consumer's prefetch. So if records are large, some acknowledgements are held back. No I/O.
 */
export class ReadAhead {
  readonly #prefetch: number;
  #handled = 0;
  #acked = 0;
  #averageBytes = 0;

  /** @param prefetch how many records RabbitMQ sends without an acknowledgement */
  constructor(prefetch: number) {
    this.#prefetch = prefetch;
  }

  /** A record has come. */
  came(bytes: number): void {
    // The average grows fast, since the records on their way are as large. It may shrink slowly.
    const share = bytes > this.#averageBytes ? 4 / lookBackRecords : 1 / lookBackRecords;
    this.#averageBytes += (bytes - this.#averageBytes) * share;
  }

  /**
   * `count` more records were handled.
   *
   * @param recordsMax how many records may be on their way at this moment, at least 1
   * @param bytesMax how many bytes these may have together; some records may be on their way in any case
   * @returns the record, counted from 1, up to which to acknowledge; undefined if there is none
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
    // Each acknowledgement makes RabbitMQ read the log, so there should be few.
    if (upTo - this.#acked < Math.max(1, records / 4)) return undefined;
    this.#acked = upTo;
    return upTo;
  }
}
