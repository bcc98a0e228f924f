import { FatalError, reasonOf } from "../../errors.ts";
import { readOptionFile } from "../../option-file.ts";
import { type Keys, NotAKey } from "./keys.ts";
import type { KeySource } from "./tokens.ts";

/** Keys from a file, which is read at the start and on each reload. */
export class KeyFile implements KeySource {
  readonly #path: string;
  readonly #flag: string;
  readonly #parse: (file: Buffer) => Keys | Promise<Keys>;
  #keys: Keys | undefined;
  /** How often the file was read, and which of these readings the keys are of. */
  #readings = 0;
  #inForce = 0;

  constructor(path: string, flag: string, parse: (file: Buffer) => Keys | Promise<Keys>) {
    this.#path = path;
    this.#flag = flag;
    this.#parse = parse;
  }

  get keys(): Keys | undefined {
    return this.#keys;
  }

  renew(): Promise<boolean> {
    return Promise.resolve(false);
  }

  /**
   * Reads the file. If it cannot be used, the previous keys stay in force. Of two readings at once the later one counts, though many keys
   * take longer to import than a few: a key that was taken out of the file must not come back.
   *
   * @throws FatalError with one line that names the file, and never its content
   */
  async read(): Promise<void> {
    const reading = ++this.#readings;
    const file = readOptionFile(this.#flag, this.#path);
    try {
      const keys = await this.#parse(file);
      if (reading < this.#inForce) return;
      this.#inForce = reading;
      this.#keys = keys;
    } catch (error) {
      const why = error instanceof NotAKey ? error.message : `cannot be read: ${reasonOf(error)}`;
      throw new FatalError(`${this.#flag} ${this.#path} ${why}`);
    }
  }
}
