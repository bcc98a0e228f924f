import { readFileSync } from "node:fs";
import { FatalError, reasonOf } from "../../errors.ts";
import { type Keys, NotAKey } from "./keys.ts";
import type { KeySource } from "./tokens.ts";

/** Keys from a file, read at the start and whenever the process is told to read its files again. */
export class KeyFile implements KeySource {
  readonly #path: string;
  readonly #flag: string;
  readonly #parse: (file: Buffer) => Keys | Promise<Keys>;
  #keys: Keys | undefined;

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
   * Reads the file. If it cannot be used, the keys read before stay in force.
   *
   * @throws FatalError in one line that names the file and never what is in it
   */
  async read(): Promise<void> {
    try {
      this.#keys = await this.#parse(readFileSync(this.#path));
    } catch (error) {
      const why = error instanceof NotAKey ? error.message : `cannot be read: ${reasonOf(error)}`;
      throw new FatalError(`${this.#flag} ${this.#path} ${why}`);
    }
  }
}
