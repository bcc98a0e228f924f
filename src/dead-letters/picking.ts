import type { GetMessage } from "amqplib";
import type { Errand } from "./errand.ts";
import { matches } from "./filter.ts";
import { type DeadLetter, letterOf } from "./letter.ts";
import { detailOf, jsonOf, rowOf } from "./print.ts";
import { isReading, type Request } from "./request.ts";
import type { Output } from "./summary.ts";
import type { Fate } from "./walk.ts";

/** Prints or deletes the letters that a request selects, or counts what it would put back or delete. */
export class Picking implements Errand {
  readonly #request: Request;
  readonly #output: Output;
  readonly #nowMs: number;
  count = 0;
  unknown = 0;
  readonly stranded: ReadonlyMap<string, number> = new Map();

  /** @param nowMs milliseconds since 1970 */
  constructor(request: Request, output: Output, nowMs: number) {
    this.#request = request;
    this.#output = output;
    this.#nowMs = nowMs;
  }

  get isDone(): boolean {
    return isReading(this.#request) && this.count >= this.#request.countMax;
  }

  fateOf(message: GetMessage): Fate {
    const { action, filter, isDryRun } = this.#request;
    const letter = letterOf(message);
    if (!matches(filter, letter, this.#nowMs) || this.isDone) return "stays";
    if (action === "replay" && letter.group === undefined) {
      this.unknown++;
      return "stays";
    }
    this.count++;
    if (!isReading(this.#request)) return isDryRun ? "stays" : "goes";
    this.#print(letter);
    return "stays";
  }

  #print(letter: DeadLetter): void {
    const { action, isJson } = this.#request;
    if (isJson) this.#output.write(`${jsonOf(letter)}\n`);
    else
      this.#output.write(
        `${action === "show" ? detailOf(letter, this.#nowMs) : rowOf(letter, this.#nowMs)}\n`,
      );
  }
}
