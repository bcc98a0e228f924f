import type { PublishLink } from "../broker/broker.ts";
import type { Envelope } from "../envelope/envelope.ts";
import { reasonOf } from "../errors.ts";

/**
 * `away`: there is no link. `blocked`: the broker would not read what is sent. `cooling`: the broker has refused an envelope, and nothing
 * is sent until a wait is over. `congested`: the socket takes no more at this moment. `open`: ready to send.
 */
export type LinkState = "away" | "blocked" | "cooling" | "congested" | "open";

/** The link of an outbox, and its state. */
export class CurrentLink {
  readonly #onOpen: () => void;
  #link: PublishLink | undefined;
  #isBlocked = false;
  #headBytesMax = Number.POSITIVE_INFINITY;
  #cooling: NodeJS.Timeout | undefined;
  #state: LinkState = "away";

  /** @param onOpen called whenever the link becomes ready to send */
  constructor(onOpen: () => void) {
    this.#onOpen = onOpen;
  }

  get state(): LinkState {
    return this.#state;
  }

  /** The link, if it is ready to send. */
  get open(): PublishLink | undefined {
    return this.#state === "open" ? this.#link : undefined;
  }

  /** Whether a `send` costs the broker much. False while there is no link. */
  get isCostly(): boolean {
    return this.#link?.isCostly === true;
  }

  /**
   * What the properties and headers of an envelope may take together, on the current link or else the last one; without limit before the
   * first link. In bytes.
   */
  get headBytesMax(): number {
    return this.#headBytesMax;
  }

  opened(link: PublishLink): void {
    this.#headBytesMax = link.headBytesMax;
    this.#link = link;
    this.#isBlocked = false;
    this.#changed();
  }

  /** The link was lost. Returns how many of the envelopes it was given last it has not written. */
  closed(): number {
    const unwritten = this.#link?.unwritten ?? 0;
    this.#link = undefined;
    clearTimeout(this.#cooling);
    this.#cooling = undefined;
    this.#changed();
    return unwritten;
  }

  /** Sends these envelopes. Returns why that failed; a link should never throw, but if it does it may have written a part. */
  send(envelopes: readonly Envelope[]): string | undefined {
    try {
      this.#link?.send(envelopes);
    } catch (error) {
      return `it cannot be written: ${reasonOf(error)}`;
    }
    if (this.#link?.isCongested) this.#changed();
    return undefined;
  }

  /** The link is no longer congested. */
  drained(): void {
    if (this.#state === "congested") this.#changed();
  }

  blocked(isBlocked: boolean): void {
    this.#isBlocked = isBlocked;
    this.#changed();
  }

  /** Starts a wait, in milliseconds, unless one is running. */
  cool(ms: number): void {
    this.#cooling ??= setTimeout(() => {
      this.#cooling = undefined;
      this.#changed();
    }, ms);
    this.#changed();
  }

  /** Ends a link that the outbox does not trust any more. The broker then opens another one. */
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
