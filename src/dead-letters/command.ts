import type { ChannelModel } from "amqplib";
import { connectOnce, workOn } from "../broker/rabbitmq/connection/connect-once.ts";
import { brokerOptionsOf } from "../options/broker-args.ts";
import type { Errand } from "./errand.ts";
import { letterOf } from "./letter.ts";
import { Picking } from "./picking.ts";
import { tableHead } from "./print.ts";
import { Replay } from "./replay.ts";
import { Replaying } from "./replaying.ts";
import { help, isReading, type Request, requestOf } from "./request.ts";
import { clearLine, type Output, progressLine, strandedLine, summary, verbOf } from "./summary.ts";
import { type Walked, walk } from "./walk.ts";

/**
 * `warren dead-letters …`. Returns the exit code.
 *
 * @param signal ends it after the current message, and leaves nothing of its own in RabbitMQ
 * @throws UsageError, or FatalError if it fails, each with one line
 */
export async function runDeadLetters(
  args: readonly string[],
  env: Readonly<Record<string, string | undefined>>,
  output: Output,
  progress: Output,
  signal?: AbortSignal,
): Promise<number> {
  const request = requestOf(args);
  if (request === "help") {
    output.write(help);
    return 0;
  }
  const options = brokerOptionsOf(request.brokerArgs, env, "dead letters lie in RabbitMQ");
  const connection = await connectOnce(options, "dead-letters");
  return await workOn(
    connection,
    () => perform(request, connection, output, progress, signal),
    "there is no queue wsmanager.dead in this RabbitMQ: is --broker right, its vhost too?",
  );
}

async function perform(
  request: Request,
  connection: ChannelModel,
  output: Output,
  progress: Output,
  signal: AbortSignal | undefined,
): Promise<number> {
  const channel = await connection.createChannel();
  channel.on("error", () => undefined);
  const { action, filter, isDryRun, isJson } = request;
  const nowMs = Date.now();
  const replay = action === "replay" && !isDryRun ? await Replay.open(connection) : undefined;
  const errand: Errand =
    replay === undefined ? new Picking(request, output, nowMs) : new Replaying(replay, filter, nowMs);
  if (action === "list" && !isJson) output.write(`${tableHead}\n`);
  const isInterrupted = () => signal?.aborted === true;
  const missing = new Set(filter.ids);
  const walked = await walk(
    channel,
    (message, sofar) => {
      if (isInterrupted()) return "end";
      if (missing.size > 0) missing.delete(letterOf(message).id ?? "");
      return errand.fateOf(message, sofar);
    },
    progressLine(progress),
    () => isInterrupted() || errand.isDone,
  ).catch(async (error: unknown) => {
    clearLine(progress);
    if (!isReading(request))
      progress.write(`${errand.count} dead letters ${verbOf(action, isDryRun)}, then it failed\n`);
    // If the connection has gone, its exchange stays until RabbitMQ restarts. The reason for the loss is what counts.
    await replay?.close().catch(() => undefined);
    throw error;
  });
  await replay?.close();
  clearLine(progress);
  if (!isReading(request) || !isJson) progress.write(summary(request, errand, walked));
  for (const [group, count] of errand.stranded) progress.write(strandedLine(group, count));
  // Letters that were not reached may exist.
  const isWhole = walked.seen >= walked.of && !isInterrupted();
  if (isWhole) for (const id of missing) progress.write(`there is no dead letter with the id ${id}\n`);
  warnOfLooks(walked, connection, progress);
  if (isInterrupted()) {
    progress.write("interrupted: the others stay where they are\n");
    return interruptedCode;
  }
  return errand.unknown > 0 || errand.stranded.size > 0 || (isWhole && missing.size > 0) ? 1 : 0;
}

/** The exit code of a program that Ctrl-C has ended, as shells give it. */
const interruptedCode = 130;

/** Letters that were looked at this often cause a warning: RabbitMQ may drop them. */
const looksMax = 10;

/** RabbitMQ 4.0 to 4.2 counts a look as a failed delivery, and drops a message after 20 unless the queue has another limit. */
function warnOfLooks({ lookedAtBefore }: Walked, connection: ChannelModel, progress: Output): void {
  const version = String(
    (connection.connection as { serverProperties?: { version?: unknown } }).serverProperties?.version,
  );
  if (lookedAtBefore < looksMax || !/^4\.[012]\./.test(version)) return;
  progress.write(
    `warning: some have been looked at ${lookedAtBefore} times, and RabbitMQ ${version} drops what was looked at 20 times ` +
      "unless the queue has another limit: rabbitmqctl set_policy --apply-to quorum_queues dead " +
      `'^wsmanager\\.dead$' '{"delivery-limit":1000000}'\n`,
  );
}
