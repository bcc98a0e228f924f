import type { Waiter } from "../envelope/waiter.ts";
import type { OutgoingMessage } from "../message.ts";
import type { Level } from "../ops/logger.ts";
import type { Command } from "./command.ts";
import type { DeadLetters } from "./dead-letters.ts";
import type { DeskAnswer } from "./desk.ts";

/** What all managers answered to a command. */
export interface AllAnswers {
  /** The answers, one from each manager. */
  readonly answers: readonly DeskAnswer[];
  /** The managers that did not answer in time. */
  readonly missing: readonly string[];
}

/** The log level, which can be changed while the process runs. */
export interface LogLevel {
  readonly level: Level;
  /** Sets the level. It applies at once. */
  changeLevel(level: Level): void;
}

/** What the control API uses. */
export interface ControlOptions {
  /** Reads the token that a request has to bring. @throws FatalError if it cannot be read */
  token(): string;
  /** Asks all managers, including this one. */
  askAll(command: Command): Promise<AllAnswers>;
  /**
   * Passes a message for clients to the broker. If its key is known it is not published again (`once.ts`). Until the keys from before the
   * start are known, a message with a key waits.
   *
   * @param key undefined: it is never a repeat
   * @returns `full` if there is no room for more waiting messages
   */
  publish(
    message: OutgoingMessage,
    waiter: Waiter,
    key: string | undefined,
  ): Promise<"new" | "repeated" | "reused" | "too many" | "full">;
  /** Refuses the tokens of a client that were issued before now, for this many milliseconds. @returns why that is not possible */
  revoke(client: string, forMs: number): Promise<string | undefined>;
  /** Why the broker could not carry it; undefined if it could. */
  unfitnessOf(message: OutgoingMessage): { readonly why: string } | undefined;
  /** Has this manager's clients leave over this time, in milliseconds, and then stops it. Returns the time that they have: less, if another one ends sooner. */
  drain(overMs: number): number;
  /** The level of this process's logger. */
  level(): LogLevel;
  /** Undefined if the broker keeps none. */
  deadLetters(): DeadLetters | undefined;
  /** Larger bodies are refused. In bytes. */
  readonly maxMessageBytes: number;
  /** How long RabbitMQ may take to confirm a message, in milliseconds. */
  readonly confirmMsMax: number;
  /** Called for a request without the right token. */
  onRefused(): void;
}
