import type { LogRecord } from "./record.ts";
import type { LogWindow } from "./window.ts";

/** Which messages of a record are in the log before: all of them, or those with these indexes. */
export type Repeated = NonNullable<LogRecord["repeated"]>;

/** How many records with repeats are known at the same time. They come by the dozen, when RabbitMQ or a process was lost. */
const recordsMax = 32_768;

/**
 * Which records of the log have messages that are in it before, by their offsets: what the follower, which reads everything, has found
 * out. So a reading that begins anywhere, also between the two, knows as much. No I/O.
 */
export class KnownRepeats {
  readonly #records = new Map<number, Repeated>();
  #from: number | undefined;

  /** The offset from which on repeats are known; undefined while none are. */
  get from(): number | undefined {
    return this.#from;
  }

  /** Everything from this offset on is looked at. */
  reachesBackTo(offset: number): void {
    this.#from = Math.min(this.#from ?? offset, offset);
  }

  /** Adds what is known of the record with this offset. */
  add(offset: number, repeated: Repeated): void {
    this.#records.set(offset, bothOf(this.#records.get(offset), repeated));
    if (this.#records.size <= recordsMax) return;
    const [first] = this.#records.keys() as Iterable<number> as [number];
    this.#records.delete(first);
    this.#from = Math.max(this.#from ?? 0, first + 1);
  }

  of(offset: number): Repeated | undefined {
    return this.#records.get(offset);
  }

  /** Adds what is known of a record to what it knows itself. */
  tell(record: LogRecord): void {
    const known = this.#records.get(record.offset);
    if (known !== undefined) record.repeated = bothOf(record.repeated, known);
  }

  /** Adds what is known of all records that are in memory to what they know themselves. */
  tellAll(window: LogWindow): void {
    for (let sequence = window.begin; sequence < window.end; sequence++) this.tell(window.at(sequence)!);
  }

  /** It is another log, whose offsets are others. */
  restart(): void {
    this.#records.clear();
    this.#from = undefined;
  }
}

function bothOf(one: Repeated | undefined, other: Repeated): Repeated {
  if (one === undefined || other === "all") return other;
  return one === "all" ? one : one.union(other);
}
