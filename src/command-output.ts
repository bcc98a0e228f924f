import type { Writable } from "node:stream";
import { codeOf, FatalError, reasonOf } from "./errors.ts";

/**
 * What a command prints. Printing is what it is for, as logging is not for a process that serves. So the command does not end before
 * its reader has everything, and fails if the text cannot be written: dead letters that were saved on a full disk are not saved.
 */
export class CommandOutput {
  readonly #stream: Writable & { readonly isTTY?: boolean };
  #unwritten = 0;
  #fault: Error | undefined;
  #allIsWritten: () => void = () => undefined;

  constructor(stream: Writable & { readonly isTTY?: boolean }) {
    this.#stream = stream;
  }

  /** Whether somebody watches. */
  get isTTY(): boolean {
    return this.#stream.isTTY === true;
  }

  write(text: string): void {
    this.#unwritten++;
    this.#stream.write(text, (fault) => {
      this.#fault ??= fault ?? undefined;
      if (--this.#unwritten === 0) this.#allIsWritten();
    });
  }

  /**
   * Resolves when everything is written, or when its reader has gone, as `head` does when it has enough.
   *
   * @throws FatalError if it could not be written
   */
  async written(): Promise<void> {
    if (this.#unwritten > 0) await new Promise<void>((resolve) => (this.#allIsWritten = resolve));
    if (this.#fault === undefined || codeOf(this.#fault) === "EPIPE") return;
    throw new FatalError(`the output could not be written: ${reasonOf(this.#fault)}`);
  }
}
