import type { PublishLink } from "../broker/broker.ts";
import type { Envelope } from "../envelope/envelope.ts";
import { reasonOf } from "../errors.ts";

/**
 * `away`: there is none. `blocked`: the broker would not read what is sent. `cooling`: the broker has refused an envelope, and
 * nothing is sent before a wait is over. `congested`: the socket takes no more at this moment. `open`: it may be sent to.
 */
export type LinkState = "away" | "blocked" | "cooling" | "congested" | "open";

/** The link of an outbox, with its state. */
export class CurrentLink {
  readonly #onOpen: () => void;
  #link: PublishLink | undefined;
  #isBlocked = false;
  #headBytesMax = Number.POSITIVE_INFINITY;
  #cooling: NodeJS.Timeout | undefined;
  #state: LinkState = "away";

  /** @param onOpen called each time that it may be sent to again */
  constructor(onOpen: () => void) {
    this.#onOpen = onOpen;
  }

  get state(): LinkState {
    return this.#state;
  }

  /** The link, if it may be sent to at this moment. */
  get open(): PublishLink | undefined {
    return this.#state === "open" ? this.#link : undefined;
  }

  /** Whether a `send` costs the broker much. False while there is no link. */
  get isCostly(): boolean {
    return this.#link?.isCostly === true;
  }

  /** What the properties and headers of an envelope may take together, by the last link; without limit until there was one. In bytes. */
  get headBytesMax(): number {
    return this.#headBytesMax;
  }

  opened(link: PublishLink): void {
    this.#headBytesMax = link.headBytesMax;
    this.#link = link;
    this.#isBlocked = false;
    this.#changed();
  }

  /** Returns how many envelopes, the last ones, it has not written. */
  closed(): number {
    const unwritten = this.#link?.unwritten ?? 0;
    this.#link = undefined;
    clearTimeout(this.#cooling);
    this.#cooling = undefined;
    this.#changed();
    return unwritten;
  }

  /** Returns why it could not write them. A link never throws: should one do so nevertheless, it may have written a part. */
  send(envelopes: readonly Envelope[]): string | undefined {
    try {
      this.#link?.send(envelopes);
    } catch (error) {
      return `it cannot be written: ${reasonOf(error)}`;
    }
    if (this.#link?.isCongested) this.#changed();
    return undefined;
  }

  /** What it was congested with has gone. */
  drained(): void {
    if (this.#state === "congested") this.#changed();
  }

  blocked(isBlocked: boolean): void {
    this.#isBlocked = isBlocked;
    this.#changed();
  }

  /** Begins a wait, in milliseconds, unless there is one already. */
  cool(ms: number): void {
    this.#cooling ??= setTimeout(() => {
      this.#cooling = undefined;
      this.#changed();
    }, ms);
    this.#changed();
  }

  /** Ends the link, since the outbox does not trust it any more: another one follows. */
  giveUp(why: string): void {
    this.#link?.giveUp(why);
    this.#link = undefined;
    this.#changed();
  }

  #changed(): void {
    const before = this.#state;
    if (this.#link === undefined) this.#state = "away";
    else if (this.#isBlocked) this.#state = "blocked";
    else if (this.#cooling !== undefined) this.#state = "cooling";
    else this.#state = this.#link.isCongested ? "congested" : "open";
    if (this.#state === "open" && before !== "open") this.#onOpen();
  }
}
