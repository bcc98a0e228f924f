import { type LogReading, markContentType } from "../../../broker/broker.ts";
import { Deque } from "../../../broker/deque.ts";
import { openForClients } from "../../../log/opening.ts";
import { isBehind, type Position, positionText } from "../../../log/position.ts";
import { LogRecord, type Opener } from "../../../log/record.ts";
import type { LogWindow } from "../../../log/window.ts";
import { TopicTrie } from "../../topic-trie.ts";
import { direct } from "../destinations.ts";
import type { SharedLog } from "./shared-log.ts";
import { type DurableSubscription, isPosition } from "./subscription.ts";
import type { Tails } from "./tails.ts";

/** How long the event loop is held up at a time, in milliseconds. */
const sliceMs = 4;

/** A sweep that gets nothing for so long has been overtaken by the log's end: another one begins. In milliseconds. */
const silenceMsMax = 15_000;

export interface SweepEvents {
  /** It has come to what is in memory: it goes on there, with this record. */
  arrived(subscription: DurableSubscription, sequence: number): void;
  /** Its client has to read first. */
  parked(subscription: DurableSubscription): void;
  /** So many messages were written. */
  delivered(count: number): void;
  /** It has come to its end, all have left, or the way to the log was lost: those that are left need another sweep. */
  ended(left: readonly DurableSubscription[]): void;
}

/** What cannot be read was warned of when it came first. */
function quietOpener(recordBytesMax: number): Opener {
  return (record, envelope) => {
    if (envelope.contentType === markContentType) return [];
    try {
      return openForClients(record, envelope, recordBytesMax);
    } catch {
      return [];
    }
  };
}

/**
 * One reading of the log from an old place up to what is in memory, shared by all subscriptions whose places it passes: each
 * gets on where the sweep reaches its place, and off at memory, or where its client reads too slowly.
 */
export class Sweep {
  readonly #window: LogWindow;
  readonly #tails: Tails;
  readonly #events: SweepEvents;
  readonly #reading: LogReading;
  readonly #passengers = new Set<DurableSubscription>();
  readonly #topics = new TopicTrie<DurableSubscription>();
  readonly #directs = new Map<string, Set<DurableSubscription>>();
  /** What was read and not dealt with: the broker sends only so much ahead. */
  readonly #records = new Deque<LogRecord>();
  readonly #written = new Set<DurableSubscription>();
  #immediate: NodeJS.Immediate | undefined;
  readonly #silenceTimer: NodeJS.Timeout;
  /** The highest offset that was dealt with. */
  #offset: number | undefined;
  #isOver = false;

