/** Waits for what becomes of a message that was handed to the broker. One of the two is called, once. */
export interface Waiter {
  /** The broker has it. */
  confirmed(): void;
  /** The broker will not take it, and it is not sent again. `why` is a sentence for its sender. */
  setAside(why: string): void;
}
