import { afterEach, beforeEach, describe, expect, setDefaultTimeout, test } from "bun:test";
import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { type Channel, connect as connectAmqp } from "amqplib";
import type { EventsPeer } from "../../src/broker/events.ts";
import { brokerMetrics } from "../../src/broker/metrics.ts";
import { defaultTiming } from "../../src/broker/rabbitmq/connection/link-timing.ts";
import { RabbitmqBroker } from "../../src/broker/rabbitmq/rabbitmq.ts";
import { bodyOf } from "../../src/broker/rabbitmq/topology/group-ledger.ts";
import { writeGroupMark } from "../../src/broker/rabbitmq/topology/group-marks.ts";
import { runGroups } from "../../src/groups/command.ts";
import { RecordingFollower, RecordingPublisher } from "../contract/recorders.ts";
import { executable } from "../support/executable.ts";
import { removeAtExit } from "../support/leftovers.ts";
import { sharedRabbitmq } from "../support/rabbitmq.ts";
import { run } from "../support/run.ts";
import { integrationTimeoutMs } from "../support/timeout.ts";
import { until } from "../support/wait.ts";
import { startWarren } from "../support/warren.ts";
import { RecordingLogger } from "../unit/doubles/recording-logger.ts";

setDefaultTimeout(integrationTimeoutMs);

let url: string;
beforeEach(async () => {
  url = await (await sharedRabbitmq()).vhost();
});

/** What the command prints, and its exit code. */
async function groups(...args: string[]) {
  const written = { output: "", progress: "" };
  const code = await runGroups(
    [...args, "--broker", url],
    {},
    { write: (text) => (written.output += text) },
    { write: (text) => (written.progress += text) },
  );
  return { code, ...written };
}

async function listed(...args: string[]) {
  const { output } = await groups("list", "--json", ...args);
  return output
    .split("\n")
    .filter(Boolean)
    .map(
      (line) =>
        JSON.parse(line) as { group: string; consumers: number; messages: number; abandoned: boolean },
    );
}

async function asAnotherProgram<T>(work: (channel: Channel) => Promise<T>): Promise<T> {
  const connection = await connectAmqp(url);
  try {
    const channel = await connection.createChannel();
    channel.on("error", () => undefined);
    const result = await work(channel);
    // The connection's farewell might overtake what was published.
    await channel.close();
    return result;
  } finally {
    await connection.close();
  }
}

describe("warren groups", () => {
  test("shows a group with its processor, keeps it while it is consumed, and removes its queues after that", async () => {
    const handler = join(mkdtempSync(join(tmpdir(), "warren-groups-")), "handler.ts");
    removeAtExit(dirname(handler));
    // It has a queue for the events of clients besides.
    await Bun.write(handler, "export default () => undefined;\nexport const connected = () => undefined;\n");
    const args = ["processor", "--broker", url, "--group", "billing", "--handler", handler];
    const billing = async () => (await listed()).find(({ group }) => group === "billing");
    {
      await using _processor = await startWarren(args);
      await until(async () => (await billing())?.consumers === 1, "the processor consumes");
      expect(await groups("remove", "billing")).toMatchObject({
        code: 1,
        progress: "billing stays: it has 1 consumer: stop its processors first\n",
      });
    }
    expect(await billing()).toMatchObject({ consumers: 0, messages: 0, events: 0, abandoned: false });
    await asAnotherProgram(async (channel) => channel.publish("wsmanager", "orders", Buffer.from("1")));
    await until(async () => (await listed("billing"))[0]?.messages === 1, "the message is there");
    const [head, row] = (await groups("list")).output.split("\n");
    expect(head).toMatch(/^GROUP +CONSUMERS +MESSAGES +EVENTS +LAST SEEN$/);
    expect(row).toMatch(/^billing +0 +1 +0 +\d+s ago$/);
    expect((await groups("remove", "billing", "--dry-run")).progress).toBe(
      "billing would be removed, with 1 message\n",
    );
    await run([await executable(), "groups", "remove", "billing", "--broker", url]);
    expect(await listed()).toEqual([]);
    for (const queue of ["wsmanager.billing", "wsmanager.events.to.billing"])
      await expect(asAnotherProgram((channel) => channel.checkQueue(queue))).rejects.toThrow("404");
    expect(await groups("list", "billing")).toMatchObject({
      code: 1,
      progress: "there is no group billing in this RabbitMQ\n",
    });
  });

  test("knows no group where none was, and finds one that nobody wrote down by its name", async () => {
    expect(await listed()).toEqual([]);
    await asAnotherProgram((channel) => channel.assertQueue("wsmanager.old"));
    expect(await listed()).toEqual([]);
    expect(await listed("old")).toMatchObject([{ group: "old", consumers: 0, abandoned: true }]);
    expect(await groups("remove", "old", "nope")).toMatchObject({
      code: 1,
      progress: "there is no group nope in this RabbitMQ\nold removed, with 0 messages\n",
    });
    expect(await listed("old")).toEqual([]);
  });
});

