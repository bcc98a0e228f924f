/**
 * The name of the exchange that is there for as long as a queue is (`publishing/witnesses.ts`).
 *
 * @param slot the number that its publishing connection has for itself
 */
export function witnessOf(queue: string, slot: number): string {
  return `${queue}.witness-${slot}`;
}

/** The name of the exchange that is there for as long as another exchange is. No witness of a queue can have this name. */
export function exchangeWitnessOf(exchange: string, slot: number): string {
  return `${exchange}.exchange-witness-${slot}`;
}

/** What is there as long as the exchange of this name is, such as `queue wsmanager.log`; undefined if it is no witness. */
export function witnessedBy(exchange: string): string | undefined {
  const [, name, ofExchange] = /^(.+)\.(exchange-)?witness-\d+$/.exec(exchange) ?? [];
  if (name === undefined) return undefined;
  return `${ofExchange === undefined ? "queue" : "exchange"} ${name}`;
}

/** The queue that belongs to the connection that has this slot. No group's queue can have this name. */
export function slotQueue(slot: number): string {
  return `towsmanager.witness-${slot}`;
}
