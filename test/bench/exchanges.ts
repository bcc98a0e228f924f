/**
 * What the inner exchanges cost: `bun test/bench/exchanges.ts`. Messages of 64 bytes are published with confirms to a fanout
 * exchange behind which are a quorum queue and a stream, once bound to it directly and once to an inner exchange that is bound
 * to it, as `topology.ts` does. The two take turns on a RabbitMQ node of its own; printed are the medians of messages a second and
 * of RabbitMQ's CPU time for each message. The queues are emptied after each turn.
 */
import { linkTo, publisherOn, startPublishing } from "./publishing.ts";

const rounds = 9;
const messages = 20_000;

const { node, connection } = await startPublishing();
await using _node = node;
/** Linux counts a process's time in hundredths of a second. */
const usPerTick = 10_000;
const pid = Number((await node.eval("os:getpid()")).replaceAll('"', ""));

async function cpuUs(): Promise<number> {
  const stat = await Bun.file(`/proc/${pid}/stat`).text();
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return (Number(fields[11]) + Number(fields[12])) * usPerTick;
}

/** An exchange with its queues; what is published to it. */
async function prepare(name: string, hasInner: boolean) {
  const setUp = await connection.createChannel();
  const bound = hasInner ? `${name}.queues` : name;
  await setUp.assertExchange(name, "fanout");
  if (hasInner) {
    await setUp.assertExchange(bound, "fanout", { internal: true });
    await setUp.bindExchange(bound, name, "");
  }
  const queues = [`${name}.group`, `${name}.log`] as const;
  await setUp.assertQueue(queues[0], { durable: true, arguments: { "x-queue-type": "quorum" } });
  await setUp.assertQueue(queues[1], {
    durable: true,
    arguments: { "x-queue-type": "stream", "x-max-length-bytes": 1024 ** 3 },
  });
  for (const queue of queues) await setUp.bindQueue(queue, bound, "");

  const channel = await connection.createConfirmChannel();
  const link = linkTo(connection, channel, name, queues);
  const publish = publisherOn(channel);
  return {
    perSecond: [] as number[],
    cpuUs: [] as number[],
    async round(): Promise<void> {
      const [cpuBefore, startedAt] = [await cpuUs(), performance.now()];
      await publish(messages, (envelopes) => link.send(envelopes));
      this.perSecond.push((messages * 1000) / (performance.now() - startedAt));
      this.cpuUs.push(((await cpuUs()) - cpuBefore) / messages);
      await setUp.purgeQueue(queues[0]);
    },
  };
}

const contenders = { direct: await prepare("direct", false), inner: await prepare("inner", true) };
// The first round warms up.
for (let round = 0; round <= rounds; round++) {
  for (const contender of Object.values(contenders)) await contender.round();
}
await connection.close();

const median = (values: readonly number[]) => [...values].sort((a, b) => a - b)[values.length >> 1]!;
for (const [name, { perSecond, cpuUs: cpu }] of Object.entries(contenders)) {
  const [rate, us] = [median(perSecond.slice(1)), median(cpu.slice(1))];
  process.stdout.write(
    `${name.padEnd(8)} ${Math.round(rate)} messages/s, ${us.toFixed(1)} us of RabbitMQ's CPU each\n`,
  );
}
