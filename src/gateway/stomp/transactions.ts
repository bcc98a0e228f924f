import { exactMessageCostBytes, receiptCostBytes } from "../../costs.ts";
import type { OutgoingMessage } from "../../message.ts";
import { StompFault } from "../../wire/stomp/fault.ts";
import { named } from "../../wire/stomp/frames.ts";

/** A SEND that waits for its transaction's COMMIT. */
export interface Pending {
  readonly message: OutgoingMessage;
  /** The receipt that it asked for; undefined: none. */
  readonly receipt: string | undefined;
}

/** How many transactions a client may have open at once. */
const openMax = 100;

/** A client's open transactions. */
export class Transactions {
  readonly #open = new Map<string, Pending[]>();
  readonly #bytesMax: number;
  #bytes = 0;

  /** @param bytesMax what all open transactions of the client may hold together */
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
   * Ends a transaction and returns its SENDs in order.
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
 * A client's transactions, which it has from its first BEGIN on.
 *
 * @throws StompFault that names the transaction that was asked for
 */
export function begun(transactions: Transactions | undefined, name: string): Transactions {
  if (transactions !== undefined) return transactions;
  throw new StompFault(`there is no transaction ${named(name)}: BEGIN it first`);
}

/** What a SEND holds until it is published, in bytes. */
export function costBytes({ message, receipt }: Pending): number {
  return exactMessageCostBytes(message) + receiptCostBytes(receipt);
}
