import type { Channel } from "amqplib";

/** Gives the connection up. */
export type Drop = (why: string) => void;

/** A channel's end for a reason of its own ends the connection. */
export function watch(channel: Channel, drop: Drop): void {
  channel.on("error", (error: Error) => drop(error.message));
  channel.on("close", () => drop("channel closed"));
}
