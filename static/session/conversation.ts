import { makerOf } from "../../src/message-id.ts";
import { Awaited } from "./awaited.ts";
import {
  type Entry,
  type GapEntry,
  keptOf,
  type OwnEntry,
  type OwnState,
  type ProcessedEntry,
  processedPrefix,
  type ReceivedEntry,
  type ReceivedMessage,
} from "./entry.ts";
import { excerpt, hexPreview, inWords } from "./excerpt.ts";
import { Pace } from "./pace.ts";
import { RateWindow } from "./rate-window.ts";

/** The list keeps the newest ones, those that are folded among them. */
export const entriesMax = 1000;

/** More than anyone reads in a second; the rest of that second is folded into one line. */
export const shownPerSecondMax = 40;

/** Messages that were missed come all at once when the page is back: this many of them are shown besides. */
const missedShownMax = 200;

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
  readonly #awaited = new Awaited();
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
      text: inWords(body),
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
    this.#awaited.sent(entry, body, receipt);
    this.#become(entry, "sent");
  }

  /** The broker has it. The answer may have been faster. */
  markConfirmed(receipt: string, nowMs: number): void {
    const entry = this.#awaited.confirmed(receipt);
    if (entry === undefined) return;
    entry.confirmedAtMs = nowMs;
    this.#become(entry, entry.state === "processed" ? "processed" : "confirmed");
  }

  /**
   * It came back, so that it is known what the manager has made of it, its id above all.
   *
   * @param isLogged it came through the log: so the broker has it
   */
  heardBack(
    receipt: string,
    headers: Readonly<Record<string, string>>,
    isLogged: boolean,
    nowMs: number,
  ): void {
    const entry = this.#awaited.heardBack(receipt, headers["message-id"]);
    if (entry !== undefined) {
      entry.cameBackWith = headers;
      this.#changed.add(entry);
    }
    if (isLogged) this.markConfirmed(receipt, nowMs);
  }

  /** False if it is no message of this page that the manager refused. */
  markRefused(receipt: string): boolean {
    const entry = this.#awaited.refused(receipt);
    if (entry === undefined) return false;
    this.#become(entry, "refused");
    return true;
  }

  receive({ body, topic, isDirect, headers }: ReceivedMessage, nowMs: number): void {
    this.#counted(nowMs);
    const common = { topic, isDirect, headers, body: keptOf(body) };
    const maker = makerOf(headers["message-id"]);
    const repeats = maker.is === "unknown" && typeof body === "string" && body.startsWith(processedPrefix);
    if (maker.is === "processor" || repeats) {
      const repeated = repeats ? body.slice(processedPrefix.length) : "";
      this.#answered(body, common, this.#awaited.answeredBy(maker, repeated), nowMs);
    } else if (typeof body === "string") {
      this.#receive({ kind: "other", text: excerpt(body), ...common }, nowMs);
    } else {
      this.#receive({ kind: "binary", sizeBytes: body.length, preview: hexPreview(body), ...common }, nowMs);
    }
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
    for (const entry of this.#awaited.unconfirmed) if (entry.state === "sent") this.#become(entry, "unsure");
  }

  /** What was missed comes now, if there was anything. */
  expectMissed(): void {
    this.#rate.allowBesides(missedShownMax);
  }

  /** Another topic was joined: answers on the old one will not be seen. */
  forgetUnanswered(): void {
    this.#awaited.forgetUnanswered();
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

  /** @param own the message of this page that it answers */
  #answered(
    body: string | Uint8Array,
    common: Omit<ProcessedEntry, "id" | "atMs" | "kind" | "text" | "answersOwn">,
    own: OwnEntry | undefined,
    nowMs: number,
  ): void {
    const draft = {
      kind: "processed",
      text: inWords(body),
      answersOwn: own !== undefined,
      ...common,
    } as const;
    // One message may have very many answers: the first is shown whatever else comes.
    if (own === undefined || own.processedAtMs !== undefined) {
      this.#receive(draft, nowMs);
      return;
    }
    own.processedAtMs = nowMs;
    this.#become(own, "processed");
    this.#append(draft, nowMs);
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
