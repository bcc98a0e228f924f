import { isAfter, type Position, positionText, type Start } from "../../log/position.ts";
import type { LogRecord } from "../../log/record.ts";
import type { LogWindow } from "../../log/window.ts";
import type { Body } from "../../message.ts";
import type { ClientSocket } from "../clients/client.ts";
import type { direct, Encoding } from "../fan-out/encoding.ts";
import type { Outflow } from "./outflow.ts";
import { Places } from "./places.ts";
import type { DurableState } from "./states.ts";
import { Unwritten } from "./unwritten.ts";

/** What a client asks for. */
export interface DurableRequest {
  readonly socket: ClientSocket;
  /** The id to which messages for this client are addressed. */
  readonly clientId: string;
  /** The client's id for the subscription. */
  readonly subscriptionId: string;
  readonly encoding: Encoding;
  /** A topic, a pattern, or `direct`. */
  readonly pattern: string | typeof direct;
  readonly start: Start;
  /**
   * Called once, when its place in the log is known. `after` is the position after which it goes on, if that is the end of a whole record.
   * A client that is lost before it has got anything can resume there.
   */
  readonly onSubscribed: (after: string | undefined) => void;
  /** Called if the request cannot be fulfilled: `why` is a sentence for the client, short enough for a close frame (123 bytes). */
  readonly onRefused?: ((why: string) => void) | undefined;
}

/** Subscriptions that read the same records together. */
export interface ReadingGroup {
  /** Returns false if it was not there. */
  remove(subscription: DurableSubscription): boolean;
}

/** A subscription that reads from the log: where it is, and what it has gathered for its client. */
export class DurableSubscription {
  readonly socket: ClientSocket;
  readonly clientId: string;
  readonly subscriptionId: string;
  readonly encoding: Encoding;
  readonly pattern: string | typeof direct;
  /** How its messages begin. */
  readonly head: string;
  #state: DurableState = "locating";
  /** The group with which it reads at the moment. */
  readsWith: ReadingGroup | undefined;
  /** Where it begins; a position as soon as it has passed one. */
  place: Start;
  /**
   * Set if it begins at a time, in seconds since 1970: it begins with the first message that is not older by its publisher's clock, if that
   * is known, whereas `place` goes by RabbitMQ's clock. Messages with an offset above `until` came after the client had asked, and are
   * never too old.
   */
  since: { readonly seconds: number; readonly until: number } | undefined;
  /** Up to the offset `until` it gets only these messages, given by their offsets and indexes. */
  #only: { readonly places: Places; readonly until: number } | undefined;
  /** Whether its next message has to tell that others are missing before it. */
  isAfterGap = false;
  /** Shared with the client's other subscriptions. */
  readonly #outflow: Outflow<DurableSubscription>;
  /** Dropped after the call, since it keeps a receipt alive. */
  #onSubscribed: DurableRequest["onSubscribed"] | undefined;
  readonly #onRefused: DurableRequest["onRefused"];
  readonly #unwritten: Unwritten<DurableSubscription>;

  constructor(
    { socket, clientId, subscriptionId, encoding, pattern, start, onSubscribed, onRefused }: DurableRequest,
    outflow: Outflow<DurableSubscription>,
  ) {
    this.#outflow = outflow;
    this.#unwritten = new Unwritten(outflow);
    this.socket = socket;
    this.clientId = clientId;
    this.subscriptionId = subscriptionId;
    this.encoding = encoding;
    this.pattern = pattern;
    this.head = encoding.headOf(subscriptionId);
    this.place = start;
    this.#onSubscribed = onSubscribed;
    this.#onRefused = onRefused;
  }

  /** Tells the client why it gets nothing. */
  refuse(why: string): void {
    this.#onRefused?.(why);
  }

  /** Limits what it gets up to the offset `until` to these messages, in order. Its place is before the first of them. */
  beginWith(places: readonly Position[], until: number): void {
    this.#only = { places: new Places(places), until };
  }

  /** What is kept for it besides what waits for the client. In bytes. */
  get keptBytes(): number {
    return this.#only?.places.costBytes ?? 0;
  }

  /**
   * Its place was in another log. It begins with all of this one, and tells of a gap if it had a position. What it was to get of the other
   * log does not apply to this one, which has other offsets.
   */
  forgetPlace(): void {
    if (isPosition(this.place)) this.isAfterGap = true;
    this.place = "first";
    this.#only = undefined;
    this.since = undefined;
  }

