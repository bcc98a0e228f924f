import { isBehind, type Position, positionText, type Start } from "../../log/position.ts";
import type { LogRecord } from "../../log/record.ts";
import type { LogWindow } from "../../log/window.ts";
import type { Body } from "../../message.ts";
import type { ClientSocket } from "../clients/client.ts";
import type { direct, Encoding } from "../fan-out/encoding.ts";
import type { Outflow } from "./outflow.ts";
import { Places } from "./places.ts";
import type { DurableState } from "./states.ts";

/** What is gathered before it is written, in characters or bytes. */
const batchSizeMax = 16 * 1024;

/** What a client asks for. */
export interface DurableRequest {
  readonly socket: ClientSocket;
  /** What is for it alone is addressed to this id. */
  readonly clientId: string;
  /** What the client calls it. */
  readonly subscriptionId: string;
  readonly encoding: Encoding;
  /** A topic, a pattern, or `direct`. */
  readonly pattern: string | typeof direct;
  readonly start: Start;
  /**
   * Called once, when its place in the log is known. `after` is the position that it goes on after, if that is the end of a whole
   * record: a client that is lost before it has got anything can go on there.
   */
  readonly onInForce: (after: string | undefined) => void;
  /** It cannot be what it asks for: `why` is a sentence for its client, short enough for a close frame: 123 bytes. */
  readonly onRefused?: ((why: string) => void) | undefined;
}

/** Subscriptions that read the same records. */
export interface ReadingGroup {
  /** False if it was not there. */
  remove(subscription: DurableSubscription): boolean;
}

/** A subscription that reads from the log: where it is, and what it has yet to write to its client. */
export class DurableSubscription {
  readonly socket: ClientSocket;
  readonly clientId: string;
  readonly subscriptionId: string;
  readonly encoding: Encoding;
  readonly pattern: string | typeof direct;
  /** How its messages begin. */
  readonly head: string;
  #state: DurableState = "locating";
  /** Those with which it reads the same records, while it does. */
  readsWith: ReadingGroup | undefined;
  /** Where it is told to begin; a position as soon as it has passed one. */
  place: Start;
  /**
   * It begins with its first message that is not older than this time in seconds since 1970 by its publisher's clock, where there is
   * one: `place` goes by RabbitMQ's clock. What came after it had asked, up to this offset, is never too old.
   */
  since: { readonly seconds: number; readonly until: number } | undefined;
  /** Up to this offset it gets these messages alone, by their offsets and indexes. */
  #only: { readonly places: Places; readonly until: number } | undefined;
  /** Its next message tells that some are missing before it. */
  isBehindGap = false;
  /** Shared with the client's other subscriptions. */
  readonly #outflow: Outflow<DurableSubscription>;
  /** Absent once it was called, since it keeps a receipt alive. */
  #onInForce: DurableRequest["onInForce"] | undefined;
  readonly #onRefused: DurableRequest["onRefused"];
  #batch: Body[] = [];
  #batchSize = 0;

  constructor(
    { socket, clientId, subscriptionId, encoding, pattern, start, onInForce, onRefused }: DurableRequest,
    outflow: Outflow<DurableSubscription>,
  ) {
    this.#outflow = outflow;
    this.socket = socket;
    this.clientId = clientId;
    this.subscriptionId = subscriptionId;
    this.encoding = encoding;
    this.pattern = pattern;
    this.head = encoding.headOf(subscriptionId);
    this.place = start;
    this.#onInForce = onInForce;
    this.#onRefused = onRefused;
  }

  /** It gets nothing: its client is told why. */
  refuse(why: string): void {
    this.#onRefused?.(why);
  }

  /** Limits what it gets of the log up to `until` to these messages, in their order; its place is before the first of them. */
  beginWith(places: readonly Position[], until: number): void {
    this.#only = { places: new Places(places), until };
  }

  /** What is kept for it besides what waits for its client. In bytes. */
  get keptBytes(): number {
    return this.#only?.places.costBytes ?? 0;
  }

  /**
   * Its place was in another log: it begins with all of this one, and tells of a gap if it had a place. What it was to get of the other
   * one says nothing about this one, whose offsets are others.
   */
  forgetPlace(): void {
    if (isPosition(this.place)) this.isBehindGap = true;
    this.place = "first";
    this.#only = undefined;
    this.since = undefined;
  }

