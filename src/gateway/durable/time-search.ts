import { type LogReading, type LogStart, markContentType } from "../../broker/broker.ts";
import type { LogWindow } from "../../log/window.ts";
import type { Task } from "../../ops/loop-time.ts";
import type { Slices } from "../clients/slices.ts";
import type { SharedLog } from "./shared-log.ts";
import { TimePoints } from "./time-points.ts";

/** Where in the log a time lies. */
export type Found =
  /** The offset to begin with, and whether older records of that time are there no more. */
  | { readonly offset: number; readonly isBehindGap: boolean }
  /** Everything older than what is in memory is gone, or never was. */
  | "nothing kept";

/** Readings at the same time: each is a channel and a consumer in RabbitMQ. */
const probesMax = 4;
/** How long a subscription waits for its exact place before it takes the nearest earlier one that is known. In milliseconds. */
const patienceMs = 500;
/** How long it waits where its own time is being asked for, or where it would have to read the whole log. In milliseconds. */
const patienceForAnswersMs = 5000;
/** How long a reading may get nothing before the log is written to, so that it gets something. In milliseconds. */
const silenceMsMax = 100;
/** The wait before a search that was cut off begins anew, in milliseconds. */
const retryMs = 500;

/** A search that is under way. */
interface Search {
  readonly seconds: number;
  readonly sinceMs: number;
  readonly then: (found: Found) => void;
}

/**
 * Looks for the first record that RabbitMQ got at a time or later, by RabbitMQ's own clock: it knows the time of each chunk of the
 * log, to the second that it was asked for, and begins to read there.
 *
 * However many times are asked for: each one that is found out bounds all others, and what lies between two times with the
 * same answer need not be asked. So they are asked in random order, some at a time. A subscription that has waited for a second begins with the
 * nearest place that is known to be not too late: it is told no more than it has to hear, only earlier.
 *
 * RabbitMQ does not tell that the log begins later than a time, so that the log's first record is looked at as well, afterwards.
 *
 * One answer may be that to thousands of subscriptions, which are told in slices of the event loop's time.
 */
export class TimeSearch implements Task {
  readonly #log: SharedLog;
  readonly #window: LogWindow;
  readonly #slices: Slices;
  readonly #points = new TimePoints();
  readonly #waiting = new Set<Search>();
  /** Those whose offset is found, and has to be compared with the log's first one. */
  readonly #found = new Map<Search, number>();
  /** Those that are to be told, and what. */
  readonly #untold = new Map<Search, Found>();
  readonly #probes = new Map<number, LogReading>();
  #firstProbe: LogReading | undefined;
  #retryTimer: NodeJS.Timeout | undefined;
  #immediate: NodeJS.Immediate | undefined;

  constructor(log: SharedLog, window: LogWindow, slices: Slices) {
    this.#log = log;
    this.#window = window;
    this.#slices = slices;
  }

  /**
   * @param seconds since 1970
   * @param then is called once, later
   * @returns what is to be called if nobody wants to know any more: then `then` is not called
   */
  find(seconds: number, then: Search["then"]): () => void {
    const search = { seconds, sinceMs: performance.now(), then };
    this.#waiting.add(search);
    // It begins at the end of the turn: a subscription that leaves at once has cost no reading.
    this.#immediate ??= setImmediate(() => {
      this.#immediate = undefined;
      this.goOn();
    });
    return () => this.#forget(search);
  }

  /** Readings that are under way come to their end, and what they find out is remembered. */
  #forget(search: Search): void {
    this.#waiting.delete(search);
    this.#found.delete(search);
    this.#untold.delete(search);
  }

  /** It is another log: nothing of what was found out holds. Those that wait are told about the new one, after `goOn`. */
  restart(): void {
    this.#stop();
    this.#points.clear();
    for (const search of [...this.#found.keys(), ...this.#untold.keys()]) this.#waiting.add(search);
    this.#found.clear();
    this.#untold.clear();
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

  /** More may be known of the log. */
  goOn(): void {
    // What is the newest record tells an answer that will hold from one that holds for now.
    if (this.#retryTimer !== undefined || this.#window.coversFrom === undefined) return;
    this.#settle();
    if (this.#found.size > 0 && this.#firstProbe === undefined) this.#lookAtFirst();
    while (this.#probes.size < probesMax) {
      const seconds = this.#pick();
      if (seconds === undefined) break;
      this.#probe(seconds);
    }
  }

  /** Finds all of those that need not be asked for any more. */
  #settle(): void {
    const nowMs = performance.now();
    for (const search of this.#waiting) {
      const { seconds, sinceMs } = search;
      const offset = this.#points.at(seconds);
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
   * One that waits, and is not being asked for: any of them, so that on average it halves what is not known. Only the earliest goes
   * first where no time before it is known, since all can begin there.
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
      // What came only since then may be older than that time: for now it is the answer, and to all later times.
      if (offset <= newest) this.#points.add(seconds, offset);
      else {
        for (const search of this.#waiting) if (search.seconds >= seconds) this.#located(search, offset);
      }
      this.goOn();
    });
    this.#probes.set(seconds, reading);
  }

  #lookAtFirst(): void {
    const asking = [...this.#found];
    this.#firstProbe = this.#readOne("first", (first, timestamp) => {
      this.#firstProbe = undefined;
      for (const [search, offset] of asking) {
        if (!this.#found.delete(search)) continue;
        const mayMiss = first > 0 && offset <= first;
        const isBehindGap =
          mayMiss && (offset < first || timestamp === undefined || timestamp >= search.seconds);
        this.#untold.set(search, { offset: Math.max(first, offset), isBehindGap });
      }
      this.#slices.ask(this);
      this.goOn();
    });
  }

  /** Reads a single record. A reading that is silent since nothing has come yet gets a mark. */
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
      this.goOn();
    }, retryMs);
  }

  #nothingKept(): void {
    this.#stop();
    const all = [...this.#waiting, ...this.#found.keys()];
    this.#waiting.clear();
    this.#found.clear();
    for (const search of all) this.#untold.set(search, "nothing kept");
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
