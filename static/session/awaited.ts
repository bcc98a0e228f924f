import { type Maker, questionIn } from "../../src/message-id.ts";
import type { OwnEntry } from "./entry.ts";
import { OwnMessages } from "./own-messages.ts";
import { Unanswered } from "./unanswered.ts";

/** Own messages that still wait for something: the broker's confirm, their return through the log, or answers. */
export class Awaited {
  readonly #unconfirmed = new OwnMessages();
  readonly #unheard = new OwnMessages();
  /** Messages that have come back, by the part of the id that their answers share. */
  readonly #asked = new OwnMessages();
  /** Matches answers by the text that they repeat, if their ids do not tell which message they answer. */
  readonly #unanswered = new Unanswered();

  sent(entry: OwnEntry, body: string | Uint8Array, receipt: string): void {
    if (typeof body === "string") this.#unanswered.add(body, entry);
    this.#unconfirmed.add(receipt, entry);
    this.#unheard.add(receipt, entry);
  }

  /** The message that the broker has confirmed; undefined if it was confirmed before, or is not this page's. */
  confirmed(receipt: string): OwnEntry | undefined {
    return this.#unconfirmed.take(receipt);
  }

  /** The message that has come back with this id; undefined if it came back before, or is not this page's. */
  heardBack(receipt: string, id: string | undefined): OwnEntry | undefined {
    const entry = this.#unheard.take(receipt);
    if (entry !== undefined && id !== undefined) this.#asked.add(questionIn(id), entry);
    return entry;
  }

  /** The message that the manager has refused. It waits for nothing more. */
  refused(receipt: string): OwnEntry | undefined {
    const entry = this.#unconfirmed.take(receipt);
    if (entry === undefined) return undefined;
    this.#unheard.take(receipt);
    this.#unanswered.remove(entry);
    return entry;
  }

  /** Messages that are not confirmed. */
  get unconfirmed(): Iterable<OwnEntry> {
    return this.#unconfirmed.entries();
  }

  /** The message that was answered, if it is this page's. A message may have several answers. */
  answeredBy(maker: Maker, repeated: string): OwnEntry | undefined {
    if (maker.is !== "processor") return this.#unanswered.take(repeated);
    const entry = this.#asked.find(maker.question);
    if (entry !== undefined) this.#unanswered.remove(entry);
    return entry;
  }

  /** The page has joined another topic, and will not see answers on the old one. */
  forgetUnanswered(): void {
    this.#unanswered.clear();
  }
}
