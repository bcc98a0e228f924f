import { type EventRecord, eventKeys } from "../broker/events.ts";
import type { ClientEvent, Snapshot } from "./event.ts";

/** What the log says of one source. */
interface Account {
  /** The clients of the connections that are open, by the name of the connection. */
  readonly open: Map<string, string>;
  /** Whether the log was read from a snapshot on, so that no connection can be missing. */
  isWhole: boolean;
  hasEnded: boolean;
  /** The manager, as its snapshot or its events name it. */
  manager: string;
}

/**
 * Reads the log of events, and knows afterwards which connections are open by it: those that have a `connected`, or were in a
 * snapshot, and have no `disconnected`, whoever published that. It keeps the sources that it was asked for alone, and so no more than
 * their clients.
 */
export class Ledger {
  readonly #accounts = new Map<string, Account>();
  readonly #wants: (source: string) => boolean;
  /** Records that nobody could have published who means well. */
  foreignCount = 0;

  /** @param wants the sources that it is for */
  constructor(wants: (source: string) => boolean) {
    this.#wants = wants;
  }

  take({ source, key, body }: EventRecord): void {
    if (key === eventKeys.mark) return;
    const said = parse(body);
    if (said === undefined) {
      this.foreignCount++;
      return;
    }
    if (key === eventKeys.ended) {
      const { ended } = said as { readonly ended?: unknown };
      if (typeof ended === "string" && this.#wants(ended)) this.#end(ended);
      return;
    }
    if (key === eventKeys.disconnected) {
      // Another manager may speak for it.
      const { connection } = said as Partial<ClientEvent>;
      for (const { open } of this.#accounts.values()) if (connection !== undefined) open.delete(connection);
      return;
    }
    if (!this.#wants(source)) return;
    if (key === eventKeys.connected) this.#connect(source, said as Partial<ClientEvent>);
    else if (key === eventKeys.snapshot) this.#snapshot(source, said as Partial<Snapshot>);
  }

  /** The sources that it has read of, without those that have ended. */
  get sources(): readonly string[] {
    return [...this.#accounts].filter(([, { hasEnded }]) => !hasEnded).map(([source]) => source);
  }

  /** The clients of the connections that are open, by the name of the connection. */
  openOf(source: string): ReadonlyMap<string, string> {
    return this.#accounts.get(source)?.open ?? new Map();
  }

  managerOf(source: string): string {
    return this.#accounts.get(source)?.manager ?? source;
  }

  /** Whether it has read all that the source has said since a snapshot. */
  isWhole(source: string): boolean {
    const account = this.#accounts.get(source);
    return account !== undefined && (account.isWhole || account.hasEnded);
  }

  #accountOf(source: string): Account {
    let account = this.#accounts.get(source);
    if (account === undefined) {
      account = { open: new Map(), isWhole: false, hasEnded: false, manager: source };
      this.#accounts.set(source, account);
    }
    return account;
  }

  #end(source: string): void {
    const account = this.#accountOf(source);
    account.open.clear();
    account.hasEnded = true;
  }

  #connect(source: string, { connection, client, manager }: Partial<ClientEvent>): void {
    if (typeof connection !== "string" || typeof client !== "string") return void this.foreignCount++;
    const account = this.#accountOf(source);
    account.open.set(connection, client);
    if (typeof manager === "string") account.manager = manager;
  }

  #snapshot(source: string, { part, entries, manager }: Partial<Snapshot>): void {
    if (typeof part !== "number" || !Array.isArray(entries)) return void this.foreignCount++;
    const account = this.#accountOf(source);
    if (typeof manager === "string") account.manager = manager;
    if (part === 0) {
      account.open.clear();
      account.isWhole = true;
    }
    for (const [connection, client] of entries) account.open.set(connection, client);
  }
}

function parse(body: Uint8Array): object | undefined {
  try {
    const said: unknown = JSON.parse(decoder.decode(body));
    return typeof said === "object" && said !== null ? said : undefined;
  } catch {
    // A program with RabbitMQ's password can write anything there.
    return undefined;
  }
}

const decoder = new TextDecoder();
