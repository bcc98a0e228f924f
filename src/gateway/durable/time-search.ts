import { type LogReading, type LogStart, markContentType } from "../../broker/broker.ts";
import type { LogWindow } from "../../log/window.ts";
import type { Task } from "../../ops/loop-time.ts";
import type { Slices } from "../clients/slices.ts";
import type { SharedLog } from "./shared-log.ts";
import { TimePoints } from "./time-points.ts";

/** The place of a time in the log. */
export type Found =
  /** The offset to begin with, and whether older records of that time are gone. */
  | { readonly offset: number; readonly isAfterGap: boolean }
  /** Everything older than what is in memory is gone, or never existed. */
  | "nothing kept";

/** How many readings may run at a time: each is a channel and a consumer in RabbitMQ. */
const probesMax = 4;
/** How long a subscription waits for its exact place before it takes the nearest earlier known one, in milliseconds. */
const patienceMs = 500;
/** The same if a reading for exactly its time runs, or if it would have to read the whole log otherwise. In milliseconds. */
const patienceForAnswersMs = 5000;
/** After this time in which a reading got nothing, a mark is written into the log for it. In milliseconds. */
const silenceMsMax = 100;
/** The wait before a search that was cut off starts again, in milliseconds. */
const retryMs = 500;

/** A search in progress. */
interface Search {
  readonly seconds: number;
  readonly sinceMs: number;
  readonly then: (found: Found) => void;
}

/**
 * Finds the first record that RabbitMQ got at a time or later, by RabbitMQ's own clock. RabbitMQ knows the time of each chunk of the log,
 * to the second, and begins to read there.
 *
 * Each answer bounds the answers for all other times, and between two times with the same answer, or before one whose answer is the log's
 * beginning, nothing need be asked. So times are asked in random order, a few at once, however many are wanted. A subscription that has
 * waited too long begins with the nearest place that is known to be early enough, and messages that are too old by their publisher's clock
 * are left out.
 *
 * RabbitMQ does not tell whether the log begins later than a time, so the log's first record is read too, afterwards.
 *
 * One answer may be for thousands of subscriptions, which get it in slices of the event loop's time.
 */
export class TimeSearch implements Task {
  readonly #log: SharedLog;
  readonly #window: LogWindow;
  readonly #slices: Slices;
  readonly #points = new TimePoints();
  readonly #waiting = new Set<Search>();
  /** Searches whose offset is found, and has to be compared with the log's first one. */
  readonly #found = new Map<Search, number>();
  /** Searches that are to be answered, with their answers. */
  readonly #untold = new Map<Search, Found>();
  readonly #probes = new Map<number, LogReading>();
  #firstProbe: LogReading | undefined;
  /** The offset of the log's first record, when it was looked at last. The log may have dropped it since. */
  #first = 0;
  #retryTimer: NodeJS.Timeout | undefined;
  #immediate: NodeJS.Immediate | undefined;

  constructor(log: SharedLog, window: LogWindow, slices: Slices) {
    this.#log = log;
    this.#window = window;
    this.#slices = slices;
  }

