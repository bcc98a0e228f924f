import type { LoopTime, Task } from "../ops/loop-time.ts";
import { TimeShare } from "./time-share.ts";

/** Lists take at most one part in so many of the time, and may take that of this many milliseconds at once. */
const part = 4;
const aheadMs = 500;

/**
 * The topics of which other managers, and this one, are to get all members. Anybody can cause very many, and some are very long. So they are
 * told by turns with everything else, to one manager after another.
 */
export class WholeLists implements Task {
  readonly #loop: () => LoopTime;
  readonly #tell: (manager: string, topics: Iterable<string>) => void;
  readonly #share = new TimeShare(part, aheadMs);
  /** The topics of each manager. */
  readonly #due = new Map<string, Set<string>>();
  #timer: NodeJS.Timeout | undefined;

  /**
   * @param loop shares out the event loop's time; called when there is something to tell
   * @param tell tells a manager all members of these topics. It stops to ask for topics when there is no more time
   */
  constructor(loop: () => LoopTime, tell: (manager: string, topics: Iterable<string>) => void) {
    this.#loop = loop;
    this.#tell = tell;
  }

  /** A manager is to get all members of a topic, which are known. */
  add(manager: string, topic: string): void {
    const topics = this.#due.get(manager);
    if (topics === undefined) this.#due.set(manager, new Set([topic]));
    else topics.add(topic);
    this.#soon();
  }

  /** The manager does not need the topic's members any more. */
  drop(manager: string, topic: string): void {
    const topics = this.#due.get(manager);
    if (topics?.delete(topic) === true && topics.size === 0) this.#due.delete(manager);
  }

  run(untilMs: number): void {
    const beganMs = performance.now();
    const isOver = () => performance.now() >= untilMs;
    for (const [manager, topics] of this.#due) {
      this.#tell(manager, takenFrom(topics, isOver));
      // What is left comes after the others.
      this.#due.delete(manager);
      if (topics.size > 0) this.#due.set(manager, topics);
      if (isOver()) break;
    }
    this.#share.spent(beganMs, performance.now() - beganMs);
    if (this.#due.size > 0) this.#soon();
  }

  close(): void {
    clearTimeout(this.#timer);
    if (this.#due.size > 0) this.#loop().forget(this);
    this.#due.clear();
  }

  #soon(): void {
    if (this.#timer !== undefined) return;
    const { restMs } = this.#share;
    if (restMs === 0) this.#loop().ask(this);
    else
      this.#timer = setTimeout(() => {
        this.#timer = undefined;
        this.#loop().ask(this);
      }, restMs);
  }
}

/** Takes topics out of the set, at least one, until there is no more time. */
function* takenFrom(topics: Set<string>, isOver: () => boolean): Iterable<string> {
  for (const topic of topics) {
    topics.delete(topic);
    yield topic;
    if (isOver()) return;
  }
}
