import type { LogRecord } from "./record.ts";
import type { LogWindow } from "./window.ts";

/** Which messages of a record repeat earlier ones: all of them, or those with these indexes. */
export type Repeated = NonNullable<LogRecord["repeated"]>;

/** How many records with repeats are remembered. They come by the dozen, when RabbitMQ or a process was lost. */
const recordsMax = 32_768;

/**
 * Remembers which records of the log have repeats, by their offsets. The follower reads everything and finds them. So a reading that begins
 * anywhere, even between a message and its repeat, knows as much. No I/O.
 */
export class KnownRepeats {
  readonly #records = new Map<number, Repeated>();
  #from: number | undefined;

  /** The offset from which on repeats are known; undefined while none are. */
  get from(): number | undefined {
    return this.#from;
  }

  /** From this offset on every record is checked for repeats. */
  reachesBackTo(offset: number): void {
    this.#from = Math.min(this.#from ?? offset, offset);
  }

  /** Adds repeats of the record with this offset. */
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

  /** Passes on to a record what is known about it. */
  tell(record: LogRecord): void {
    const known = this.#records.get(record.offset);
    if (known !== undefined) record.repeated = bothOf(record.repeated, known);
  }

  /** Passes on to all records in memory what is known about them. */
  tellAll(window: LogWindow): void {
    for (let sequence = window.begin; sequence < window.end; sequence++) this.tell(window.at(sequence)!);
  }

  /** The log has begun anew, so the offsets mean other records. */
  restart(): void {
    this.#records.clear();
    this.#from = undefined;
  }
}

function bothOf(one: Repeated | undefined, other: Repeated): Repeated {
  if (one === undefined || other === "all") return other;
  return one === "all" ? one : one.union(other);
}
