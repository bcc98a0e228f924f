import { type EventRecord, eventKeys } from "../broker/events.ts";
import type { Entry, Passage } from "./event.ts";
import { objectIn } from "./json.ts";
import { connectionOf } from "./untold.ts";

/** What the log says of one source. */
interface Account {
  /** The clients of the connections that are open, by the name of the connection. */
  open: Map<string, string>;
  /** What came of a snapshot whose last part has not come: its manager may have died before it. */
  begun: Map<string, string> | undefined;
  /** Whether the log was read from a snapshot on, or to the source's end, so that no connection can be missing. */
  isWhole: boolean;
}

/**
 * Reads the log of events, and knows afterwards which connections are open by it: those that have a `connected`, were in a
 * snapshot or came while no program listened, and have no `disconnected`, no matter who published that. It keeps the sources that it was asked for alone, and so no more than
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
    if (key === eventKeys.mark || (isOfSource(key) && !this.#wants(source))) return;
    const said = objectIn(body);
    if (said === undefined) return;
    const { connection, client, ended, part, parts, entries } = said;
    if (key === eventKeys.ended) {
      if (typeof ended === "string" && this.#wants(ended)) replace(this.#accountOf(ended), new Map());
    } else if (key === eventKeys.disconnected) {
      // Another manager may speak for it.
      this.#close(connection);
    } else if (key === eventKeys.connected) this.#open(source, [connection, client]);
    else if (key === eventKeys.clients) this.#passed(source, said);
    else if (key === eventKeys.snapshot && Array.isArray(entries)) {
      const account = this.#accountOf(source);
      if (part === 0) account.begun = new Map();
      const { open, begun } = account;
      for (const entry of entries.filter(isEntry)) (begun ?? open).set(entry[0], entry[1]);
      if (begun !== undefined && part === Number(parts) - 1) replace(account, begun);
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

  #passed(
    source: string,
    { manager, opened, clients, closed }: Partial<Record<keyof Passage, unknown>>,
  ): void {
    if (typeof manager !== "string" || ![opened, clients, closed].every(Array.isArray)) return;
    for (const [at, number] of (opened as readonly unknown[]).entries()) {
      if (typeof number !== "number") continue;
      const connection = connectionOf(manager, number);
      this.#open(source, [connection, (clients as readonly unknown[])[at] ?? connection]);
    }
    for (const number of closed as readonly unknown[])
      if (typeof number === "number") this.#close(connectionOf(manager, number));
  }

  #open(source: string, entry: unknown): void {
    if (!isEntry(entry)) return;
    const { open, begun } = this.#accountOf(source);
    open.set(entry[0], entry[1]);
    begun?.set(entry[0], entry[1]);
  }

  #close(connection: unknown): void {
    if (typeof connection !== "string") return;
    for (const { open, begun } of this.#accounts.values()) {
      open.delete(connection);
      begun?.delete(connection);
    }
  }

  #accountOf(source: string): Account {
    let account = this.#accounts.get(source);
    if (account === undefined) {
      account = { open: new Map(), begun: undefined, isWhole: false };
      this.#accounts.set(source, account);
    }
    return account;
  }
}

/** Whether that is said of the clients of its source alone: what is not wanted need not be read. */
function isOfSource(key: string): boolean {
  return key === eventKeys.connected || key === eventKeys.clients || key === eventKeys.snapshot;
}

/** Any program may have made it up. */
function isEntry(value: unknown): value is Entry {
  return Array.isArray(value) && typeof value[0] === "string" && typeof value[1] === "string";
}

/** What was known of the source before is over. */
function replace(account: Account, open: Map<string, string>): void {
  account.open = open;
  account.begun = undefined;
  account.isWhole = true;
}
