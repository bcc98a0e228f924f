import type { Channel } from "amqplib";
import { codeOf, reasonOf } from "../../../errors.ts";
import type { Refusal } from "../../broker.ts";
import { internalError } from "../frames/amqp-wire.ts";
import { witnessedBy } from "./witness-name.ts";

/** Gives a connection up. An error is passed on as it is, since its code matters for the next attempt. */
export type Drop = (why: string | Error) => void;

/** Ends the connection when the channel ends by itself. */
export function watch(channel: Channel, drop: Drop): void {
  channel.on("error", (error: Error) => drop(lossOf(error)));
  channel.on("close", () => drop("channel closed"));
}

/**
 * Close codes of RabbitMQ that are not about a message: it stops, a right is missing, something does not exist, or it belongs to another
 * connection.
 */
const ordinaryCodes: readonly unknown[] = [200, 320, 403, 404, 405];

/** Interprets how a connection or channel was closed. Undefined if RabbitMQ did not close it over what it was sent. */
export function refusalOf(error: unknown): Refusal | undefined {
  const why = reasonOf(error);
  // amqplib has other codes for errors that it finds itself.
  const [, what] = /^(Channel closed by server|Connection closed): /.exec(why) ?? [];
  if (what === undefined || ordinaryCodes.includes(codeOf(error))) return undefined;
  return {
    reason: what === "Connection closed" ? "connectionClosed" : "channelClosed",
    why: `RabbitMQ refuses it: ${why}`,
    // RabbitMQ 3.10 also answers so to whatever is sent while a queue is deleted. It may be over when the connection has been set up again.
    // Every version also answers so to a client that consumes a quorum queue that is down.
    isDoubtful: codeOf(error) === internalError,
  };
}

/**
 * RabbitMQ's answers for a queue that exists but cannot be used: 4.x for a stream, 3.10 for a stream, and any version for a queue that it
 * has not recovered.
 */
const unopened =
  /does not have a (?:running )?replica on the local node|no_local_stream_replica_available|of durable queue .* is down or inaccessible/;

/** RabbitMQ's answer where a queue in the place of a stream is to be read as one. */
const noStream = /invalid arg 'x-stream-offset' for queue '([^']+)'/;

/** The chapter for an operator about a queue that RabbitMQ has and does not serve. */
export const chapter = '"A queue that RabbitMQ does not open" in docs/operations.md';

const restart = `restart RabbitMQ's node (rabbitmqctl stop_app, then start_app), which loses nothing: see ${chapter}`;

/** What an operator is told of a queue that RabbitMQ has and does not serve: `down` in `rabbitmqctl list_queues name state`. */
export function unserved(queue: string): string {
  return `RabbitMQ has the queue ${queue} and does not serve it: it may be starting still; if that stays so, ${restart}`;
}

/** What an operator is told where RabbitMQ fails while it is asked for a queue's messages. While a queue is deleted, that means nothing. */
export function perhapsUnserved(queue: string): string {
  return `RabbitMQ failed when it was to serve the queue ${queue}: that passes if it is starting or deletes a queue; if it stays so, the queue is down: ${restart}`;
}

/** What amqplib and `FrameReader` say of bytes that are no frame of AMQP. */
const noFrame = /^(?:Invalid frame|Frame size \d+ exceeds maxFrameSize \d+)/;

/** Why a connection was lost or could not be set up, in words for an operator. */
export function whyLost(error: Error): string {
  const why = reasonOf(error);
  if (noFrame.test(why))
    return `what came is not AMQP: something on the way to RabbitMQ, such as a proxy, drops or changes bytes, or --broker names a port where something else answers (${why})`;
  const [, queue] = noStream.exec(why) ?? [];
  if (queue !== undefined)
    return `the queue ${queue} is no stream: delete it, and it is declared anew (${why})`;
  if (!unopened.test(why)) return why;
  return `RabbitMQ has a queue and has not opened it: it may be starting still; if that stays so, see ${chapter} (${why})`;
}

/** Why a channel has ended. If something is missing in RabbitMQ, the reason is in other words than RabbitMQ's. */
export function lossOf(error: Error): string | Error {
  const [, kind, name] = /NOT_FOUND - no (queue|exchange) '([^']*)'/.exec(reasonOf(error)) ?? [];
  if (kind === undefined || name === undefined) return error;
  const witnessed = kind === "exchange" ? witnessedBy(name) : undefined;
  // RabbitMQ 4.3 may have the queue for a moment longer than its witness.
  if (witnessed !== undefined)
    return `the ${witnessed} is missing: declaring it again, unless there is another one by now`;
  return `the ${kind} ${name} is missing: declaring it again`;
}

/** Whether RabbitMQ has closed the connection over what it was sent, and would do so again only over the same. */
export function isOverMessage(fault: Error): boolean {
  return refusalOf(fault)?.isDoubtful === false;
}
