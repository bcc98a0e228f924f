import type { GetMessage } from "amqplib";
import type { Errand } from "./errand.ts";
import { type Filter, matches } from "./filter.ts";
import { letterOf } from "./letter.ts";
import type { Replay } from "./replay.ts";
import type { Fate, Walked } from "./walk.ts";

/** Puts the letters back that a filter selects, during a walk, and counts the results. */
export class Replaying implements Errand {
  readonly #replay: Replay;
  readonly #filter: Filter;
  readonly #nowMs: number;
  // A letter that was put back and has failed again comes last. It is not put back twice.
  readonly #again = new Set<string>();
  /** How many letters were put back. */
  count = 0;
  unknown = 0;
  readonly isDone = false;
  readonly stranded = new Map<string, number>();

  /** @param nowMs milliseconds since 1970 */
  constructor(replay: Replay, filter: Filter, nowMs: number) {
    this.#replay = replay;
    this.#filter = filter;
    this.#nowMs = nowMs;
  }

  /** @throws FatalError if RabbitMQ does not take the message */
  async fateOf(message: GetMessage, { seen, of }: Walked): Promise<Fate> {
    const letter = letterOf(message);
    const { group } = letter;
    const key = `${group} ${letter.id}`;
    if (seen >= of && (letter.id === undefined || this.#again.has(key))) return "end";
    if (!matches(this.#filter, letter, this.#nowMs)) return "stays";
    if (group === undefined) {
      this.unknown++;
      return "stays";
    }
    if (!(await this.#replay.putBack(message, group))) {
      this.stranded.set(group, (this.stranded.get(group) ?? 0) + 1);
      return "stays";
    }
    this.#again.add(key);
    this.count++;
    return "goes";
  }
}
