import type { GetMessage } from "amqplib";
import type { Fate, Walked } from "./walk.ts";

/** What a command does with each dead letter on a walk, and what it has done so far. */
export interface Errand {
  /** Those that it was for, and that it did something with. */
  readonly count: number;
  /** Those that name no group, so that they cannot be put back. */
  readonly unknown: number;
  /** How many stay since their groups have no queues, by group. */
  readonly stranded: ReadonlyMap<string, number>;
  /** Whether it needs no more of them. */
  readonly isDone: boolean;
  /**
   * Deals with one.
   *
   * @throws FatalError if RabbitMQ does not do what it is asked to
   */
  fateOf(message: GetMessage, walked: Walked): Fate | Promise<Fate>;
}
