/** Is told what became of a message that was handed to the broker. One of the two methods is called, once. */
export interface Waiter {
  /** Whether nobody waits for it: it may be told some tens of milliseconds later, if that makes the broker's work less. */
  readonly isPatient?: boolean;
  /** The broker has confirmed the message. */
  confirmed(): void;
  /** The broker will not take the message, and it is not sent again. `why` is a sentence for its sender. */
  setAside(why: string): void;
}
