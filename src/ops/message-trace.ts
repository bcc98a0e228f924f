import { type Body, bodyBytes } from "../message.ts";
import type { Logger } from "./logger.ts";

/** How many lines `auto` prints in a second. Further messages are counted. */
const linesPerSecondMax = 10;
/** How many characters of a message are printed. */
const shownCharactersMax = 200;

/**
 * Prints messages as they pass (`--log-messages`), so that a person sees the system work.
 *
 * The hot path calls `wants` first, which is a comparison and an increment, and does nothing more if the answer is no.
 */
export class MessageTrace {
  readonly #logger: Logger;
  readonly #mode: "auto" | "on" | "off";
  #linesLeft = linesPerSecondMax;
  #uncounted = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor(logger: Logger, mode: "auto" | "on" | "off") {
    this.#logger = logger;
    this.#mode = mode;
  }

  /** Whether messages are printed or counted at all. */
  get isOn(): boolean {
    return this.#mode !== "off";
  }

  /** Whether to print this message. If not, it is counted. */
  wants(): boolean {
    if (this.#mode !== "auto") return this.#mode === "on";
    if (this.#linesLeft > 0) {
      this.#linesLeft--;
      this.#timer ??= setInterval(() => this.#nextSecond(), 1000);
      return true;
    }
    this.#uncounted++;
    return false;
  }

  /** Call it only after `wants` has returned true. */
  print(
    what: string,
    body: Body,
    fields: { readonly client?: string | undefined; readonly topic: string },
  ): void {
    this.#logger.info(what, {
      ...(fields.client === undefined ? {} : { client: fields.client }),
      ...(fields.topic === "" ? {} : { topic: fields.topic }),
      message: preview(body),
    });
  }

  close(): void {
    if (this.#uncounted > 0) this.#printCount();
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  #nextSecond(): void {
    const wasBusy = this.#linesLeft < linesPerSecondMax || this.#uncounted > 0;
    if (this.#uncounted > 0) this.#printCount();
    this.#linesLeft = linesPerSecondMax;
    if (wasBusy) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  #printCount(): void {
    this.#logger.info("more messages, not printed one by one", { count: this.#uncounted });
    this.#uncounted = 0;
  }
}

function preview(body: Body): string {
  if (typeof body !== "string") return `<${bodyBytes(body)} bytes>`;
  return body.length <= shownCharactersMax
    ? body
    : `${body.slice(0, shownCharactersMax)}… (${bodyBytes(body)} bytes)`;
}
