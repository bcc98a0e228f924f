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

/** The list keeps this many entries, the newest ones. Folded messages count. */
export const entriesMax = 1000;

/** How many messages are shown of one second. The others of that second are folded into one line. */
export const shownPerSecondMax = 40;

/** How many messages are shown besides these after a reconnect, since missed messages come all at once. */
const missedShownMax = 200;

/** An entry before it gets its id and its place in the list. */
type Draft = Entry extends infer E ? (E extends Entry ? Omit<E, "id" | "atMs"> : never) : never;

/**
 * The list of messages, independent of how it is drawn. Ids rise by one, so a view remembers the last id that it drew, and asks
 * `takeChanged()` for older entries that have changed. Everything in it is capped: entries, their texts, and messages that wait for an
 * answer.
 */
export class Conversation {
  readonly entries: Entry[] = [];
  /** How many messages were sent and received since the page was opened. */
  messages = 0;
  /** How many messages were removed from the list to make room. */
  evicted = 0;
  /** How many messages are sent and received in a second. */
  readonly pace = new Pace();
  /** How many messages are folded. */
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

  /** The broker has confirmed it, perhaps after its answer came. */
  markConfirmed(receipt: string, nowMs: number): void {
    const entry = this.#awaited.confirmed(receipt);
    if (entry === undefined) return;
    entry.confirmedAtMs = nowMs;
    this.#become(entry, entry.state === "processed" ? "processed" : "confirmed");
  }

  /**
   * The message came back, with the id that the manager gave it.
   *
   * @param isLogged whether it came through the log, so that the broker has it
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

  /** The manager has refused a message. Returns whether it was this page's. */
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

  /** The connection was lost. Whether unconfirmed messages arrived is unknown until they, or their answers, come from the log. */
  markUnsure(): void {
    for (const entry of this.#awaited.unconfirmed) if (entry.state === "sent") this.#become(entry, "unsure");
  }

  /** The page has reconnected, and missed messages come now. */
  expectMissed(): void {
    this.#rate.allowBesides(missedShownMax);
  }

  /** The page has joined another topic, and will not see answers on the old one. */
  forgetUnanswered(): void {
    this.#awaited.forgetUnanswered();
  }

  /** Whether messages are folded at the moment. */
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
    // A message may have very many answers. The first one is always shown.
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

  /** The fold at the end of the list, or a new one. */
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
