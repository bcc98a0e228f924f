import { readFileSync } from "node:fs";
import { FatalError, reasonOf } from "../../errors.ts";
import { type Keys, NotAKey } from "./keys.ts";
import type { KeySource } from "./tokens.ts";

/** Keys from a file, which is read at the start and on each reload. */
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
   * Reads the file. If it cannot be used, the previous keys stay in force.
   *
   * @throws FatalError with one line that names the file, and never its content
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
