import type { ChannelModel } from "amqplib";
import { isBlocked, watchAsking } from "../frames/innards.ts";
import { rejectAfter } from "./reject-after.ts";

/**
 * Waits for the first of several promises, which set a connection up or tell of its end. A busy RabbitMQ may take long in all, as long as
 * each single answer comes in time.
 *
 * @param limitMs how long an answer may take, in milliseconds
 * @throws Error if one does not come in time, or if the first promise rejects
 */
export async function whileAnswered(
  connection: ChannelModel,
  limitMs: number,
  first: readonly Promise<void>[],
): Promise<void> {
  let asked = "nothing";
  const timeout = rejectAfter(
    limitMs,
    () => `setting up took too long: it was asked last for ${asked}`,
    // Then it reads no questions either.
    () => isBlocked(connection),
  );
  const unwatch = watchAsking(connection, (what) => {
    asked = what;
    timeout.refresh();
  });
  try {
    await Promise.race([...first, timeout.promise]);
  } finally {
    timeout.cancel();
    unwatch();
  }
}
