import type { Waiter } from "../envelope/waiter.ts";
import type { OutgoingMessage } from "../message.ts";
import type { Level } from "../ops/logger.ts";
import type { Command } from "./command.ts";
import type { DeadLetters } from "./dead-letters.ts";
import type { DeskAnswer } from "./desk.ts";

/** What all managers answered to a command. */
export interface AllAnswers {
  /** One of each manager that answered. */
  readonly answers: readonly DeskAnswer[];
  /** The managers that did not answer in time. */
  readonly missing: readonly string[];
}

/** The level of what a logger prints, which can be changed while it runs. */
export interface LogLevel {
  readonly level: Level;
  /** Prints from this level on, at once. */
  changeLevel(level: Level): void;
}

/** What the API does for those who run Warren. */
export interface ControlOptions {
  /** Reads the token that a request has to bring. @throws FatalError if it cannot be read */
  token(): string;
  /** Asks all managers, this one too. */
  askAll(command: Command): Promise<AllAnswers>;
  /**
   * Hands a message to the broker, for clients. One with the key of an earlier one is not published again (`once.ts`). Until the keys of
   * the time before the start are known, one with a key waits.
   *
   * @param key undefined: there may be others like it
   * @returns `full`: as much waits for the broker as may wait
   */
  publish(
    message: OutgoingMessage,
    waiter: Waiter,
    key: string | undefined,
  ): Promise<"new" | "repeated" | "reused" | "too many" | "full">;
  /** Refuses the tokens of a client that were issued before now, for a time in milliseconds. @returns why that cannot be */
  revoke(client: string, forMs: number): Promise<string | undefined>;
  /** Why the broker could not carry it; undefined if it could. */
  unfitnessOf(message: OutgoingMessage): { readonly why: string } | undefined;
  /** Has this manager's clients leave over a time, in milliseconds, and then stops it. */
  drain(overMs: number): void;
  /** The level of this process's logger. */
  level(): LogLevel;
  /** Undefined where the broker keeps none. */
  deadLetters(): DeadLetters | undefined;
  /** A larger body is refused. In bytes. */
  readonly maxMessageBytes: number;
  /** How long RabbitMQ may take to confirm a message, in milliseconds. */
  readonly confirmMsMax: number;
  /** A request without the right token. */
  onRefused(): void;
}
