import type { Channel } from "amqplib";

/** How long RabbitMQ gets at least and at most to notice that a consumer is gone, and how often it is asked, in milliseconds. */
const leastMs = 500;
const mostMs = 3000;
const askEveryMs = 100;

/**
 * Waits until RabbitMQ has taken back what a lost session had unacknowledged, so that it comes again before what is behind it.
 *
 * Whoever is quicker than RabbitMQ gets the later messages first: when the leader of a quorum queue is killed, a new one has to
 * be chosen, which then learns that the consumer has gone with the node (seen with 4.0). Meanwhile the queue says that it has no
 * consumers, which is what it says afterwards too, so some time has to pass in any case. In a group of several processors others
 * may get what was unacknowledged: there is nothing to wait for but the time.
 */
export async function takenBack(
  channel: Pick<Channel, "checkQueue">,
  queue: string,
  sleep: (ms: number) => Promise<void> = Bun.sleep,
): Promise<void> {
  for (let waitedMs = 0; waitedMs < mostMs; waitedMs += askEveryMs) {
    if (waitedMs >= leastMs && (await channel.checkQueue(queue)).consumerCount === 0) return;
    await sleep(askEveryMs);
  }
}
