import type { EventsLink } from "../broker/events.ts";

/** The records of revoked tokens: the broker keeps them, and every manager reads them. */
export class RevokedRecords {
  /** Called with each record, including this manager's own. */
  onRecord: (body: Uint8Array) => void = () => undefined;
  readonly #link: () => EventsLink | undefined;
  readonly #read = Promise.withResolvers<void>();

  /** @param link the link to the broker; undefined while messages do not arrive soon */
  constructor(link: () => EventsLink | undefined) {
    this.#link = link;
  }

  /** Resolves when everything that the broker had was read for the first time. */
  get read(): Promise<void> {
    return this.#read.promise;
  }

  allRead(): void {
    this.#read.resolve();
  }

  /** Keeps a record. @returns false if the broker is not there @throws if it was lost meanwhile */
  async keep(body: string): Promise<boolean> {
    const link = this.#link();
    if (link === undefined) return false;
    await link.revoke(body);
    return true;
  }
}