describe("a manager", () => {
  let broker: RabbitmqBroker;
  let logger: RecordingLogger;
  beforeEach(() => {
    logger = new RecordingLogger();
    broker = new RabbitmqBroker({
      urls: [url],
      name: "manager-test",
      logger,
      logRetention: { maxBytes: 1024 ** 2, maxAgeMs: 86_400_000 },
      timing: { ...defaultTiming, groups: { firstLookMs: 0, lookEveryMs: 50 } },
    });
    broker.attachPublisher("wsmanager", new RecordingPublisher());
    broker.attachFollower(new RecordingFollower());
    broker.attachEvents(silentPeer);
  });
  afterEach(() => broker.close());

  test("does not declare the queue of a group again that is removed just after its processor has stopped", async () => {
    broker.start(() => undefined);
    await until(() => broker.status().state === "ready", "RabbitMQ");
    await asAnotherProgram(async (channel) => {
      await channel.assertQueue("wsmanager.billing");
      writeGroupMark(channel, "here", "billing", "billing-1");
      await channel.checkExchange("wsmanager.log");
    });
    await new Promise<number>((resolve) => broker.mark(resolve));
    expect((await groups("remove", "billing")).progress).toBe("billing removed, with 0 messages\n");
    // Longer than it takes to miss what is relied on.
    await Bun.sleep(2500);
    await expect(asAnotherProgram((channel) => channel.checkQueue("wsmanager.billing"))).rejects.toThrow(
      "404",
    );
    expect(logger.lines.filter(({ message }) => message.includes("is missing"))).toEqual([]);
  });

  test("warns once of a group that nobody consumes any more, shows it in metrics, and forgets it when it is removed", async () => {
    broker.start(() => undefined);
    await until(() => broker.status().state === "ready", "RabbitMQ");
    const hourAgo = Date.now() - 3_600_000;
    const record = { group: "billing", seenMs: hourAgo, isRemoved: false, writtenMs: hourAgo };
    const metric = () => brokerMetrics(broker).find(({ name }) => name === "warren_abandoned_group_messages");
    const shown = () => {
      const found = metric();
      return found !== undefined && "readEach" in found ? [...found.readEach()] : [];
    };
    await asAnotherProgram(async (channel) => {
      await channel.assertQueue("wsmanager.billing");
      channel.sendToQueue("wsmanager.billing", Buffer.from("1"));
    });
    // What is published before the stream is bound reaches nobody, and before there is an exchange it is an error.
    await until(async () => {
      await asAnotherProgram(async (channel) => {
        await channel.checkExchange("wsmanager.groups");
        channel.publish("wsmanager.groups", "", Buffer.from("no record"));
        channel.publish("wsmanager.groups", "", Buffer.from(bodyOf(record)));
      });
      return shown().some(([, messages]) => messages === 1);
    }, "the metric");
    expect(shown()).toEqual([["billing", 1]]);
    const warnings = () =>
      logger.lines.filter(({ message }) => message.startsWith("nobody consumes a group"));
    expect(warnings()).toMatchObject([
      {
        level: "warn",
        fields: {
          group: "billing",
          messages: 1,
          lastSeen: new Date(hourAgo).toISOString(),
          mend: "start a processor (--group billing), or: warren groups remove billing",
        },
      },
    ]);
    expect((await groups("remove", "--abandoned")).progress).toBe("billing removed, with 1 message\n");
    await until(() => shown().length === 0, "it is forgotten");
    expect(warnings()).toHaveLength(1);
  });
});

const nothing = () => undefined;
const silentPeer: EventsPeer = {
  manager: "manager-test",
  opened: nothing,
  closed: nothing,
  confirmed: nothing,
  refused: nothing,
  unheard: nothing,
  blocked: nothing,
  asked: nothing,
  answered: nothing,
  told: nothing,
  revoked: nothing,
  readRevoked: nothing,
};
