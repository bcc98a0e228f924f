/** Knows which clients are on a topic, of all managers. */
export interface PresenceSource {
  /** @returns why the topic cannot be watched, in words for a client */
  watch(topic: string, watcher: TopicWatcher): TopicView | string;
  /** The last client that watched the topic has gone. */
  unwatch(topic: string): void;
}

/** Is told about a topic, but not in the turn of the event loop in which watching began. */
export interface TopicWatcher {
  /** From now on the members are known. */
  ready(): void;
  /** The clients that came and went since the last call; both may be empty, if those that came have gone again. */
  changed(joined: readonly string[], left: readonly string[]): void;
  /** There are more members than can be kept. Nothing more is told. */
  overfull(): void;
}

/** The members at this moment, after `ready`. */
export interface TopicView {
  /** The ids of the members. */
  readonly members: Iterable<string>;
  /** How many members there are. */
  readonly count: number;
  /** Managers that have not told their members. Their clients may appear later. */
  readonly missing: readonly string[];
  /** Whether a change is pending that `changed` will tell soon. */
  readonly hasChanged: boolean;
}
