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
  /** The values in memory are known; older records are read next. */
  memoryLearned(): void;
  /** More is known than before. This may be called while a record is handled, so react to it later. */
  learned(): void;
}

/**
 * The newest message of each topic, and for which part of the log they are known. After `learn` every new record is examined. What is in
 * memory is examined at once, and everything older is read from the log.
 */
export class KnownValues implements Task {
  readonly #window: LogWindow;
  readonly #slices: Slices;
  readonly #scans: Scans;
  readonly #events: KnownValuesEvents;
  readonly #values: LastValues;
  /** How far back the values are known: not at all, as far as memory reaches, or all of the log. */
  #known: "nothing" | "some" | "all" = "nothing";
  /** The offset from which on every record has been examined; undefined if none has. */
  #knownFrom: number | undefined;
  /** The next record in memory to be examined; undefined if there is none. */
  #sequence: number | undefined;
  #isScanning = false;

  /** @param bytesMax what the values may take together */
  constructor(window: LogWindow, slices: Slices, scans: Scans, bytesMax: number, events: KnownValuesEvents) {
    this.#window = window;
    this.#slices = slices;
    this.#scans = scans;
    this.#events = events;
    this.#values = new LastValues(bytesMax);
  }

  /** What the values take in memory, in bytes. */
  get bytes(): number {
    return this.#values.bytes;
  }

  /** Whether the log is being examined. */
  get isLearning(): boolean {
    return this.#sequence !== undefined || this.#isScanning;
  }

  /** Whether every new record is examined. */
  get isKeeping(): boolean {
    return this.#known !== "nothing" || this.isLearning;
  }

  /** Whether there is nothing more to learn. */
  get isAllKnown(): boolean {
    return this.#known === "all";
  }

  /** Whether what is known about a topic, or about all topics that a pattern matches, is the newest that there is. */
  isKnown(pattern: string): boolean {
    if (this.#known === "nothing") return false;
    if (this.#known === "all" && this.#values.isWhole) return true;
    // A value from the examined part is the newest of its topic, since anything newer was examined too.
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

  /** Starts to examine all of the log. */
  learn(): void {
    this.#sequence = this.#window.begin;
    this.#knownFrom = undefined;
    this.#slices.ask(this);
  }

  /** The next record of the log. */
  logged(record: LogRecord): void {
    if (this.isLearning) this.#keep(record);
    else if (this.#known !== "nothing") this.#values.put(record);
  }

  /** Looks for the newest message of each topic in memory, and then in everything older. */
  run(untilMs: number): void {
    const window = this.#window;
    // Records that had to make room meanwhile are read with the older ones.
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

  /** Stops examining. What is known stays known. */
  stop(): void {
    this.#slices.forget(this);
    this.#sequence = undefined;
    this.#isScanning = false;
  }

  /** The next record does not follow directly on the last one: nothing is known any more. */
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

  /**
   * Examines a record. If a value had to be forgotten, an older one of the same topic must not take its place, so the known part then
   * begins with the next record.
   */
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
