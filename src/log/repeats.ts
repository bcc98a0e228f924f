import type { Envelope } from "../envelope/envelope.ts";
import { hasKey, mayHaveKeys, onceIdIn } from "../envelope/once-id.ts";
import { packedContentType } from "../envelope/packing.ts";
import { RecentKeys } from "../envelope/recent-keys.ts";
import type { KnownRepeats, Repeated } from "./known-repeats.ts";
import { isWarrens, isWarrensAnswer } from "./own-ids.ts";
import type { LogRecord } from "./record.ts";
import { SeenIds } from "./seen.ts";

/** What the keys that are remembered take together, in bytes: about 20,000 of them. */
const keysBytesMax = 4 * 1024 ** 2;
/** While what came before is still being read, this many of the ids that have come are kept to be compared with it. */
const sinceStartMax = 65_536;
/** Logs before this one whose ids are remembered: some that are deleted one after another. */
const logsMax = 3;

/**
 * Finds what is in the log more than once: what a manager or processor had to publish again since a confirm was lost, and the answers to a
 * message that was handled again. Warren's processes give what they publish ids that are the same each time, and nobody else's. Ids of
 * other programs are not looked at: some of them count from 1 again after a restart.
 *
 * Of two messages with the same idempotency key, that two managers took before either had heard of the other's, the later one is a
 * repeat, if it was taken within the window that its id names.
 */
export class Repeats {
  #seen = new SeenIds();
  /**
   * What was in the logs before this one, of the last one first: what is published again after a deletion may be deleted with the next
   * log. These ids are heard of no more, but a reader of this log gets them.
   */
  #before: readonly SeenIds[] = [];
  /** Made with the first key: most systems use none. */
  #keys: RecentKeys | undefined;
  /** The id of the record that was marked last. */
  #marked: string | undefined;
  readonly #known: KnownRepeats | undefined;
  /** What has come first since the start; undefined once what came before has been read. */
  #sinceStart: SinceStart | undefined;
  /** The ids of what came before, until `#seen` remembers as many by itself. */
  #past: SeenIds | undefined;
  #isPast = false;

  /** Messages that were found to be in the log before. */
  count = 0;

  /** @param known learns of all that are found */
  constructor(known?: KnownRepeats) {
    this.#known = known;
  }

  /** Notes which of a record's messages are repeats. Each record once, in the order of the log. */
  mark(record: LogRecord, envelope: Marked): void {
    this.#known?.reachesBackTo(record.offset);
    this.#mark(record, envelope);
    if (record.repeated !== undefined) this.#known?.add(record.offset, record.repeated);
  }

  /** What came before the first record that was marked will be read, and handed to `markPast` until `pastEnded`. */
  pastFollows(): void {
    this.#sinceStart = { places: new Map(), pieces: new Map(), count: 0 };
    this.#past = new SeenIds();
  }

  /** Marks a record that came before the first one that was marked. Call it in the order of the log. */
  markPast(record: LogRecord, envelope: Marked): void {
    if (this.#sinceStart === undefined) return;
    const marked = this.#marked;
    this.#isPast = true;
    this.#mark(record, envelope);
    this.#isPast = false;
    this.#marked = marked;
    if (record.repeated !== undefined) this.#known?.add(record.offset, record.repeated);
  }

  /** Adds what has become known of a record since it was marked. */
  tell(record: LogRecord): void {
    this.#known?.tell(record);
  }

  /** @param from the offset of the first record of the past that was read; undefined if none was, or if it was not read to its end */
  pastEnded(from: number | undefined): void {
    this.#sinceStart = undefined;
    if (from !== undefined) this.#known?.reachesBackTo(from);
  }

  /** What comes next is of another log: what is in both is a repeat to those that have heard it, and none to those that read this one. */
  restart(): void {
    this.#before = [this.#seen, ...this.#before].slice(0, logsMax);
    this.#seen = new SeenIds();
    // Keys that were taken lately have a book of their own: see `once.ts`.
    this.#keys = undefined;
    this.#sinceStart = undefined;
    this.#past = undefined;
    this.#known?.restart();
  }

  #mark(record: LogRecord, { messageId, contentType, body, packId }: Marked): void {
    this.#marked = messageId;
    // A copy, which an older version's binding may bring here, comes before its pack and has its id.
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
    // Packs of answers, each of which has its question's id, may have some of them again; and those of managers have keys.
    // The ids are read without the bodies.
    if (isAnswer) return;
    if (messageId.startsWith("processor-")) this.#markEach(record, isWarrensAnswer, this.#isAgain);
    else if (contentType === packedContentType && mayHaveKeys(body))
      this.#markEach(record, hasKey, this.#isKeyAgain);
  }

  /** Whether it was in a log before this one. */
  #wasBefore(id: string): boolean {
    return this.#before.some((seen) => seen.has(id));
  }

  /** Whether the pack that a message was taken out of had come before. */
  #hasPack(packId: string | undefined, offset: number): boolean {
    if (packId === undefined) return false;
    const key = packKey(packId);
    const isKnown = (!this.#isPast && this.#seen.has(key)) || this.#past?.has(key) === true;
    if (isKnown) this.count++;
    else if (!this.#isPast) this.#notePiece(key, offset);
    return isKnown;
  }

  /** The pack may turn out to have come before. */
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

  readonly #isAgain: IsAgain = (id, offset, index) => this.#isRepeat(this.#sawAgain(id), id, offset, index);

  /** Remembers it. Returns whether it was known. */
  #sawAgain(id: string): boolean {
    if (this.#isPast) return this.#past!.sawAgain(id);
    const isKnown = this.#seen.sawAgain(id);
    if (this.#past === undefined) return isKnown;
    if (this.#seen.hasForgotten && this.#sinceStart === undefined) this.#past = undefined;
    return isKnown || this.#past?.has(id) === true;
  }

  readonly #isKeyAgain: IsAgain = (id, offset, index) => {
    const once = onceIdIn(id);
    if (once === undefined) return false;
    this.#keys ??= new RecentKeys(keysBytesMax);
    return this.#isRepeat(this.#keys.sawAgain(once), once.key, offset, index);
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

  /** What came first since the start was taken for the only one, and so were the pieces of a pack. */
  #isRepeatInPast({ places, pieces }: SinceStart, isKnown: boolean, id: string, offset: number): boolean {
    // A record that is read once more does not repeat itself.
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

  /** Whether the answer to a request, of the record that was marked last, has been here before. One that is alone in it was asked for then. */
  hasSeen(id: string): boolean {
    if (id === this.#marked || !isWarrensAnswer(id)) return false;
    const isKnown = this.#sawAgain(id) || this.#wasBefore(id);
    if (isKnown) this.count++;
    return isKnown;
  }
}

/** What was taken for new since the start, until it is known what came before. */
interface SinceStart {
  /** Where each id or key was. */
  readonly places: Map<string, Place>;
  /** Where the messages were that were taken out of a pack, by the pack's. */
  readonly pieces: Map<string, number[]>;
  /** The number of ids, keys and pieces in both. */
  count: number;
}

/** Where an id was: undefined: it is the record's own. */
interface Place {
  readonly offset: number;
  readonly index: number | undefined;
}

type IsAgain = (id: string, offset: number, index: number | undefined) => boolean;

type Marked = Pick<Envelope, "messageId" | "contentType" | "body" | "packId">;

/** A pack has its first message's id, which comes once more if the pack is taken apart. */
function packKey(id: string): string {
  return `${id}+`;
}
