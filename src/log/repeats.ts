import type { Envelope } from "../envelope/envelope.ts";
import { mayHaveKeys } from "../envelope/idempotency-key.ts";
import { packedContentType } from "../envelope/packing.ts";
import { RecentKeys } from "../envelope/recent-keys.ts";
import { hasKey, isWarrens, isWarrensAnswer, onceIdIn } from "../message-id.ts";
import type { KnownRepeats, Repeated } from "./known-repeats.ts";
import type { LogRecord } from "./record.ts";
import { SeenIds } from "./seen.ts";

/** What the remembered keys may take together, in bytes: enough for about 20,000 of them. */
const keysBytesMax = 4 * 1024 ** 2;
/** While the past is still being read, this many of the new ids are kept, to be compared with it. */
const sinceStartMax = 65_536;
/** How many previous logs the ids are remembered of. Several logs may be deleted one after another. */
const logsMax = 3;

/**
 * Recognizes messages that are in the log more than once: those that a manager or processor published again because a confirm was lost, and
 * the answers to a message that was handled again. Warren's processes give such messages the same ids each time, and no other program uses
 * these ids. Ids of other programs are not compared: some programs count from 1 again after a restart.
 *
 * Two managers may accept messages with the same idempotency key before either has heard of the other's. The later one in the log is a
 * repeat, if it was accepted within the window that its id names.
 */
export class Repeats {
  #seen = new SeenIds();
  /**
   * The ids of the previous logs, newest log first: what is published again after a deletion may be deleted with the next log, too. A
   * reader of this log still gets these messages, but live clients do not get them twice.
   */
  #before: readonly SeenIds[] = [];
  /** Made with the first key, since most systems use none. */
  #keys: RecentKeys | undefined;
  /** The id of the record that `mark` was called with last. */
  #marked: string | undefined;
  readonly #known: KnownRepeats | undefined;
  /** Ids that came first since the start; undefined once the past has been read. */
  #sinceStart: SinceStart | undefined;
  /** The ids of the past, until `#seen` alone remembers as many. */
  #past: SeenIds | undefined;
  #isPast = false;

  /** How many repeats were found. */
  count = 0;

  /** @param known gets every repeat that is found */
  constructor(known?: KnownRepeats) {
    this.#known = known;
  }

  /** Notes which messages of a record are repeats. Call it once for each record, in the order of the log. */
  mark(record: LogRecord, envelope: Marked): void {
    this.#known?.reachesBackTo(record.offset);
    this.#mark(record, envelope);
    if (record.repeated !== undefined) this.#known?.add(record.offset, record.repeated);
  }

  /** The records before the first marked one will be read. They are passed to `markPast`, until `pastEnded` is called. */
  expectPast(): void {
    this.#sinceStart = { places: new Map(), pieces: new Map(), count: 0 };
    this.#past = new SeenIds();
  }

  /** Notes the ids of a record from before the first marked one. Call it in the order of the log. */
  markPast(record: LogRecord, envelope: Marked): void {
    if (this.#sinceStart === undefined) return;
    const marked = this.#marked;
    this.#isPast = true;
    this.#mark(record, envelope);
    this.#isPast = false;
    this.#marked = marked;
    if (record.repeated !== undefined) this.#known?.add(record.offset, record.repeated);
  }

  /** Adds to a record the repeats that were found since it was marked. */
  tell(record: LogRecord): void {
    this.#known?.tell(record);
  }

  /** @param from the offset of the first record of the past that was read; undefined if none was, or if reading ended early */
  pastEnded(from: number | undefined): void {
    this.#sinceStart = undefined;
    if (from !== undefined) this.#known?.reachesBackTo(from);
  }

  /** The log has begun anew. A message in both logs is a repeat for those that got it from the old one, not for readers of the new one. */
  restart(): void {
    this.#before = [this.#seen, ...this.#before].slice(0, logsMax);
    this.#seen = new SeenIds();
    // Keys that were accepted lately are kept elsewhere: see `once.ts`.
    this.#keys = undefined;
    this.#sinceStart = undefined;
    this.#past = undefined;
    this.#known?.restart();
  }

  #mark(record: LogRecord, { messageId, contentType, body, packId }: Marked): void {
    this.#marked = messageId;
    // A plain copy, which an old binding may bring here, comes before its pack and has its id.
    if (messageId === undefined || record.isCopy) return;
    if (hasKey(messageId) && !messageId.includes("/")) {
      if (this.#isKeyAgain(messageId, record.offset, undefined)) record.repeated = "all";
      return;
    }
    const isAnswer = messageId.includes("/");
    if (isAnswer ? !isWarrensAnswer(messageId) : !isWarrens(messageId)) return;
    const seenAs = contentType === packedContentType ? packKey(messageId) : messageId;
    if (this.#isAgain(seenAs, record.offset, undefined) || this.#hasPack(packId, record.offset)) {
      record.repeated = "all";
      return;
    }
    if (this.#wasBefore(seenAs) || (packId !== undefined && this.#wasBefore(packKey(packId))))
      record.heard = "all";
    // In a pack of answers, or in a manager's pack with keys, single messages may be repeats. Their ids are read without the bodies.
    if (isAnswer) return;
    if (messageId.startsWith("processor-")) this.#markEach(record, isWarrensAnswer, this.#isAgain);
    else if (contentType === packedContentType && mayHaveKeys(body))
      this.#markEach(record, hasKey, this.#isKeyAgain);
  }

  /** Whether this id was in one of the previous logs. */
  #wasBefore(id: string): boolean {
    return this.#before.some((seen) => seen.has(id));
  }

  /** Whether a message was taken out of a pack that came before. */
  #hasPack(packId: string | undefined, offset: number): boolean {
    if (packId === undefined) return false;
    const key = packKey(packId);
    const isKnown = (!this.#isPast && this.#seen.has(key)) || this.#past?.has(key) === true;
    if (isKnown) this.count++;
    else if (!this.#isPast) this.#notePiece(key, offset);
    return isKnown;
  }

  /** Notes a message that was taken out of a pack: the pack may turn out to have come before. */
  #notePiece(key: string, offset: number): void {
    const sinceStart = this.#sinceStart;
    if (sinceStart === undefined || sinceStart.count >= sinceStartMax) return;
    const pieces = sinceStart.pieces.get(key);
    if (pieces === undefined) sinceStart.pieces.set(key, [offset]);
    else pieces.push(offset);
    sinceStart.count++;
  }

  #markEach(record: LogRecord, concerns: (id: string) => boolean, isAgain: IsAgain): void {
    let repeated: Set<number> | undefined;
    let heard: Set<number> | undefined;
    for (const [index, { id }] of record.heads.entries()) {
      if (!concerns(id)) continue;
      if (isAgain(id, record.offset, index)) {
        repeated ??= new Set();
        repeated.add(index);
      } else if (this.#wasBefore(id)) {
        heard ??= new Set();
        heard.add(index);
      }
    }
    record.repeated = repeated;
    record.heard ??= heard;
  }

