import { type Entry, type OwnEntry, type OwnState, processedPrefix } from "./entry.ts";
import { excerpt, hexPreview } from "./excerpt.ts";
import { RateWindow } from "./rate-window.ts";
import { Unanswered } from "./unanswered.ts";
import { Unconfirmed } from "./unconfirmed.ts";

/** The list keeps the newest ones. */
export const entriesMax = 500;

/** More than anyone reads in a second; the rest of that second is counted in one line. */
export const shownPerSecondMax = 40;

/** What came while the page was away comes all at once: so many of it are shown besides. */
export const missedShownMax = 200;

/** A message that came, and is not one's own. */
export interface ReceivedMessage {
  readonly body: string | Uint8Array;
  readonly topic: string;
  readonly isDirect: boolean;
  /** Whether a client said it: then it is no processor's, whatever it looks like. */
  readonly isFromClient: boolean;
}

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
  readonly #unconfirmed = new Unconfirmed();
  readonly #rate = new RateWindow(shownPerSecondMax, 1_000);

  write(text: string, topic: string, nowMs: number): OwnEntry {
    this.messages += 1;
    return this.#append(
      { kind: "own", text: excerpt(text), topic, state: "waiting", sentAtMs: 0, tookMs: 0 },
      nowMs,
    ) as OwnEntry;
  }

  markSent(entry: OwnEntry, text: string, receipt: string, nowMs: number): void {
    entry.sentAtMs = nowMs;
    this.#unanswered.add(text, entry);
    this.#unconfirmed.add(receipt, entry);
    this.#become(entry, "sent");
  }

  /** The broker has it. The answer may have been faster. */
  markConfirmed(receipt: string): void {
    const entry = this.#unconfirmed.take(receipt);
    if (entry !== undefined && entry.state !== "processed") this.#become(entry, "confirmed");
  }

  /** False if it is no message of this page that the manager refused. */
  markRefused(receipt: string): boolean {
    const entry = this.#unconfirmed.take(receipt);
    if (entry === undefined) return false;
    this.#unanswered.remove(entry);
    this.#become(entry, "refused");
    return true;
  }

  receive({ body, topic, isDirect, isFromClient }: ReceivedMessage, nowMs: number): void {
    this.messages += 1;
    if (typeof body !== "string") {
      this.#receive(
        { kind: "binary", sizeBytes: body.length, preview: hexPreview(body), topic, isDirect },
        nowMs,
      );
      return;
    }
    if (isFromClient || !body.startsWith(processedPrefix)) {
      this.#receive({ kind: "other", text: excerpt(body), topic, isDirect }, nowMs);
      return;
    }
    const answered = this.#unanswered.take(body.slice(processedPrefix.length));
    const answersOwn = answered !== undefined;
    const draft = { kind: "processed", text: excerpt(body), answersOwn, topic, isDirect } as const;
    if (answered === undefined) {
      this.#receive(draft, nowMs);
      return;
    }
    answered.tookMs = nowMs - answered.sentAtMs;
    this.#become(answered, "processed");
    this.#append(draft, nowMs);
  }

  note(text: string, nowMs: number): void {
    this.#append({ kind: "event", text }, nowMs);
  }

  /** The log does not reach back to where the page was. */
  noteMissing(nowMs: number): void {
    this.#append({ kind: "missing" }, nowMs);
  }

  /** The connection was lost: whether what was sent last arrived is unknown, until it, or its answer, is in the log. */
  markUnsure(): void {
    for (const entry of this.#unconfirmed.entries())
      if (entry.state === "sent") this.#become(entry, "unsure");
  }

  /** What was missed comes now, if there was anything. */
  expectMissed(): void {
    this.#rate.allowBesides(missedShownMax);
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

  #become(entry: OwnEntry, state: OwnState): void {
    entry.state = state;
    this.#changed.add(entry);
  }

  #receive(draft: Draft, nowMs: number): void {
    if (this.#rate.admits(nowMs)) this.#append(draft, nowMs);
    else this.#count(nowMs);
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
      else if (oldest.kind !== "event" && oldest.kind !== "missing") this.evicted += 1;
    }
    return entry;
  }
}
