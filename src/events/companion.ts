/** Uses the same connection between managers as the events of clients: presence. */
export interface Companion {
  /** A message from another manager has come. @param said any program may have made it up */
  heard(said: unknown): void;
  /** Messages arrive from now on. Earlier ones may be lost. */
  opened(): void;
  /** Messages on their way are lost. */
  closed(): void;
  /** A manager is known from now on. */
  met(manager: string): void;
  /** A manager is gone for good, and its clients were reported as disconnected. */
  gone(manager: string): void;
  /** The names of clients without an id may have changed. */
  renamed(): void;
  /** Called regularly, since messages may have been lost. */
  beat(): void;
}