  /** @param passengers none of them has its place in memory */
  constructor(
    { read, recordBytesMax }: SharedLog,
    window: LogWindow,
    tails: Tails,
    passengers: readonly DurableSubscription[],
    events: SweepEvents,
  ) {
    this.#window = window;
    this.#tails = tails;
    this.#events = events;
    for (const passenger of passengers) this.#add(passenger);
    // There is always more to come, since what is in memory lies ahead.
    this.#silenceTimer = setTimeout(() => this.#end(), silenceMsMax);
    const opener = quietOpener(recordBytesMax);
    this.#reading = read(startOf(passengers), {
      record: (offset, exchange, envelope) => {
        this.#silenceTimer.refresh();
        this.#records.push(new LogRecord(offset, exchange, envelope, opener));
        this.#immediate ??= setImmediate(() => this.#turn());
      },
      ended: (why) => (why === "lost" ? this.#end() : this.#arriveWithGap()),
    });
  }

  /** Takes one in whose place is still ahead. */
  join(subscription: DurableSubscription): boolean {
    const { place } = subscription;
    const isAhead = isPosition(place) && this.#offset !== undefined && place.offset > this.#offset;
    if (this.#isOver || !isAhead) return false;
    this.#add(subscription);
    return true;
  }

  /** True if it was there. The sweep ends when nobody is left. */
  remove(subscription: DurableSubscription): boolean {
    if (!this.#passengers.delete(subscription)) return false;
    this.#written.delete(subscription);
    if (subscription.pattern === direct) this.#directs.get(subscription.clientId)?.delete(subscription);
    else this.#topics.remove(subscription.pattern, subscription);
    if (this.#passengers.size === 0) this.#end();
    return true;
  }

  /** Nobody is told. */
  stop(): void {
    this.#isOver = true;
    clearImmediate(this.#immediate);
    clearTimeout(this.#silenceTimer);
    this.#reading.stop();
  }

  #add(subscription: DurableSubscription): void {
    this.#passengers.add(subscription);
    const { pattern, clientId } = subscription;
    if (pattern !== direct) this.#topics.add(pattern, subscription);
    else if (this.#directs.get(clientId)?.add(subscription) === undefined)
      this.#directs.set(clientId, new Set([subscription]));
  }

  #turn(): void {
    this.#immediate = undefined;
    const until = performance.now() + sliceMs;
    let handled = 0;
    for (let record = this.#records.shift(); record !== undefined; record = this.#records.shift()) {
      if (this.#hasCome(record.offset)) {
        this.#arrive(record.offset);
        return;
      }
      this.#deal(record);
      handled++;
      if (performance.now() >= until) break;
    }
    this.#write();
    if (this.#isOver) return;
    this.#reading.handled(handled);
    if (this.#records.length > 0) this.#immediate = setImmediate(() => this.#turn());
  }

  #hasCome(offset: number): boolean {
    return this.#window.coversFrom !== undefined && offset >= this.#window.coversFrom;
  }

  #deal({ offset, exchange, messages }: LogRecord): void {
    if (this.#offset === undefined) this.#noticeGaps(offset);
    for (const [index, message] of messages.entries()) {
      const isForOne = exchange === "towsmanager" && message.clientId !== undefined;
      const wanting = isForOne
        ? (this.#directs.get(message.clientId) ?? [])
        : this.#topics.match(message.topic);
      for (const subscription of wanting) {
        const { place } = subscription;
        if (isPosition(place) && !isBehind(place, offset, index)) continue;
        // Another subscription of its client may have taken the room.
        if (!subscription.isRoomy) {
          subscription.flush();
          this.#park(subscription, { offset, index: index - 1 });
          continue;
        }
        subscription.add(this.#tails.of(message, positionText(offset, index, messages.length), subscription));
        this.#written.add(subscription);
        this.#events.delivered(1);
        if (subscription.hasBatch && !subscription.flush()) this.#park(subscription, { offset, index });
      }
    }
    this.#offset = offset;
  }

  /** The broker begins with the oldest record that is left, so whoever named an older one misses some. */
  #noticeGaps(firstOffset: number): void {
    for (const subscription of this.#passengers) {
      const { place } = subscription;
      if (isPosition(place) && place.offset < firstOffset) subscription.isBehindGap = true;
    }
  }

  #write(): void {
    for (const subscription of [...this.#written]) {
      if (!subscription.flush() && this.#offset !== undefined)
        this.#park(subscription, { offset: this.#offset, index: Number.POSITIVE_INFINITY });
    }
    this.#written.clear();
    this.#tails.clear();
  }

  #park(subscription: DurableSubscription, place: Position): void {
    subscription.place = place;
    this.remove(subscription);
    this.#events.parked(subscription);
  }

  #arrive(offset: number): void {
    if (this.#offset === undefined) this.#noticeGaps(offset);
    this.#write();
    const sequence = this.#window.sequenceOf(offset);
    for (const subscription of this.#leave()) this.#events.arrived(subscription, sequence);
    this.#events.ended([]);
  }

  /** There is nothing older than what is in memory. */
  #arriveWithGap(): void {
    for (const subscription of this.#leave()) {
      if (isPosition(subscription.place)) subscription.isBehindGap = true;
      this.#events.arrived(subscription, this.#window.begin);
    }
    this.#events.ended([]);
  }

  #end(): void {
    if (!this.#isOver) this.#events.ended(this.#leave());
  }

  #leave(): DurableSubscription[] {
    this.stop();
    const left = [...this.#passengers];
    for (const subscription of left) this.#passed(subscription);
    this.#passengers.clear();
    return left;
  }

  #passed(subscription: DurableSubscription): void {
    if (this.#offset !== undefined) subscription.passed(this.#offset);
  }
}

/** The oldest place among them. */
function startOf(passengers: readonly DurableSubscription[]): "first" | number {
  let oldest = Number.POSITIVE_INFINITY;
  for (const { place } of passengers) {
    if (!isPosition(place)) return "first";
    oldest = Math.min(oldest, place.offset);
  }
  return oldest;
}
