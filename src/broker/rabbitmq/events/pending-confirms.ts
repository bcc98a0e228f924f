import { TagWindow } from "../../../collections/tag-window.ts";

/** What was written on a channel and is not confirmed yet. */
export class PendingConfirms {
  readonly #window = new TagWindow<true>();
  #onSettled: (() => void)[] = [];

  /** So many messages were written. */
  add(count: number): void {
    for (let written = 0; written < count; written++) this.#window.add(true);
  }

  /** RabbitMQ has confirmed or refused this tag; with `multiple`, all up to it. */
  settle(tag: number, multiple: boolean): void {
    this.#window.settle(tag, multiple);
    if (this.#window.open === 0) for (const then of this.#onSettled.splice(0)) then();
  }

  /** Resolves when nothing is unconfirmed. */
  async settled(): Promise<void> {
    if (this.#window.open > 0) await new Promise<void>((resolve) => this.#onSettled.push(resolve));
  }
}
