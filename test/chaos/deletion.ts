import { reasonOf } from "../../src/errors.ts";
import { type Channel, onChannel } from "../faults/probe.ts";
import { until } from "../support/wait.ts";
import type { Loss } from "./book.ts";

/** RabbitMQ was started a moment ago and has not opened the queue yet. It refuses to delete it, and nothing is deleted. */
const unopened = /of durable queue .* is down or inaccessible/;

/**
 * Deletes a queue or an exchange as an operator would, who tries again while RabbitMQ cannot be reached, or has not opened the queue.
 *
 * @param losses gets the time in which it went
 * @param patienceMs how long it tries to connect, and how long it tries to delete, in milliseconds
 */
export async function deleteFrom(
  url: string,
  kind: "queue" | "exchange",
  name: string,
  losses: Loss[],
  patienceMs: number,
): Promise<void> {
  const attempt = async () => {
    const { error, ...loss } = await tryToDelete(url, kind, name, patienceMs);
    if (error !== undefined && unopened.test(reasonOf(error))) return undefined;
    // If it failed, it may go at some moment after: what was under way counts as gone either way.
    losses.push(loss);
    return { error };
  };
  const { error } = await until(
    attempt,
    `RabbitMQ has opened ${name}, so that it can be deleted`,
    patienceMs,
  );
  if (error !== undefined) throw error;
}

/** @returns when, and why RabbitMQ did not delete it; no reason if it did */
async function tryToDelete(
  url: string,
  kind: "queue" | "exchange",
  name: string,
  patienceMs: number,
): Promise<Loss & { readonly error: unknown }> {
  const act = async (channel: Channel) => {
    // RabbitMQ refuses by closing the channel. The call that it refused says why.
    channel.on("error", () => undefined);
    const from = performance.now();
    const deleting = kind === "queue" ? channel.deleteQueue(name) : channel.deleteExchange(name);
    const error = await deleting.then(
      () => undefined,
      (reason: unknown) => reason,
    );
    return { from, to: performance.now(), error };
  };
  return await onChannel(url, act, patienceMs);
}
