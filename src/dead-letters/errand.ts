import type { GetMessage } from "amqplib";
import type { Fate, Walked } from "./walk.ts";

/** What a command does with each dead letter during a walk, and the result so far. */
export interface Errand {
  /** How many letters it has handled. */
  readonly count: number;
  /** How many letters name no group, so that they cannot be put back. */
  readonly unknown: number;
  /** How many letters stay because their group has no queue, by group. */
  readonly stranded: ReadonlyMap<string, number>;
  /** Whether it needs no more letters. */
  readonly isDone: boolean;
  /**
   * Handles one letter.
   *
   * @throws FatalError if RabbitMQ refuses something
   */
  fateOf(message: GetMessage, walked: Walked): Fate | Promise<Fate>;
}
