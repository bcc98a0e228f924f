/** Knows which clients are on a topic, on all managers. */
export interface PresenceSource {
  /** @returns why it cannot be watched, in words for a client */
  watch(topic: string, watcher: TopicWatcher): TopicView | string;
  /** The last client that watched has gone. */
  unwatch(topic: string): void;
}

/** Hears of a topic, in a later turn than that in which it began to watch. */
export interface TopicWatcher {
  /** The members are known from now on. */
  ready(): void;
  /** Who came and who went since it was told last; nobody, if those that came have gone again. */
  changed(joined: readonly string[], left: readonly string[]): void;
  /** More members than can be kept: nothing more is told. */
  overfull(): void;
}

/** The members at this moment, after `ready`. */
export interface TopicView {
  /** The ids of those on it. */
  readonly members: Iterable<string>;
  /** How many they are. */
  readonly count: number;
  /** Managers that have not said who is there: their clients may join later. */
  readonly missing: readonly string[];
  /** There is something that `changed` has not told yet, and will tell soon. */
  readonly hasChanged: boolean;
}
