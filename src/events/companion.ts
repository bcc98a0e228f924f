/** What goes the same way between managers as the events of clients do: presence. */
export interface Companion {
  /** A manager told all of them, or this one. @param said what any program may have made up */
  heard(said: unknown): void;
  /** What is told arrives from now on; what was told before may be lost. */
  opened(): void;
  /** What was on its way is lost. */
  closed(): void;
  /** A manager is gone for good, and its clients were told to be disconnected. */
  gone(manager: string): void;
  /** Clients that have no id of their own may have other names than before. */
  renamed(): void;
  /** Once in a while: what was told may have been lost. */
  beat(): void;
}
