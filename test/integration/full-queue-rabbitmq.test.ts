import { afterEach, beforeEach, describe, expect, setDefaultTimeout, test } from "bun:test";
import { connect as connectAmqp, type GetMessage } from "amqplib";
import { writeGroup } from "../../src/broker/rabbitmq/topology/group-ledger.ts";
import { executable } from "../support/executable.ts";
import { sharedRabbitmq } from "../support/rabbitmq.ts";
import { run } from "../support/run.ts";
import { connectStomp, type StompPeer } from "../support/stomp-client.ts";
import { integrationTimeoutMs } from "../support/timeout.ts";
import { until, untilCount } from "../support/wait.ts";
import { startWarren, type WarrenProcess } from "../support/warren.ts";

setDefaultTimeout(2 * integrationTimeoutMs);

const count = 300;
const bodies = Array.from({ length: count }, (_, index) => `${index} `.padEnd(10_000, "x"));

let url: string;
let manager: WarrenProcess;
let anna: StompPeer;
let receipts: number[];
beforeEach(async () => {
  url = await (await sharedRabbitmq()).vhost();
  receipts = [];
  const caps = ["--queue-max-bytes", "1MiB"];
  manager = await startWarren(["manager", "--broker", url, ...caps], { readyWhen: "ready" });
  const processor = await startWarren(["processor", "--broker", url, "--group", "slow", ...caps]);
  await processor.waitForLog(({ msg }) => msg === "connected to RabbitMQ", "the group's queue");
  // Its queue stays.
  await processor.stop();
  anna = await connectStomp(manager.wsUrl("/ws/anna"));
});
afterEach(async () => {
  await anna[Symbol.asyncDispose]();
  await manager.stop();
});

/**
 * Sends three times what the queue may hold, and waits until it is full. RabbitMQ notices a little late that it is: what comes at once
 * may all be taken.
 */
async function fill(): Promise<void> {
  let said = "";
  const isFull = async () => {
    said = await readiness();
    return said.includes("is full");
  };
  for (const [index, body] of bodies.entries()) {
    void anna.sendSafely("/topic/a", body).then(
      () => receipts.push(index),
      () => undefined,
    );
    if (index % 10 === 9 && !said.includes("is full"))
      await until(
        async () => receipts.length > index || (await isFull()),
        "receipts, or a full queue",
        30_000,
      );
  }
  await until(isFull, "the queue is full", 30_000).catch((cause: unknown) => {
    const log = manager.log.slice(-20).map((line) => JSON.stringify(line));
    throw new Error(`/readyz says ${said}; ${receipts.length} receipts; ${log.join("\n")}`, { cause });
  });
}

const readiness = async () => (await fetch(new URL("/readyz", manager.url))).text();
const metrics = async () => (await fetch(new URL("/metrics", manager.url))).text();
const lossesOf = ({ log }: WarrenProcess) => log.filter(({ msg }) => msg.includes("reconnecting")).length;

