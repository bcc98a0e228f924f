import type { ChannelModel } from "amqplib";
import { connectOnce } from "../broker/rabbitmq/connect-once.ts";
import { codeOf, FatalError, reasonOf } from "../errors.ts";
import { brokerOptionsOf } from "../options/broker-args.ts";
import { matches } from "./filter.ts";
import { type DeadLetter, letterOf } from "./letter.ts";
import { detailOf, jsonOf, rowOf, tableHead } from "./print.ts";
import { Replay } from "./replay.ts";
import { Replaying } from "./replaying.ts";
import { help, type Request, requestOf } from "./request.ts";
import { type Output, progressLine, strandedLine, summary, verbOf } from "./summary.ts";
import { type Fate, type Walked, walk } from "./walk.ts";

/**
 * `warren dead-letters …`. Returns the exit code.
 *
 * @param signal ends it after the message in hand, with nothing of its own left behind in RabbitMQ
 * @throws UsageError, and FatalError if it cannot be done, each in one line
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
  try {
    return await perform(request, connection, output, progress, signal);
  } catch (error) {
    if (codeOf(error) === 404)
      throw new FatalError(
        "there is no queue wsmanager.dead in this RabbitMQ: is --broker right, its vhost too?",
      );
    throw error instanceof FatalError ? error : new FatalError(`RabbitMQ: ${reasonOf(error)}`);
  } finally {
    // It may be closed already, which is why it failed.
    await connection.close().catch(() => undefined);
  }
}

async function perform(
  { action, filter, isDryRun, countMax, isJson }: Request,
  connection: ChannelModel,
  output: Output,
  progress: Output,
  signal: AbortSignal | undefined,
): Promise<number> {
  const channel = await connection.createChannel();
  channel.on("error", () => undefined);
  const nowMs = Date.now();
  const isReading = action === "list" || action === "show";
  const replay = action === "replay" && !isDryRun ? await Replay.open(connection) : undefined;
  const replaying = replay && new Replaying(replay, filter, nowMs);
  const counts = {
    looked: 0,
    withoutGroup: 0,
    get matched() {
      return replaying?.count ?? this.looked;
    },
    get unknown() {
      return replaying?.unknown ?? this.withoutGroup;
    },
  };
  if (action === "list" && !isJson) output.write(`${tableHead}\n`);

  const print = (letter: DeadLetter) => {
    if (isJson) output.write(`${jsonOf(letter)}\n`);
    else output.write(action === "show" ? `${detailOf(letter, nowMs)}\n` : `${rowOf(letter, nowMs)}\n`);
  };
  const walked = await walk(
    channel,
    async (message, sofar): Promise<Fate> => {
      if (signal?.aborted === true) return "end";
      if (replaying !== undefined) return await replaying.fateOf(message, sofar);
      const letter = letterOf(message);
      if (!matches(filter, letter, nowMs) || (isReading && counts.matched >= countMax)) return "stays";
      if (action === "replay" && letter.group === undefined) {
        counts.withoutGroup++;
        return "stays";
      }
      counts.looked++;
      if (isReading) print(letter);
      return isReading || isDryRun ? "stays" : "goes";
    },
    progressLine(progress),
    () => signal?.aborted === true || (isReading && counts.matched >= countMax),
  ).catch(async (error: unknown) => {
    if (progress.isTTY) progress.write("\r\x1b[K");
    if (!isReading)
      progress.write(`${counts.matched} dead letters ${verbOf(action, isDryRun)}, then it failed\n`);
    // Where the connection has gone, its exchange stays until RabbitMQ is restarted; why it has gone is what counts.
    await replay?.close().catch(() => undefined);
    throw error;
  });
  await replay?.close();
  if (progress.isTTY) progress.write("\r\x1b[K");
  if (!isReading || !isJson) progress.write(summary(action, isDryRun, counts, walked, countMax));
  const stranded = replaying?.stranded ?? new Map<string, number>();
  for (const [group, count] of stranded) progress.write(strandedLine(group, count));
  warnOfLooks(walked, connection, progress);
  if (signal?.aborted === true) {
    progress.write("interrupted: the others stay where they are\n");
    return interruptedCode;
  }
  return counts.unknown > 0 || stranded.size > 0 ? 1 : 0;
}

/** As a shell has it for a program that Ctrl-C has ended. */
const interruptedCode = 130;

/** From this many on, one that is looked at is told of what may come. */
const looksMax = 10;

/** RabbitMQ 4.0 to 4.2 counts a look as a failed delivery, and drops what has failed 20 times if the queue has no other limit. */
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
