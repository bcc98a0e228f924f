import { unserved } from "../connection/watch.ts";
import { exchanges } from "./exchanges.ts";
import type { QueueDepth } from "./queue-inspector.ts";

/** RabbitMQ says of a queue that is down that nothing is in it and that nobody consumes it. */
export function isIdle({ messages, consumers }: QueueDepth): boolean {
  return messages === 0 && consumers === 0;
}

/** Whether a queue that was down is served again, or has gone. */
export function isUp(depth: QueueDepth | undefined): boolean {
  return depth === undefined || !isIdle(depth);
}

/**
 * Why messages are refused, and what to do about it, in words for an operator.
 *
 * @param refusing undefined if the queue is not known: another program's, or that of a group that is not in the ledger
 */
export function whyRefused(refusing: QueueDepth | undefined, exchange: string): string {
  if (refusing === undefined)
    return `RabbitMQ refuses messages: a queue bound to ${exchange} is full, or down; rabbitmqctl list_queues name state messages consumers shows which`;
  const { queue, messages, consumers } = refusing;
  if (isIdle(refusing)) return unserved(queue);
  if (queue === exchanges.dead)
    return `the queue ${queue} is full with ${messages} messages: look at them and replay or purge them (warren dead-letters)`;
  const group = queue.slice(exchanges.fromClients.length + 1);
  const state =
    consumers === 0
      ? `nobody consumes it: start a processor (--group ${group}), or remove the group if it was abandoned: warren groups remove ${group}`
      : `its ${consumers} consumers are too slow: start more processors (--group ${group})`;
  return `the queue ${queue} of the group ${group} is full with ${messages} messages, and ${state}`;
}
