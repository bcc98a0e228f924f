import { type Maker, questionIn } from "../../src/message-id.ts";
import type { OwnEntry } from "./entry.ts";
import { OwnMessages } from "./own-messages.ts";
import { Unanswered } from "./unanswered.ts";

/** What is still to come of one's own messages: the broker's confirm, they themselves as all others get them, and answers. */
export class Awaited {
  readonly #unconfirmed = new OwnMessages();
  readonly #unheard = new OwnMessages();
  /** Those that have come back, by what their answers' ids begin with. */
  readonly #asked = new OwnMessages();
  /** Where an answer's id does not tell what it answers, the text that it repeats does. */
  readonly #unanswered = new Unanswered();

  sent(entry: OwnEntry, body: string | Uint8Array, receipt: string): void {
    if (typeof body === "string") this.#unanswered.add(body, entry);
    this.#unconfirmed.add(receipt, entry);
    this.#unheard.add(receipt, entry);
  }

  /** The message that the broker has now; undefined if that was known, or it is none of this page's. */
  confirmed(receipt: string): OwnEntry | undefined {
    return this.#unconfirmed.take(receipt);
  }

  /** The message that has come back, with this id; undefined if that was known, or it is none of this page's. */
  heardBack(receipt: string, id: string | undefined): OwnEntry | undefined {
    const entry = this.#unheard.take(receipt);
    if (entry !== undefined && id !== undefined) this.#asked.add(questionIn(id), entry);
    return entry;
  }

  /** The message that the manager did not take: nothing more will come of it. */
  refused(receipt: string): OwnEntry | undefined {
    const entry = this.#unconfirmed.take(receipt);
    if (entry === undefined) return undefined;
    this.#unheard.take(receipt);
    this.#unanswered.remove(entry);
    return entry;
  }

  /** Those that the broker may not have. */
  get unconfirmed(): Iterable<OwnEntry> {
    return this.#unconfirmed.entries();
  }

  /** The message that was answered, if it is one of this page's. Those of a processor may have more answers than one. */
  answeredBy(maker: Maker, repeated: string): OwnEntry | undefined {
    if (maker.is !== "processor") return this.#unanswered.take(repeated);
    const entry = this.#asked.find(maker.question);
    if (entry !== undefined) this.#unanswered.remove(entry);
    return entry;
  }

  /** Another topic was joined: answers on the old one will not be seen. */
  forgetUnanswered(): void {
    this.#unanswered.clear();
  }
}
