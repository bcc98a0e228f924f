import {
  type Entry,
  type GapEntry,
  keptOf,
  type OwnEntry,
  type OwnState,
  processedPrefix,
  type ReceivedEntry,
} from "./entry.ts";
import { excerpt, hexPreview } from "./excerpt.ts";
import { OwnByReceipt } from "./own-by-receipt.ts";
import { Pace } from "./pace.ts";
import { RateWindow } from "./rate-window.ts";
import { Unanswered } from "./unanswered.ts";

/** The list keeps the newest ones, those that are folded among them. */
export const entriesMax = 1000;

/** More than anyone reads in a second; the rest of that second is folded into one line. */
export const shownPerSecondMax = 40;

/** Messages that were missed come all at once when the page is back: this many of them are shown besides. */
const missedShownMax = 200;

/** A message that came, and is not one's own. */
export interface ReceivedMessage {
  /** Text, or bytes. */
  readonly body: string | Uint8Array;
  /** The topic that it came on. */
  readonly topic: string;
  /** It was addressed to this client. */
  readonly isDirect: boolean;
  /** Whether a client said it: then it is no processor's, whatever it looks like. */
  readonly isFromClient: boolean;
  /** The frame's headers. */
  readonly headers: Readonly<Record<string, string>>;
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
  /** How many come and go in a second. */
  readonly pace = new Pace();
  /** Entries that are folded. */
  #folded = 0;

  #nextId = 1;
  #changed = new Set<Entry>();
  #floodedAtMs = Number.NEGATIVE_INFINITY;
  readonly #unanswered = new Unanswered();
  /** The manager has not said that the broker has them. */
  readonly #unconfirmed = new OwnByReceipt();
  /** They have not come back through the log. */
  readonly #unheard = new OwnByReceipt();
  readonly #rate = new RateWindow(shownPerSecondMax, 1_000);

  write(
    body: string | Uint8Array,
    topic: string,
    nowMs: number,
    headers: Readonly<Record<string, string>> = {},
  ): OwnEntry {
    this.#counted(nowMs);
    const draft = {
      kind: "own",
      text: typeof body === "string" ? excerpt(body) : `${body.length} bytes: ${hexPreview(body)}`,
      topic,
      body: keptOf(body),
      headers,
      state: "waiting",
      sentAtMs: 0,
      confirmedAtMs: undefined,
      processedAtMs: undefined,
      cameBackWith: undefined,
    } as const;
    return this.#append(draft, nowMs) as OwnEntry;
  }

  markSent(entry: OwnEntry, body: string | Uint8Array, receipt: string, nowMs: number): void {
    entry.sentAtMs = nowMs;
    // Answers are told by the text that they repeat.
    if (typeof body === "string") this.#unanswered.add(body, entry);
    this.#unconfirmed.add(receipt, entry);
    this.#unheard.add(receipt, entry);
    this.#become(entry, "sent");
  }

  /** The broker has it. The answer may have been faster. */
  markConfirmed(receipt: string, nowMs: number): void {
    const entry = this.#unconfirmed.take(receipt);
    if (entry === undefined) return;
    entry.confirmedAtMs = nowMs;
    this.#become(entry, entry.state === "processed" ? "processed" : "confirmed");
  }

  /** It came back through the log, so the broker has it, and now it is known what the manager has made of it. */
  heardBack(receipt: string, headers: Readonly<Record<string, string>>, nowMs: number): void {
    const entry = this.#unheard.take(receipt);
    if (entry !== undefined) {
      entry.cameBackWith = headers;
      this.#changed.add(entry);
    }
    this.markConfirmed(receipt, nowMs);
  }

  /** False if it is no message of this page that the manager refused. */
  markRefused(receipt: string): boolean {
    const entry = this.#unconfirmed.take(receipt);
    if (entry === undefined) return false;
    this.#unheard.take(receipt);
    this.#unanswered.remove(entry);
    this.#become(entry, "refused");
    return true;
  }

  receive({ body, topic, isDirect, isFromClient, headers }: ReceivedMessage, nowMs: number): void {
    this.#counted(nowMs);
    const common = { topic, isDirect, headers, body: keptOf(body) };
    if (typeof body !== "string") {
      this.#receive({ kind: "binary", sizeBytes: body.length, preview: hexPreview(body), ...common }, nowMs);
      return;
    }
    if (isFromClient || !body.startsWith(processedPrefix)) {
      this.#receive({ kind: "other", text: excerpt(body), ...common }, nowMs);
      return;
    }
    const answered = this.#unanswered.take(body.slice(processedPrefix.length));
    const answersOwn = answered !== undefined;
    const draft = { kind: "processed", text: excerpt(body), answersOwn, ...common } as const;
    if (answered === undefined) {
      this.#receive(draft, nowMs);
      return;
    }
    answered.processedAtMs = nowMs;
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

  /** Whether messages are being folded rather than shown, just now. */
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

  #counted(nowMs: number): void {
    this.messages += 1;
    this.pace.count(nowMs);
  }

  #receive(draft: Draft, nowMs: number): void {
    if (this.#rate.admits(nowMs)) this.#append(draft, nowMs);
    else this.#fold(draft, nowMs);
  }

  #fold(draft: Draft, nowMs: number): void {
    this.#floodedAtMs = nowMs;
    const gap = this.#gap(nowMs);
    gap.folded.push(this.#made(draft, nowMs) as ReceivedEntry);
    this.#changed.add(gap);
    this.#folded += 1;
    this.#makeRoom();
  }

  /** The one at the end, or a new one. */
  #gap(nowMs: number): GapEntry {
    const last = this.entries.at(-1);
    if (last?.kind === "gap") return last;
    const gap = this.#made({ kind: "gap", folded: [] }, nowMs) as GapEntry;
    this.entries.push(gap);
    return gap;
  }

  #append(draft: Draft, atMs: number): Entry {
    const entry = this.#made(draft, atMs);
    this.entries.push(entry);
    this.#makeRoom();
    return entry;
  }

  #made(draft: Draft, atMs: number): Entry {
    return { ...draft, id: this.#nextId++, atMs } as Entry;
  }

  #makeRoom(): void {
    while (this.entries.length + this.#folded > entriesMax) {
      const oldest = this.entries[0]!;
      if (oldest.kind === "gap" && oldest.folded.length > 0) {
        oldest.folded.shift();
        this.#folded -= 1;
        this.evicted += 1;
        this.#changed.add(oldest);
        continue;
      }
      this.entries.shift();
      this.#changed.delete(oldest);
      if (oldest.kind !== "event" && oldest.kind !== "missing" && oldest.kind !== "gap") this.evicted += 1;
    }
  }
}
