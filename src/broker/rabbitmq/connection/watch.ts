import type { Channel } from "amqplib";
import { codeOf, reasonOf } from "../../../errors.ts";
import type { Refusal } from "../../broker.ts";

/** Gives the connection up. An error is passed on as it is, since its code tells what the next attempt has to expect. */
export type Drop = (why: string | Error) => void;

/** A channel's end for a reason of its own ends the connection. */
export function watch(channel: Channel, drop: Drop): void {
  channel.on("error", (error: Error) => drop(lossOf(error)));
  channel.on("close", () => drop("channel closed"));
}

/** What RabbitMQ's closes say of the whole, and not of a message: its stop, a right that is missing, a thing that is not there, or is another's. */
const ordinaryCodes: readonly unknown[] = [200, 320, 403, 404, 405];

/**
 * RabbitMQ's own fault: with it 3.10 also answers whatever is on its way, or is asked, while a queue is deleted. It may be over
 * when a whole connection has been set up again.
 */
const internalError = 541;

/** The close of a connection or a channel, as amqplib tells of it; undefined if RabbitMQ did not close it over what it was sent. */
export function refusalOf(error: unknown): Refusal | undefined {
  const why = reasonOf(error);
  // amqplib has codes of its own for what it finds wrong itself.
  const [, what] = /^(Channel closed by server|Connection closed): /.exec(why) ?? [];
  if (what === undefined || ordinaryCodes.includes(codeOf(error))) return undefined;
  return {
    reason: what === "Connection closed" ? "connectionClosed" : "channelClosed",
    why: `RabbitMQ refuses it: ${why}`,
    isDoubtful: codeOf(error) === internalError,
  };
}

/** How RabbitMQ says that it has a queue and cannot use it: 4.x of a stream, 3.10 of a stream, and any of a queue that it has not recovered. */
const unopened =
  /does not have a (?:running )?replica on the local node|no_local_stream_replica_available|of durable queue .* is down or inaccessible/;

/** Why a connection was lost or could not be set up, as an operator needs to know it. */
export function whyLost(error: Error): string {
  const why = reasonOf(error);
  if (!unopened.test(why)) return why;
  return `RabbitMQ has a queue and has not opened it: it may be starting still; if that stays so, see "A queue that RabbitMQ does not open" in docs/operations.md (${why})`;
}

/** Why a channel has ended. What RabbitMQ misses is said in other words than its own. */
export function lossOf(error: Error): string | Error {
  const [, kind, name] = /NOT_FOUND - no (queue|exchange) '([^']*)'/.exec(reasonOf(error)) ?? [];
  return kind === undefined ? error : `the ${kind} ${name} is missing: declaring it again`;
}
