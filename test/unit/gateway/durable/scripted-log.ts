import {
  type ForeignExchange,
  type LogReader,
  type LogReading,
  type LogStart,
  markContentType,
  type RecordExchange,
} from "../../../../src/broker/broker.ts";
import type { Envelope } from "../../../../src/envelope/envelope.ts";
import { contentsOf, contentsWith, seal } from "../../../../src/envelope/envelope.ts";
import { fingerprintOf } from "../../../../src/envelope/fingerprint.ts";
import { pack, packedContentType } from "../../../../src/envelope/packing.ts";
import { LogRecord } from "../../../../src/log/record.ts";

export interface Entry {
  readonly offset: number;
  readonly exchange: RecordExchange;
  readonly envelope: Envelope;
}

/** How the log answers readings. */
export interface ReadingHabits {
  /** So many records come before the one that was asked for: RabbitMQ begins with the chunk that it is in. */
  readonly before: number;
  /** At most so many come in one turn of the event loop. */
  readonly atOnce: number;
}

const plainHabits: ReadingHabits = { before: 0, atOnce: Number.POSITIVE_INFINITY };

/** A log as RabbitMQ has it, without RabbitMQ: offsets that skip, a beginning that may be lost, readings that may be cut off. */
export class ScriptedLog {
  readonly entries: Entry[] = [];
  readonly #readings = new Set<ScriptedReading>();
  #nextOffset: number;
  #texts = 0;
  #marks = 0;
  /** What is older the log has dropped. */
  keptFrom = 0;
  readingsMax = 0;
  readonly #habits: ReadingHabits;

  constructor(firstOffset: number, habits = plainHabits) {
    this.#nextOffset = firstOffset;
    this.#habits = habits;
  }

  get nextOffset(): number {
    return this.#nextOffset;
  }

  /**
   * Adds a record with so many messages of these topics; several travel packed. Its texts are numbered through.
   *
   * @param size how long each text is at least
   */
  append(topics: readonly string[], skip: number, size = 0): Entry {
    const messages = topics.map((topic) => ({ topic, body: String(this.#texts++).padEnd(size, ".") }));
    const offset = this.#nextOffset + skip;
    this.#nextOffset = offset + 1;
    const plain = seal(messages[0]!, `m-${this.#texts}`, "app", offset);
    const envelope =
      messages.length === 1
        ? plain
        : { ...plain, routingKey: "", body: pack(messages), contentType: packedContentType };
    const entry: Entry = { offset, exchange: "wsmanager", envelope };
    this.#add(entry);
    return entry;
  }

  /** Adds a record of any kind. */
  put(exchange: RecordExchange, envelope: Envelope): Entry {
    const entry = { offset: this.#nextOffset++, exchange, envelope };
    this.#add(entry);
    return entry;
  }

  /** Readers get marks too, as they do from RabbitMQ. */
  mark(): number {
    const offset = this.#nextOffset++;
    const envelope = {
      ...seal({ body: "", topic: "" }, `mark-${this.#marks++}`, "app", offset),
      contentType: markContentType,
    };
    this.#add({ offset, exchange: "wsmanager.log" as ForeignExchange, envelope });
    return offset;
  }

  /** As `SharedLog` has it. */
  readonly answerMark = (then: (offset: number, fingerprint: string) => void): (() => void) => {
    const answering = setImmediate(() => then(this.mark(), fingerprintOf(this.entries.at(-1)!.envelope)));
    return () => clearImmediate(answering);
  };

  #add(entry: Entry): void {
    this.entries.push(entry);
    for (const reading of this.#readings) reading.resume();
  }

  read(start: LogStart, reader: LogReader): LogReading {
    // All of it is younger than any time.
    const from = Math.max(this.keptFrom, typeof start === "number" ? start : 0);
    const found = this.entries.findIndex(({ offset }) => offset >= from);
    let next = found < 0 ? this.entries.length : found;
    for (let { before } = this.#habits; before > 0 && next > 0; before--)
      if (this.entries[next - 1]!.offset >= this.keptFrom) next--;
    const { atOnce } = this.#habits;
    const onEnd = () => this.#readings.delete(reading);
    const reading = new ScriptedReading(this.entries, next, atOnce, reader, onEnd);
    this.#readings.add(reading);
    this.readingsMax = Math.max(this.readingsMax, this.#readings.size);
    return reading;
  }

  /** It is deleted, and begins anew. */
  beginAnew(): void {
    this.cutOff();
    this.entries.length = 0;
    this.#nextOffset = 0;
    this.keptFrom = 0;
  }

  cutOff(): void {
    for (const reading of [...this.#readings]) reading.cutOff();
  }
}

class ScriptedReading implements LogReading {
  readonly #entries: readonly Entry[];
  readonly #reader: LogReader;
  readonly #onEnd: () => void;
  readonly #atOnce: number;
  #next: number;
  #ahead = 0;
  #isOver = false;

  constructor(entries: readonly Entry[], next: number, atOnce: number, reader: LogReader, onEnd: () => void) {
    this.#entries = entries;
    this.#reader = reader;
    this.#onEnd = onEnd;
    this.#atOnce = atOnce;
    this.#next = next;
    this.resume();
  }

  handled(count: number): void {
    this.#ahead -= count;
    this.resume();
  }

  stop(): void {
    this.#isOver = true;
    this.#onEnd();
  }

  cutOff(): void {
    this.stop();
    setImmediate(() => this.#reader.ended("lost"));
  }

  get #mayGoOn(): boolean {
    return !this.#isOver && this.#ahead < this.#reader.aheadMax && this.#next < this.#entries.length;
  }

  resume(): void {
    setImmediate(() => {
      for (let count = 0; this.#mayGoOn; count++) {
        if (count === this.#atOnce) {
          this.resume();
          return;
        }
        const { offset, exchange, envelope } = this.#entries[this.#next++]!;
        this.#ahead++;
        this.#reader.record(offset, exchange, envelope);
      }
    });
  }
}

export function recordOf({ offset, exchange, envelope }: Entry): LogRecord {
  return new LogRecord(offset, exchange, envelope, (_, content) =>
    content.contentType === markContentType ? contentsWith([]) : contentsOf(content, "unnamed"),
  );
}
