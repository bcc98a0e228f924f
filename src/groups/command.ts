import type { ChannelModel } from "amqplib";
import { abandonedAfterMs } from "../broker/groups.ts";
import { connectOnce, workOn } from "../broker/rabbitmq/connection/connect-once.ts";
import { brokerOptionsOf } from "../options/broker-args.ts";
import { type Group, isUnusedFor, jsonOf, rowOf, tableHead } from "./group.ts";
import { announceRemoval, lookAt, remove, seenGroups } from "./groups.ts";
import { help, type Request, requestOf } from "./request.ts";

/** Where text is written: standard output or standard error. */
export interface Output {
  /** Takes whole lines. */
  write(text: string): unknown;
}

/**
 * A processor that has lost its connection is back within this, in milliseconds: a group is looked at twice before it is removed. Managers
 * read within that time that it is going to be.
 */
const backWithinMs = 2500;

/**
 * `warren groups …`. Returns the exit code.
 *
 * @throws UsageError, and FatalError if it cannot be done, each in one line
 */
export async function runGroups(
  args: readonly string[],
  env: Readonly<Record<string, string | undefined>>,
  output: Output,
  progress: Output,
): Promise<number> {
  const request = requestOf(args, abandonedAfterMs);
  if (request === "help") {
    output.write(help);
    return 0;
  }
  const options = brokerOptionsOf(request.brokerArgs, env, "groups have their queues in RabbitMQ");
  const connection = await connectOnce(options, "groups");
  return await workOn(connection, () => perform(request, connection, output, progress));
}

async function perform(
  request: Request,
  connection: ChannelModel,
  output: Output,
  progress: Output,
): Promise<number> {
  const { action, names, unusedForMs, isJson } = request;
  const seen = await seenGroups(connection);
  const nowMs = Date.now();
  const groups = await lookAt(connection, names.length > 0 ? names : seen.keys(), seen, nowMs);
  const missing = names.filter((name) => groups.every((group) => group.name !== name));
  for (const name of missing) progress.write(`there is no group ${name} in this RabbitMQ\n`);
  const meant = groups.filter((group) => unusedForMs === undefined || isUnusedFor(group, unusedForMs, nowMs));
  if (action === "remove") {
    const doesAnyStay = await removeAll(request, connection, meant, progress);
    return doesAnyStay || missing.length > 0 ? 1 : 0;
  }
  if (!isJson) output.write(`${tableHead}\n`);
  for (const group of meant) {
    const isAbandoned = isUnusedFor(group, abandonedAfterMs, nowMs);
    output.write(`${isJson ? jsonOf(group, isAbandoned) : rowOf(group, isAbandoned, nowMs)}\n`);
  }
  return missing.length > 0 ? 1 : 0;
}

/** Returns whether one of them had to stay. */
async function removeAll(
  { isDryRun, unusedForMs }: Request,
  connection: ChannelModel,
  groups: readonly Group[],
  progress: Output,
): Promise<boolean> {
  const unused = groups.filter(({ consumers }) => consumers === 0);
  if (!isDryRun && unused.length > 0) {
    await announceRemoval(
      connection,
      unused.map(({ name }) => name),
    );
    await Bun.sleep(backWithinMs);
  }
  let doesAnyStay = false;
  let count = 0;
  for (const { name, consumers: before } of groups) {
    const [now] = await lookAt(connection, [name], new Map(), Date.now());
    const consumers = Math.max(before, now?.consumers ?? 0);
    if (consumers > 0) {
      doesAnyStay = true;
      progress.write(`${name} stays: it has ${counted(consumers, "consumer")}: stop its processors first\n`);
      continue;
    }
    count++;
    const waiting = isDryRun
      ? (now?.messages ?? 0) + (now?.events ?? 0)
      : await remove(connection, name, Date.now());
    progress.write(`${name} ${isDryRun ? "would be " : ""}removed, with ${counted(waiting, "message")}\n`);
  }
  if (count === 0 && !doesAnyStay && unusedForMs !== undefined)
    progress.write("there is no such group: nothing is to be removed\n");
  return doesAnyStay;
}

function counted(count: number, what: string): string {
  return `${count} ${what}${count === 1 ? "" : "s"}`;
}
