import { TagWindow } from "../../../collections/tag-window.ts";

/** The first envelope has yet to be written. */
const due = { is: "due" } as const;
/** The channel has taken an envelope, so it will take the others. */
const passed = { is: "passed" } as const;
type State =
  | typeof due
  /** `provesQueues`: if only copies were due, nothing goes to Warren's queues, so the next envelope is a trial too. */
  | { readonly is: "on its way"; readonly provesQueues: boolean }
  | typeof passed;

/** The trial of a channel, by its first envelope. No I/O. */
export class Trial {
  #state: State = due;
  /** The unsettled parts of the trial envelope. */
  readonly #tried = new TagWindow<true>();

  get isDue(): boolean {
    return this.#state === due;
  }

  get isPassed(): boolean {
    return this.#state === passed;
  }

  /** The first envelope is about to be written. @param provesQueues whether a part of it goes to Warren's own queues */
  begin(provesQueues: boolean): void {
    this.#state = { is: "on its way", provesQueues };
  }

  /** The envelope was written, as so many AMQP messages. */
  written(parts: number): void {
    for (let part = 0; part < parts; part++) this.#tried.add(true);
  }

  /** RabbitMQ has confirmed this tag; with `multiple`, all up to it. Returns whether it has taken the whole envelope with that. */
  taken(tag: number, multiple: boolean): boolean {
    this.#tried.settle(tag, multiple);
    if (this.#state.is !== "on its way" || this.#tried.open > 0) return false;
    this.#state = this.#state.provesQueues ? passed : due;
    return true;
  }
}
