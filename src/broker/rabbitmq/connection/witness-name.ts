/**
 * The name of the exchange that is there for as long as a queue is (`publishing/witnesses.ts`).
 *
 * @param slot the number that its publishing connection has for itself
 */
export function witnessOf(queue: string, slot: number): string {
  return `${queue}.witness-${slot}`;
}

/** The queue whose witness has this name; undefined if it is the name of something else. */
export function witnessedBy(exchange: string): string | undefined {
  return /^(.+)\.witness-\d+$/.exec(exchange)?.[1];
}

/** The name of the exchange that is there for as long as another exchange is. No witness of a queue can have this name. */
export function exchangeWitnessOf(exchange: string, slot: number): string {
  return `${exchange}.exchange-witness-${slot}`;
}

/** The exchange whose witness has this name; undefined if it is the name of something else. */
export function witnessedExchange(exchange: string): string | undefined {
  return /^(.+)\.exchange-witness-\d+$/.exec(exchange)?.[1];
}

/** The queue that belongs to the connection that has this slot. No group's queue can have this name. */
export function slotQueue(slot: number): string {
  return `towsmanager.witness-${slot}`;
}
