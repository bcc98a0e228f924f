import { type Entry, type OwnEntry, processedPrefix } from "./entry.ts";
import { excerpt, hexPreview } from "./excerpt.ts";
import { RateWindow } from "./rate-window.ts";
import { Unanswered } from "./unanswered.ts";

/** The list keeps the newest ones. */
export const entriesMax = 500;

/** More than anyone reads in a second; the rest of that second is counted in one line. */
export const shownPerSecondMax = 40;

/** What a kind of entry is made of, before it gets its place in the list. */
type Draft = Entry extends infer E ? (E extends Entry ? Omit<E, "id" | "atMs"> : never) : never;

/**
 * The list of messages, without a screen. Ids rise by one, so a view follows it by remembering the last id it
 * drew, plus `takeChanged()` for what changed since. Everything in it is capped: entries, their texts, the
 * messages that wait for an answer.
 */
export class Conversation {
  readonly entries: Entry[] = [];
  /** Messages, own or not, since the page was opened. */
  messages = 0;
  /** Messages that were in the list and had to make room. */
  evicted = 0;

  #nextId = 1;
  #changed = new Set<Entry>();
  #floodedAtMs = Number.NEGATIVE_INFINITY;
  readonly #unanswered = new Unanswered();
  readonly #rate = new RateWindow(shownPerSecondMax, 1_000);

  write(text: string, topic: string, nowMs: number): OwnEntry {
    this.messages += 1;
    return this.#append(
      { kind: "own", text: excerpt(text), topic, state: "waiting", sentAtMs: 0, tookMs: 0 },
      nowMs,
    ) as OwnEntry;
  }

  markSent(entry: OwnEntry, text: string, nowMs: number): void {
    entry.state = "sent";
    entry.sentAtMs = nowMs;
    this.#unanswered.add(text, entry);
    this.#changed.add(entry);
  }

  receiveText(text: string, nowMs: number): void {
    this.messages += 1;
    const processed = text.startsWith(processedPrefix);
    const answered = processed ? this.#unanswered.take(text.slice(processedPrefix.length)) : undefined;
    if (answered !== undefined) {
      answered.state = "processed";
      answered.tookMs = nowMs - answered.sentAtMs;
      this.#changed.add(answered);
      this.#append({ kind: "processed", text: excerpt(text), answersOwn: true }, nowMs);
    } else if (!this.#rate.admits(nowMs)) this.#count(nowMs);
    else if (processed) this.#append({ kind: "processed", text: excerpt(text), answersOwn: false }, nowMs);
    else this.#append({ kind: "other", text: excerpt(text) }, nowMs);
  }

  receiveBinary(bytes: Uint8Array, nowMs: number): void {
    this.messages += 1;
    if (!this.#rate.admits(nowMs)) this.#count(nowMs);
    else this.#append({ kind: "binary", sizeBytes: bytes.length, preview: hexPreview(bytes) }, nowMs);
  }

  note(text: string, nowMs: number): void {
    this.#append({ kind: "event", text }, nowMs);
  }

  /** The connection was lost: whether what was sent last arrived is unknown. Its answer may still come. */
  markUnsure(): void {
    for (const entry of this.#unanswered.entries()) {
      if (entry.state !== "sent") continue;
      entry.state = "unsure";
      this.#changed.add(entry);
    }
  }

  /** Another topic was joined: answers on the old one will not be seen. */
  forgetUnanswered(): void {
    this.#unanswered.clear();
  }

  /** Whether messages are being counted rather than shown, just now. */
  floods(nowMs: number): boolean {
    return nowMs - this.#floodedAtMs < 1_500;
  }

  takeChanged(): ReadonlySet<Entry> {
    const changed = this.#changed;
    this.#changed = new Set();
    return changed;
  }

  #count(nowMs: number): void {
    this.#floodedAtMs = nowMs;
    const last = this.entries.at(-1);
    if (last?.kind !== "gap") {
      this.#append({ kind: "gap", count: 1 }, nowMs);
      return;
    }
    last.count += 1;
    this.#changed.add(last);
  }

  #append(draft: Draft, atMs: number): Entry {
    const entry = { ...draft, id: this.#nextId++, atMs } as Entry;
    this.entries.push(entry);
    if (this.entries.length > entriesMax) {
      const oldest = this.entries.shift()!;
      this.#changed.delete(oldest);
      if (oldest.kind === "gap") this.evicted += oldest.count;
      else if (oldest.kind !== "event") this.evicted += 1;
    }
    return entry;
  }
}