  get state(): DurableState {
    return this.#state;
  }

  /** Changes the state. Only `Durables` calls this, since it knows the allowed transitions. */
  becomes(state: DurableState): void {
    this.#state = state;
  }

  /** Tells the client, once, that it is subscribed, and after which position. */
  subscribed(window: Pick<LogWindow, "nameOf">): void {
    const onSubscribed = this.#onSubscribed;
    this.#onSubscribed = undefined;
    onSubscribed?.(wholeRecordIn(this.place, window));
  }

  /** Whether it has yet to get a message that it wants. */
  isDue(record: LogRecord, index: number): boolean {
    const { place, since } = this;
    const { offset } = record;
    if (isPosition(place) && !isAfter(place, offset, index)) return false;
    const only = this.#only;
    if (only !== undefined && offset <= only.until) return only.places.has(offset, index);
    if (since === undefined) return true;
    if (offset <= since.until && (record.publishersTimeOf(index) ?? since.seconds) < since.seconds)
      return false;
    this.since = undefined;
    return true;
  }

  /** @param frame shared by all subscriptions with the same head; it is made here if absent */
  add(tail: Body, frame?: Body): void {
    const { encoding, head } = this;
    const own = this.isAfterGap ? encoding.join(encoding.headAfterGap(head), tail) : frame;
    this.#unwritten.add(own ?? encoding.join(head, tail), tail.length);
    this.isAfterGap = false;
  }

  /** Whether it has gathered something that is not written. */
  get hasGathered(): boolean {
    return this.#unwritten.size > 0;
  }

  /** Whether it has gathered enough to write. */
  get hasBatch(): boolean {
    return this.#unwritten.isFull;
  }

  /** Its client took long to read what had been written. Until it is quicker, less is written at once. */
  wasSlow(): void {
    this.#unwritten.clientWasSlow();
  }

  /** It has got everything up to and including this record. */
  passed(offset: number): void {
    this.reached({ offset, index: Number.POSITIVE_INFINITY });
  }

  /** It has got everything up to and including this message. */
  reached(place: Position): void {
    if (!isPosition(this.place) || isAfter(this.place, place.offset, place.index)) this.place = place;
    if (this.#only !== undefined && place.offset > this.#only.until) this.#only = undefined;
  }

  /** Writes what was gathered, in one piece. Returns false if the client has to read before more is written. */
  flush(): boolean {
    return this.#unwritten.flush();
  }

  /** Writes what was gathered, in one piece. Call this instead of `flush` if nothing more is to be written. */
  write(): void {
    this.#unwritten.write();
  }

  /** Whether there is room to gather or write more. */
  get isRoomy(): boolean {
    return this.#outflow.isRoomy;
  }

  /** Whether nothing waits for the client any more, so that more may be read for it. */
  get isDrained(): boolean {
    return this.#outflow.isDrained;
  }

  /** Has it go on when there is room, even if Bun does not tell. */
  awaitRoom(): void {
    this.#outflow.awaitRoom(this);
  }

  /** Drops what was gathered. */
  end(): void {
    this.#outflow.leave(this, this.#unwritten.size);
    this.#unwritten.take();
  }
}

/** Whether the place is a position, and not a word or a time. */
export function isPosition(start: Start): start is Position {
  return typeof start === "object" && "offset" in start;
}

/** Whether the place has a fingerprint, by which it can be told from the same place in another log. */
export function isTellable(start: Start): boolean {
  return isPosition(start) && start.fingerprint !== undefined;
}

/** The position at the end of a record, as clients see it; undefined if the place is not such a position, or is before the first record. */
function wholeRecordIn(place: Start, window: Pick<LogWindow, "nameOf">): string | undefined {
  if (!isPosition(place) || place.index !== Number.POSITIVE_INFINITY || place.offset < 0) return undefined;
  const { offset, fingerprint } = place;
  return fingerprint === undefined ? window.nameOf(offset) : positionText(offset, 0, 1, fingerprint);
}

/** The oldest place among them; the log's beginning if one of them has no position. */
export function oldestPlaceOf(subscriptions: readonly DurableSubscription[]): "first" | number {
  let oldest = Number.POSITIVE_INFINITY;
  for (const { place } of subscriptions) {
    if (!isPosition(place)) return "first";
    oldest = Math.min(oldest, place.offset);
  }
  return oldest;
}
