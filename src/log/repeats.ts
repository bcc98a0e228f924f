import type { Envelope } from "../envelope/envelope.ts";
import { hasKey, isOnceAnswer, mayHaveKeys, onceIdIn } from "../envelope/once-id.ts";
import { packedContentType } from "../envelope/packing.ts";
import { RecentKeys } from "../envelope/recent-keys.ts";
import type { LogRecord } from "./record.ts";
import { SeenIds } from "./seen.ts";

/** What the keys that are remembered take together, in bytes: about 20,000 of them. */
const keysBytesMax = 4 * 1024 ** 2;

/**
 * Finds what is in the log more than once: what a manager or processor had to publish again since a confirm was lost, and the answers to a
 * message that was handled again. Warren's processes give what they publish ids that are the same each time, and nobody else's. Ids of
 * other programs are not looked at: some of them count from 1 again after a restart.
 *
 * Of two messages with the same idempotency key, that two managers took before either had heard of the other's, the later one is a
 * repeat, if it was taken within the window that its id names.
 */
export class Repeats {
  readonly #seen = new SeenIds();
  /** Made with the first key: most systems use none. */
  #keys: RecentKeys | undefined;
  /** The id of the record that was marked last. */
  #marked: string | undefined;

  /** Messages that were found to be in the log before. */
  count = 0;

  /** Notes which of a record's messages are repeats. Each record once, in the order of the log. */
  mark(record: LogRecord, { messageId, contentType, body }: Marked): void {
    this.#marked = messageId;
    // A copy, which an older version's binding may bring here, comes before its pack and has its id.
    if (messageId === undefined || record.isCopy) return;
    if (hasKey(messageId) && !messageId.includes("/")) {
      if (this.#isKeyAgain(messageId)) record.repeated = "all";
      return;
    }
    const isAnswer = messageId.includes("/");
    if (isAnswer ? !isWarrensAnswer(messageId) : !isWarrens(messageId)) return;
    if (this.#seen.sawAgain(messageId)) {
      this.count++;
      record.repeated = "all";
      return;
    }
    // Packs of answers, each of which has its question's id, may have some of them again; and those of managers have keys.
    // The ids are read without the bodies.
    if (isAnswer) return;
    if (messageId.startsWith("processor-"))
      this.#markEach(record, (id) => isWarrensAnswer(id) && this.#isSeen(id));
    else if (contentType === packedContentType && mayHaveKeys(body))
      this.#markEach(record, (id) => hasKey(id) && this.#isKeyAgain(id));
  }

  #markEach(record: LogRecord, isAgain: (id: string) => boolean): void {
    let repeated: Set<number> | undefined;
    for (const [index, { id }] of record.heads.entries()) {
      if (!isAgain(id)) continue;
      repeated ??= new Set();
      repeated.add(index);
    }
    record.repeated = repeated;
  }

  #isSeen(id: string): boolean {
    if (!this.#seen.sawAgain(id)) return false;
    this.count++;
    return true;
  }

  #isKeyAgain(id: string): boolean {
    const once = onceIdIn(id);
    if (once === undefined) return false;
    this.#keys ??= new RecentKeys(keysBytesMax);
    if (!this.#keys.sawAgain(once)) return false;
    this.count++;
    return true;
  }

  /** Whether the answer to a request, of the record that was marked last, has been here before. One that is alone in it was asked for then. */
  hasSeen(id: string): boolean {
    return id !== this.#marked && isWarrensAnswer(id) && this.#isSeen(id);
  }
}

type Marked = Pick<Envelope, "messageId" | "contentType" | "body">;

/** What a manager or processor numbers: `manager-0123456789ab-7`. */
function isWarrens(id: string): boolean {
  const at = endOfName(id);
  return at > 0 && /^(?:[a-z]+-)?\d+$/.test(id.slice(at));
}

/** `manager-0123456789ab-7/GROUP/1` */
function isWarrensAnswer(id: string): boolean {
  const at = endOfName(id);
  return at > 0 ? id.indexOf("/", at) > at : isOnceAnswer(id);
}

const hexDigits = 12;
const dash = 0x2d;

/** Where the number begins after the name of a process of Warren's; 0 if there is none. Every answer is asked, so it is no expression. */
function endOfName(id: string): number {
  const start = id.startsWith("manager-") ? 8 : id.startsWith("processor-") ? 10 : 0;
  const end = start + hexDigits;
  if (start === 0 || id.charCodeAt(end) !== dash) return 0;
  for (let at = start; at < end; at++) {
    const unit = id.charCodeAt(at);
    const isHex = (unit >= 0x30 && unit <= 0x39) || (unit >= 0x61 && unit <= 0x66);
    if (!isHex) return 0;
  }
  return end + 1;
}