describe("a group's queue that is full", () => {
  test("is named, holds publishers back without a lost connection, and all of it is handled in order in the end", async () => {
    await fill();
    expect(await readiness()).toMatch(
      /the queue wsmanager\.slow of the group slow is full with \d+ messages, and nobody consumes it: start a processor/,
    );
    expect(await metrics()).toInclude('warren_queue_full{queue="wsmanager.slow"} 1');
    await manager.waitForLog(({ msg }) => msg === "a queue is full: what is published waits", "a warning");
    expect(receipts.length).toBeLessThan(count);
    // One connection more was tried, since it may have been the first one's fault.
    expect(lossesOf(manager)).toBeLessThanOrEqual(1);
    const before = lossesOf(manager);
    const answers = await anna.subscribe("/topic/a");
    await using processor = await startWarren(["processor", "--broker", url, "--group", "slow"]);
    await untilCount(() => receipts.length, count, "all receipts", 60_000);
    expect(receipts).toEqual(bodies.map((_, index) => index));
    expect(lossesOf(manager)).toBe(before);
    const firsts = () => [
      ...new Set(
        answers
          .map(({ body }) => /^processed message: (\d+) /.exec(body)?.[1])
          .filter((number) => number !== undefined),
      ),
    ];
    await untilCount(() => firsts().length, count, "all answers", 60_000);
    expect(firsts()).toEqual(bodies.map((_, index) => `${index}`));
    await manager.waitUntilReady();
    expect(await metrics()).not.toInclude("warren_queue_full{");
    await processor.stop();
  });

  test("of which no manager has heard is not taken for another one, and is named when it is written down", async () => {
    const connection = await connectAmqp(url);
    const channel = await connection.createChannel();
    // As another program's, or a group's of which nothing was written down.
    await channel.assertQueue("wsmanager.ghost", {
      arguments: { "x-queue-type": "quorum", "x-overflow": "reject-publish", "x-max-length": 1 },
    });
    await channel.bindQueue("wsmanager.ghost", "wsmanager.queues", "");
    const unknown =
      "a queue bound to wsmanager is full, or down; rabbitmqctl list_queues name state messages consumers shows which";
    const isFull = async () => (await readiness()).includes(unknown);
    // It has room for one AMQP message, which may be a pack of many, and RabbitMQ notices a little late that it is full.
    for (let index = 0; index < 50; index++) {
      void anna.sendSafely("/topic/a", `${index}`).then(
        () => receipts.push(index),
        () => undefined,
      );
      await until(
        async () => receipts.length > index || (await isFull()),
        "a receipt, or a full queue",
        30_000,
      );
    }
    await until(isFull, "the queue is full", 30_000);
    expect((await channel.checkQueue("wsmanager.slow")).messageCount).toBeGreaterThan(0);
    expect(await metrics()).not.toInclude('warren_queue_full{queue="wsmanager.slow"} 1');
    writeGroup(channel, { group: "ghost", seenMs: Date.now(), isRemoved: false }, Date.now());
    await until(
      async () => (await readiness()).includes("the queue wsmanager.ghost of the group ghost is full"),
      "the queue to be named",
      30_000,
    );
    expect(await metrics()).toInclude('warren_queue_full{queue="wsmanager.ghost"} 1');
    await channel.deleteQueue("wsmanager.ghost");
    await connection.close();
    await until(() => receipts.length === 50, "all receipts", 60_000);
  });

  test("of a group that was abandoned is removed with the group, and publishing goes on", async () => {
    await fill();
    // Nobody waits for 30 s, after which the group's processor counts as gone: until then, only this command tells managers that its queue
    // is deleted on purpose.
    await run([await executable(), "groups", "remove", "slow", "--broker", url]);
    await untilCount(() => receipts.length, count, "all receipts", 60_000);
    await using ben = await connectStomp(manager.wsUrl("/ws/ben"));
    const log = await ben.subscribe("/topic/a", { "x-stream-offset": "first" });
    await untilCount(() => new Set(log.map(({ body }) => body)).size, count, "all in the log", 30_000);
  });
});

describe("dead letters", () => {
  test("beyond their cap push out the oldest", async () => {
    const caps = ["--queue-max-bytes", "1MiB"];
    const connection = await connectAmqp(url);
    const channel = await connection.createConfirmChannel();
    const failing = await startWarren(["processor", "--broker", url, "--group", "slow", ...caps]);
    await failing.waitForLog(({ msg }) => msg === "connected to RabbitMQ", "the queue of dead letters");
    for (const [index, body] of bodies.entries())
      channel.publish("wsmanager.dead", "a", Buffer.from(body), { messageId: `${index}` });
    await channel.waitForConfirms();
    const { messageCount } = await channel.checkQueue("wsmanager.dead");
    expect(messageCount).toBeGreaterThan(50);
    expect(messageCount).toBeLessThan(150);
    const first = (await channel.get("wsmanager.dead")) as GetMessage;
    expect(first.properties.messageId).toBe(`${count - messageCount}`);
    // RabbitMQ counts no bytes for those without a body.
    for (let index = 0; index < 3000; index++) channel.publish("wsmanager.dead", "a", Buffer.alloc(0));
    await channel.waitForConfirms();
    expect((await channel.checkQueue("wsmanager.dead")).messageCount).toBeLessThanOrEqual(1024);
    await connection.close();
    await failing.stop();
  });
});
