import type { Fields, Logger } from "./logger.ts";

/** The least time between two lines of one kind, in milliseconds. */
const everyMs = 1000;

interface Pending {
  count: number;
  fields: Fields;
  readonly timer: NodeJS.Timeout;
}

/**
 * Lines at level `info` about things that may happen very often: the first of a kind at once, then at most one a second, with how many
 * there were. The kinds are fixed in the program.
 */
export class PacedLines<Kind extends string> {
  readonly #logger: Logger;
  readonly #messages: Readonly<Record<Kind, string>>;
  readonly #pending = new Map<Kind, Pending>();

  constructor(logger: Logger, messages: Readonly<Record<Kind, string>>) {
    this.#logger = logger;
    this.#messages = messages;
  }

  /** @param fields of the last one, if several share a line */
  say(kind: Kind, fields: Fields): void {
    const pending = this.#pending.get(kind);
    if (pending !== undefined) {
      pending.count++;
      pending.fields = fields;
      return;
    }
    this.#logger.info(this.#messages[kind], fields);
    this.#wait(kind);
  }

  /** Prints what is still to be printed. */
  close(): void {
    for (const [kind, pending] of this.#pending) {
      clearTimeout(pending.timer);
      this.#tell(kind, pending);
    }
    this.#pending.clear();
  }

  #wait(kind: Kind): void {
    const timer = setTimeout(() => {
      const pending = this.#pending.get(kind)!;
      this.#pending.delete(kind);
      if (pending.count === 0) return;
      this.#tell(kind, pending);
      this.#wait(kind);
    }, everyMs);
    timer.unref();
    this.#pending.set(kind, { count: 0, fields: {}, timer });
  }

  #tell(kind: Kind, { count, fields }: Pending): void {
    if (count > 0) this.#logger.info(this.#messages[kind], count === 1 ? fields : { ...fields, count });
  }
}