  get state(): DurableState {
    return this.#state;
  }

  /** Changes the state. Only `Durables` calls this, which knows what may follow what. */
  becomes(state: DurableState): void {
    this.#state = state;
  }

  inForce(window: Pick<LogWindow, "nameOf">): void {
    const onInForce = this.#onInForce;
    this.#onInForce = undefined;
    onInForce?.(wholeRecordIn(this.place, window));
  }

  /** Whether a message that it wants is not one of those that it has passed. */
  isDue(record: LogRecord, index: number): boolean {
    const { place, since } = this;
    const { offset } = record;
    if (isPosition(place) && !isBehind(place, offset, index)) return false;
    const only = this.#only;
    if (only !== undefined && offset <= only.until) return only.places.has(offset, index);
    if (since === undefined) return true;
    if (offset <= since.until && (record.publishersTimeOf(index) ?? since.seconds) < since.seconds)
      return false;
    this.since = undefined;
    return true;
  }

  /** @param frame what it is for all that begin like this one, made once for them; made here if absent */
  add(tail: Body, frame?: Body): void {
    const { encoding, head } = this;
    if (this.isBehindGap) this.#batch.push(encoding.join(encoding.headAfterGap(head), tail));
    else this.#batch.push(frame ?? encoding.join(head, tail));
    this.isBehindGap = false;
    this.#batchSize += tail.length;
    this.#outflow.gathered(tail.length);
  }

  /** Whether anything is gathered that is not written. */
  get hasGathered(): boolean {
    return this.#batchSize > 0;
  }

  /** Whether enough is gathered to be written. */
  get hasBatch(): boolean {
    return this.#batchSize >= Math.min(batchSizeMax, this.#outflow.room);
  }

  /** Everything up to and including this record is done with. */
  passed(offset: number): void {
    this.reached({ offset, index: Number.POSITIVE_INFINITY });
  }

  /** Everything up to and including this message is done with. */
  reached(place: Position): void {
    if (!isPosition(this.place) || isBehind(this.place, place.offset, place.index)) this.place = place;
    if (this.#only !== undefined && place.offset > this.#only.until) this.#only = undefined;
  }

  /** Writes what was gathered as one. False if the client has to read before more is written. */
  flush(): boolean {
    this.write();
    return this.isDrained;
  }

  /** Writes what was gathered as one. Call it where nothing more is to be written. */
  write(): void {
    const batch = this.#batch;
    const size = this.#batchSize;
    if (batch.length > 0) {
      this.#batch = [];
      this.#batchSize = 0;
      this.#outflow.write(batch, size);
    }
  }

  /** Whether more may be gathered or written beside what waits for the client. */
  get isRoomy(): boolean {
    return this.#outflow.isRoomy;
  }

  /** Whether nothing waits for the client any more: then it is read on for. */
  get isDrained(): boolean {
    return this.#outflow.isDrained;
  }

  /** It goes on when there is room, also where Bun does not tell. */
  awaitRoom(): void {
    this.#outflow.awaitRoom(this);
  }

  /** What was gathered is not written any more. */
  end(): void {
    this.#outflow.leave(this, this.#batchSize);
    this.#batch = [];
    this.#batchSize = 0;
  }
}

/** Whether the place is a message's position, and not a word or a time. */
export function isPosition(start: Start): start is Position {
  return typeof start === "object" && "offset" in start;
}

/** Whether it can be told from the same place in another log. */
export function isTellable(start: Start): boolean {
  return isPosition(start) && start.fingerprint !== undefined;
}

/** What the end of a record is called towards clients; undefined if the place is none, or before the first one. */
function wholeRecordIn(place: Start, window: Pick<LogWindow, "nameOf">): string | undefined {
  if (!isPosition(place) || place.index !== Number.POSITIVE_INFINITY || place.offset < 0) return undefined;
  const { offset, fingerprint } = place;
  return fingerprint === undefined ? window.nameOf(offset) : positionText(offset, 0, 1, fingerprint);
}

/** The oldest place among them: the log's beginning where one names no position. */
export function oldestPlaceOf(subscriptions: readonly DurableSubscription[]): "first" | number {
  let oldest = Number.POSITIVE_INFINITY;
  for (const { place } of subscriptions) {
    if (!isPosition(place)) return "first";
    oldest = Math.min(oldest, place.offset);
  }
  return oldest;
}
