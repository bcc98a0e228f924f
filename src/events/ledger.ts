import { type EventRecord, eventKeys } from "../broker/events.ts";
import { objectIn } from "./json.ts";

/** What the log says of one source. */
interface Account {
  /** The clients of the connections that are open, by the name of the connection. */
  readonly open: Map<string, string>;
  /** Whether the log was read from a snapshot on, or to the source's end, so that no connection can be missing. */
  isWhole: boolean;
}

/**
 * Reads the log of events, and knows afterwards which connections are open by it: those that have a `connected`, or were in a
 * snapshot, and have no `disconnected`, no matter who published that. It keeps the sources that it was asked for alone, and so no more than
 * their clients.
 */
export class Ledger {
  readonly #accounts = new Map<string, Account>();
  readonly #wants: (source: string) => boolean;

  /** @param wants the sources that it is for */
  constructor(wants: (source: string) => boolean) {
    this.#wants = wants;
  }

  take({ source, key, body }: EventRecord): void {
    if (key === eventKeys.mark) return;
    const said = objectIn(body);
    if (said === undefined) return;
    const { connection, client, ended, part, entries } = said;
    if (key === eventKeys.ended) {
      if (typeof ended === "string" && this.#wants(ended)) this.#beginWhole(ended);
    } else if (key === eventKeys.disconnected) {
      // Another manager may speak for it.
      if (typeof connection === "string")
        for (const { open } of this.#accounts.values()) open.delete(connection);
    } else if (!this.#wants(source)) return;
    else if (key === eventKeys.connected) {
      if (typeof connection === "string" && typeof client === "string")
        this.#accountOf(source).open.set(connection, client);
    } else if (key === eventKeys.snapshot && Array.isArray(entries)) {
      if (part === 0) this.#beginWhole(source);
      const { open } = this.#accountOf(source);
      for (const [name, whose] of entries as [string, string][]) open.set(name, whose);
    }
  }

  /** The clients of the connections that are open, by the name of the connection. */
  openOf(source: string): ReadonlyMap<string, string> {
    return this.#accounts.get(source)?.open ?? new Map();
  }

  /** Whether it has read all that the source has said since a snapshot. */
  isWhole(source: string): boolean {
    return this.#accounts.get(source)?.isWhole === true;
  }

  /** What was known of the source before is over. */
  #beginWhole(source: string): void {
    const account = this.#accountOf(source);
    account.open.clear();
    account.isWhole = true;
  }

  #accountOf(source: string): Account {
    let account = this.#accounts.get(source);
    if (account === undefined) {
      account = { open: new Map(), isWhole: false };
      this.#accounts.set(source, account);
    }
    return account;
  }
}