  /**
   * @param seconds since 1970
   * @param then called once, later
   * @returns cancels the search, so that `then` is not called: its reading runs to its end, and the result is remembered
   */
  find(seconds: number, then: Search["then"]): () => void {
    const search = { seconds, sinceMs: performance.now(), then };
    this.#waiting.add(search);
    // It starts at the end of the turn: a subscription that leaves at once costs no reading.
    this.#immediate ??= setImmediate(() => {
      this.#immediate = undefined;
      this.resume();
    });
    return () => {
      for (const kept of [this.#waiting, this.#found, this.#untold]) kept.delete(search);
    };
  }

  /** The log has begun anew, so all answers are void. Waiting searches are answered for the new log, after `resume`. */
  restart(): void {
    this.#stop();
    this.#points.clear();
    this.#first = 0;
    for (const told of [this.#found, this.#untold]) {
      for (const search of told.keys()) this.#waiting.add(search);
      told.clear();
    }
  }

  close(): void {
    this.#stop();
    clearImmediate(this.#immediate);
    this.#slices.forget(this);
    for (const kept of [this.#waiting, this.#found, this.#untold]) kept.clear();
  }

  #stop(): void {
    clearTimeout(this.#retryTimer);
    this.#retryTimer = undefined;
    for (const reading of [this.#firstProbe, ...this.#probes.values()]) reading?.stop();
    this.#probes.clear();
    this.#firstProbe = undefined;
  }

  /** More may be known about the log. */
  resume(): void {
    // The newest record is needed to tell a lasting answer from a temporary one.
    if (this.#retryTimer !== undefined || this.#window.coversFrom === undefined) return;
    this.#settle();
    if (this.#found.size > 0 && this.#firstProbe === undefined) this.#lookAtFirst();
    while (this.#probes.size < probesMax) {
      const seconds = this.#pick();
      if (seconds === undefined) break;
      this.#probe(seconds);
    }
  }

  /** Answers all searches for which nothing more need be asked. */
  #settle(): void {
    const nowMs = performance.now();
    for (const search of this.#waiting) {
      const { seconds, sinceMs } = search;
      const offset = this.#points.at(seconds, this.#first);
      if (offset !== undefined) {
        this.#located(search, offset);
        continue;
      }
      const hopes = this.#probes.has(seconds) || this.#points.isEmpty;
      if (nowMs - sinceMs > (hopes ? patienceForAnswersMs : patienceMs))
        this.#located(search, this.#points.notAfter(seconds) ?? 0);
    }
  }

  #located(search: Search, offset: number): void {
    this.#waiting.delete(search);
    this.#found.set(search, offset);
  }

  /**
   * Picks a time that is wanted and is not being asked for. It is picked at random, so that on average it halves what is unknown. Only the
   * earliest goes first if no time before it is known, since all can begin there.
   */
  #pick(): number | undefined {
    const times = new Set<number>();
    let earliest = Number.POSITIVE_INFINITY;
    for (const { seconds } of this.#waiting) {
      times.add(seconds);
      earliest = Math.min(earliest, seconds);
    }
    if (!this.#probes.has(earliest) && this.#points.notAfter(earliest) === undefined && times.size > 0)
      return earliest;
    for (const seconds of this.#probes.keys()) times.delete(seconds);
    return [...times][Math.floor(Math.random() * times.size)];
  }

  #probe(seconds: number): void {
    const newest = this.#window.last;
    const reading = this.#readOne({ timestamp: seconds }, (offset) => {
      this.#probes.delete(seconds);
      // A record that came after the search began may be older than that time. Then the answer holds for now, and for all later times.
      if (offset <= newest) this.#points.add(seconds, offset);
      else {
        for (const search of this.#waiting) if (search.seconds >= seconds) this.#located(search, offset);
      }
      this.resume();
    });
    this.#probes.set(seconds, reading);
  }

  #lookAtFirst(): void {
    const asking = [...this.#found];
    this.#firstProbe = this.#readOne("first", (first, timestamp) => {
      this.#firstProbe = undefined;
      this.#first = first;
      for (const [search, offset] of asking) {
        if (!this.#found.delete(search)) continue;
        const mayMiss = first > 0 && offset <= first;
        const isAfterGap =
          mayMiss && (offset < first || timestamp === undefined || timestamp >= search.seconds);
        this.#untold.set(search, { offset: Math.max(first, offset), isAfterGap });
      }
      this.#slices.ask(this);
      this.resume();
    });
  }

  /** Reads a single record. If nothing has come yet, a mark is written so that something comes. */
  #readOne(start: LogStart, then: (offset: number, timestamp: number | undefined) => void): LogReading {
    let unmark: () => void = () => undefined;
    const silence = setTimeout(() => {
      unmark = this.#log.mark(() => undefined);
    }, silenceMsMax);
    let isOver = false;
    const stop = () => {
      isOver = true;
      clearTimeout(silence);
      unmark();
      reading.stop();
    };
    const reading = this.#log.read(start, {
      aheadMax: 1,
      record: (offset, _exchange, { contentType, timestamp }) => {
        if (isOver) return;
        stop();
        then(offset, contentType === markContentType ? undefined : timestamp);
      },
      ended: (why) => {
        if (isOver) return;
        stop();
        if (why === "lost") this.#tryAgain();
        else this.#nothingKept();
      },
    });
    return { handled: () => undefined, stop };
  }

  #tryAgain(): void {
    this.#stop();
    this.#retryTimer = setTimeout(() => {
      this.#retryTimer = undefined;
      this.resume();
    }, retryMs);
  }

  #nothingKept(): void {
    this.#stop();
    for (const search of [...this.#waiting, ...this.#found.keys()]) this.#untold.set(search, "nothing kept");
    this.#waiting.clear();
    this.#found.clear();
    this.#slices.ask(this);
  }

  run(untilMs: number): void {
    for (const [search, found] of this.#untold) {
      this.#untold.delete(search);
      search.then(found);
      if (performance.now() >= untilMs) break;
    }
    if (this.#untold.size > 0) this.#slices.ask(this);
  }
}
