import { type EventRecord, eventKeys } from "../broker/events.ts";
import type { ClientBatch, Entry } from "./event.ts";
import { objectIn } from "./json.ts";
import { connectionOf } from "./pending-event.ts";

/** What the log says about one source. */
interface Account {
  /** The clients of its open connections, by the connection's name. */
  open: Map<string, string>;
  /** The parts of an incomplete snapshot: its manager may have died before the last one. */
  begun: Map<string, string> | undefined;
  /** Whether the log was read from a snapshot on, or to the source's end, so that no connection can be missing. */
  isWhole: boolean;
}

/**
 * Reads the log of events to find the open connections: those with a `connected`, in a snapshot, or opened while no program listened, and
 * without a `disconnected`, whoever published that. It keeps only the sources that it was asked for, and so no more than their clients.
 */
export class Ledger {
  readonly #accounts = new Map<string, Account>();
  readonly #wants: (source: string) => boolean;

  /** @param wants whether a source is needed */
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
      // Another manager may report for it.
      this.#close(connection);
    } else if (key === eventKeys.connected) this.#open(source, [connection, client]);
    else if (key === eventKeys.clients) this.#applyBatch(source, said);
    else if (key === eventKeys.snapshot && Array.isArray(entries)) {
      const account = this.#accountOf(source);
      if (part === 0) account.begun = new Map();
      const { open, begun } = account;
      for (const entry of entries.filter(isEntry)) (begun ?? open).set(entry[0], entry[1]);
      if (begun !== undefined && part === Number(parts) - 1) replace(account, begun);
    }
  }

  /** The clients of the open connections, by the connection's name. */
  openOf(source: string): ReadonlyMap<string, string> {
    return this.#accounts.get(source)?.open ?? new Map();
  }

  /** Whether everything that the source published since a snapshot was read. */
  isWhole(source: string): boolean {
    return this.#accounts.get(source)?.isWhole === true;
  }

  #applyBatch(
    source: string,
    { manager, opened, clients, closed }: Partial<Record<keyof ClientBatch, unknown>>,
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

/** Whether this is only about the clients of its source, so that it need not be read for other sources. */
function isOfSource(key: string): boolean {
  return key === eventKeys.connected || key === eventKeys.clients || key === eventKeys.snapshot;
}

/** Any program may have made it up. */
function isEntry(value: unknown): value is Entry {
  return Array.isArray(value) && typeof value[0] === "string" && typeof value[1] === "string";
}

/** Forgets what was known about the source before. */
function replace(account: Account, open: Map<string, string>): void {
  account.open = open;
  account.begun = undefined;
  account.isWhole = true;
}
