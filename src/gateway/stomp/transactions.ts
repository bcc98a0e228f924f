import { exactMessageCostBytes, receiptCostBytes } from "../../costs.ts";
import type { OutgoingMessage } from "../../message.ts";
import { StompFault } from "../../wire/stomp/fault.ts";
import { named } from "../../wire/stomp/frames.ts";

/** A SEND that waits for its transaction's COMMIT. */
export interface Pending {
  readonly message: OutgoingMessage;
  /** What its SEND asked for; undefined: nothing. */
  readonly receipt: string | undefined;
}

/** Transactions that a client may have open at once. */
const openMax = 100;

/** The transactions that a client has begun and not ended. */
export class Transactions {
  readonly #open = new Map<string, Pending[]>();
  readonly #bytesMax: number;
  #bytes = 0;

  /** @param bytesMax what all of a client's open transactions may hold together */
  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
  }

  /** What they hold, in bytes. */
  get bytes(): number {
    return this.#bytes;
  }

  /** @throws StompFault */
  begin(name: string): void {
    if (this.#open.has(name)) throw new StompFault(`transaction "${name}" has begun already`);
    if (this.#open.size >= openMax)
      throw new StompFault(`more than ${openMax} open transactions`, { reason: "transactions" });
    this.#open.set(name, []);
  }

  /** @throws StompFault */
  add(name: string, pending: Pending): void {
    const sends = this.#find(name);
    this.#bytes += costBytes(pending);
    if (this.#bytes > this.#bytesMax)
      throw new StompFault(`open transactions hold more than ${this.#bytesMax} bytes`, {
        reason: "transactions",
      });
    sends.push(pending);
  }

  /**
   * Its SENDs in order. It is open no more.
   *
   * @throws StompFault
   */
  end(name: string): readonly Pending[] {
    const sends = this.#find(name);
    this.#open.delete(name);
    for (const pending of sends) this.#bytes -= costBytes(pending);
    return sends;
  }

  #find(name: string): Pending[] {
    const sends = this.#open.get(name);
    if (sends === undefined) throw new StompFault(`there is no transaction "${name}": BEGIN it first`);
    return sends;
  }
}

/**
 * A client's transactions; it has none before its first BEGIN.
 *
 * @throws StompFault that names the transaction it asked for
 */
export function begun(transactions: Transactions | undefined, name: string): Transactions {
  if (transactions !== undefined) return transactions;
  throw new StompFault(`there is no transaction ${named(name)}: BEGIN it first`);
}

function costBytes({ message, receipt }: Pending): number {
  return exactMessageCostBytes(message) + receiptCostBytes(receipt);
}
