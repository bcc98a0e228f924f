/** The defaults suit production, tests shorten them. In milliseconds. */
export interface PresenceTiming {
  /** The time between two times that an owner tells what has changed, and that a watcher's manager tells its clients. */
  readonly gatherMs: number;
  /** The time between two looks at all clients for topics that somebody begins to watch. */
  readonly lookEveryMs: number;
  /** How long managers may take to say who is there. Those that did not are named. */
  readonly answerMsMax: number;
  /** How long a topic is kept that nobody watches any more: clients that come back need not wait. */
  readonly lingerMs: number;
  /** How often an owner is asked to say all again, at most. */
  readonly resendEveryMs: number;
}

/** The timing unless another one is given. */
export const defaultPresenceTiming: PresenceTiming = {
  gatherMs: 50,
  lookEveryMs: 100,
  answerMsMax: 1000,
  lingerMs: 10_000,
  resendEveryMs: 1000,
};