  readonly #isAgain: IsAgain = (id, offset, index) => this.#isRepeat(this.#remember(id), id, offset, index);

  /** Remembers the id. Returns whether it was known. */
  #remember(id: string): boolean {
    if (this.#isPast) return this.#past!.remember(id);
    const isKnown = this.#seen.remember(id);
    if (this.#past === undefined) return isKnown;
    if (this.#seen.hasForgotten && this.#sinceStart === undefined) this.#past = undefined;
    return isKnown || this.#past?.has(id) === true;
  }

  readonly #isKeyAgain: IsAgain = (id, offset, index) => {
    const once = onceIdIn(id);
    if (once === undefined) return false;
    this.#keys ??= new RecentKeys(keysBytesMax);
    return this.#isRepeat(this.#keys.remember(once), once.key, offset, index);
  };

  #isRepeat(isKnown: boolean, id: string, offset: number, index: number | undefined): boolean {
    const sinceStart = this.#sinceStart;
    if (sinceStart !== undefined) {
      if (this.#isPast) return this.#isRepeatInPast(sinceStart, isKnown, id, offset);
      if (!isKnown && sinceStart.count < sinceStartMax) {
        sinceStart.places.set(id, { offset, index });
        sinceStart.count++;
      }
    }
    if (isKnown) this.count++;
    return isKnown;
  }

  /** Whether an id of the past came again after the start, where it was taken for new. Messages taken out of a pack count like the pack. */
  #isRepeatInPast({ places, pieces }: SinceStart, isKnown: boolean, id: string, offset: number): boolean {
    // A record that is read a second time does not repeat itself.
    const isLater = (other: number) => other > offset;
    for (const later of pieces.get(id)?.filter(isLater) ?? []) this.#foundLater(later, "all");
    pieces.delete(id);
    const later = places.get(id);
    if (later === undefined) {
      if (isKnown) this.count++;
      return isKnown;
    }
    places.delete(id);
    if (isLater(later.offset))
      this.#foundLater(later.offset, later.index === undefined ? "all" : new Set([later.index]));
    return false;
  }

  #foundLater(offset: number, repeated: Repeated): void {
    this.count++;
    this.#known?.add(offset, repeated);
  }

  /** Whether the answer with this id, in the record marked last, came before. For one that is alone in its record, `mark` has checked it. */
  hasSeen(id: string): boolean {
    if (id === this.#marked || !isWarrensAnswer(id)) return false;
    const isKnown = this.#remember(id) || this.#wasBefore(id);
    if (isKnown) this.count++;
    return isKnown;
  }
}

/** What was taken for new since the start, until the past is known. */
interface SinceStart {
  /** Where each id or key was. */
  readonly places: Map<string, Place>;
  /** The places of messages that were taken out of a pack, by the pack's key. */
  readonly pieces: Map<string, number[]>;
  /** The number of ids, keys and pieces in both. */
  count: number;
}

/** Where an id came. Without an index it is the record's own id. */
interface Place {
  readonly offset: number;
  readonly index: number | undefined;
}

type IsAgain = (id: string, offset: number, index: number | undefined) => boolean;

type Marked = Pick<Envelope, "messageId" | "contentType" | "body" | "packId">;

/** The key of a pack. Its id is that of its first message, which may come again alone when the pack is taken apart. */
function packKey(id: string): string {
  return `${id}+`;
}
