import type { LogRecord } from "../../log/record.ts";
import type { LogWindow } from "../../log/window.ts";
import type { Task } from "../../ops/loop-time.ts";
import { isPattern } from "../../topics/pattern.ts";
import type { Slices } from "../clients/slices.ts";
import { type LastValue, LastValues } from "./last-values.ts";
import type { Scans } from "./scans.ts";
import type { SharedFrames } from "./shared-frames.ts";
import type { TopicSearch } from "./topic-search.ts";

/** What `KnownValues` reports. */
export interface KnownValuesEvents {
  /** The values of what is in memory are known; what is older is read next. */
  memoryLearned(): void;
  /** More is known than before. It may be called while a record is handled: what follows from it has to be done later. */
  learned(): void;
}

/**
 * The newest message of each topic, and for which part of the log that is known. From `learn` on every record is looked into; what is in
 * memory is looked into at once, and all that is older is read from the log.
 */
export class KnownValues implements Task {
  readonly #window: LogWindow;
  readonly #slices: Slices;
  readonly #scans: Scans;
  readonly #events: KnownValuesEvents;
  readonly #values: LastValues;
  /** How far they are known: not at all, of what is in memory as well, of the whole log. */
  #known: "nothing" | "some" | "all" = "nothing";
  /** The offset from which on every record has been looked into; undefined while none has. */
  #knownFrom: number | undefined;
  /** The record in memory that is looked into next; undefined where none is. */
  #sequence: number | undefined;
  #isScanning = false;

  /** @param bytesMax what they may take together */
  constructor(window: LogWindow, slices: Slices, scans: Scans, bytesMax: number, events: KnownValuesEvents) {
    this.#window = window;
    this.#slices = slices;
    this.#scans = scans;
    this.#events = events;
    this.#values = new LastValues(bytesMax);
  }

  /** What they take in memory, in bytes. */
  get bytes(): number {
    return this.#values.bytes;
  }

  /** Whether what the log has is being looked into. */
  get isLearning(): boolean {
    return this.#sequence !== undefined || this.#isScanning;
  }

  /** Whether every record that comes is looked into. */
  get isKeeping(): boolean {
    return this.#known !== "nothing" || this.isLearning;
  }

  /** Whether there is nothing more to learn. */
  get isAllKnown(): boolean {
    return this.#known === "all";
  }

  /** Whether what is here of a topic, or of all that a pattern matches, is the newest that there is. */
  isKnown(pattern: string): boolean {
    if (this.#known === "nothing") return false;
    if (this.#known === "all" && this.#values.isWhole) return true;
    // Nothing newer than what is here is on a single topic.
    return !isPattern(pattern) && (this.#values.of(pattern)?.offset ?? -1) >= (this.#knownFrom ?? 0);
  }

  of(topic: string): LastValue | undefined {
    return this.#values.of(topic);
  }

  /** See `LastValues`. */
  search(patterns: Iterable<string>): TopicSearch {
    return this.#values.search(patterns);
  }

  searched(): void {
    this.#values.searched();
  }

  inOrder(topics: ReadonlySet<string>): readonly LastValue[] | undefined {
    return this.#values.inOrder(topics);
  }

  framesOf(value: LastValue): SharedFrames {
    return this.#values.framesOf(value);
  }

  /** Begins to look into all that the log has. */
  learn(): void {
    this.#sequence = this.#window.begin;
    this.#knownFrom = undefined;
    this.#slices.ask(this);
  }

  /** A record has come. */
  logged(record: LogRecord): void {
    if (this.isLearning) this.#keep(record);
    else if (this.#known !== "nothing") this.#values.put(record);
  }

  /** Looks into what is in memory for the newest message of each topic, and then into all that is older. */
  run(untilMs: number): void {
    const window = this.#window;
    // What had to make room meanwhile is read with what is older.
    if (this.#knownFrom === undefined || this.#sequence! < window.begin) {
      this.#sequence = window.begin;
      this.#knownFrom = window.at(window.begin)?.offset ?? window.last + 1;
    }
    while (this.#sequence! < window.end) {
      const record = window.at(this.#sequence!)!;
      this.#sequence!++;
      this.#keep(record);
      if (this.#sequence === undefined) return;
      if (performance.now() >= untilMs) {
        this.#slices.ask(this);
        return;
      }
    }
    this.#sequence = undefined;
    if (this.#known === "nothing") this.#known = "some";
    this.#events.memoryLearned();
    this.#learnOlder();
  }

  /** Learns nothing more. What it knows stays. */
  stop(): void {
    this.#slices.forget(this);
    this.#sequence = undefined;
    this.#isScanning = false;
  }

  /** What comes next does not follow on what came: nothing is known any more. */
  restart(): void {
    this.stop();
    this.#known = "nothing";
    this.#knownFrom = undefined;
    this.#values.clear();
  }

  close(): void {
    this.stop();
    this.#values.close();
  }

  #learnOlder(): void {
    this.#isScanning = true;
    const until = () => this.#window.coversFrom ?? Number.POSITIVE_INFINITY;
    const done = () => {
      this.#isScanning = false;
      this.#known = "all";
      this.#knownFrom = 0;
      this.#events.learned();
    };
    this.#scans.begin("first", until, (record) => this.#keep(record), done);
  }

  /** When one had to be forgotten, an older one of its topic must not take its place: what is kept begins with what comes next. */
  #keep(record: LogRecord): void {
    this.#values.put(record);
    if (this.#values.isWhole) return;
    this.#scans.stop();
    this.stop();
    this.#values.forgetAll();
    this.#known = "all";
    this.#knownFrom = this.#window.last + 1;
    this.#events.learned();
  }
}
