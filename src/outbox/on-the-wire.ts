import { TagWindow } from "../collections/tag-window.ts";
import type { Sent } from "../envelope/sealing.ts";

/** The envelopes on the wire that are not confirmed, and whether anybody waits for that. */
export class OnTheWire extends TagWindow<Sent> {
  /** How many envelopes have a waiter that is not patient. */
  #awaited = 0;
  #isAskedAfter = false;

  /** Whether anybody waits to hear of a confirm. */
  get isAwaited(): boolean {
    return this.#awaited > 0 || this.#isAskedAfter;
  }

  override add(sent: Sent): number {
    if (isAwaited(sent)) this.#awaited++;
    return super.add(sent);
  }

  override settle(tag: number, multiple: boolean): Sent[] {
    const settled = super.settle(tag, multiple);
    for (const sent of settled) if (isAwaited(sent)) this.#awaited--;
    if (settled.length > 0) this.#isAskedAfter = false;
    return settled;
  }

  override reset(): Sent[] {
    this.#awaited = 0;
    this.#isAskedAfter = false;
    return super.reset();
  }

  /** Whether one of the first `sequence` messages is not confirmed. Whoever asks that waits for it. */
  hasUpTo(sequence: number): boolean {
    this.#isAskedAfter = this.some((sent) => sent.sequence <= sequence);
    return this.#isAskedAfter;
  }
}

function isAwaited({ waiters }: Sent): boolean {
  return waiters.some((waiter) => waiter !== undefined && waiter.isPatient !== true);
}
