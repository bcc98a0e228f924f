import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { defaultTiming } from "../../../src/broker/rabbitmq/connection/link-timing.ts";
import { Unconfirmed } from "../../../src/broker/rabbitmq/publishing/unconfirmed.ts";
import { RabbitmqBroker } from "../../../src/broker/rabbitmq/rabbitmq.ts";
import { Outbox } from "../../../src/outbox/outbox.ts";
import { FakeAmqp } from "../../support/fake-amqp.ts";
import { integrationTimeoutMs } from "../../support/timeout.ts";
import { until } from "../../support/wait.ts";
import { RecordingLogger } from "../../unit/doubles/recording-logger.ts";

setDefaultTimeout(integrationTimeoutMs);

/** What is said of it, and whether something else explains it. */
function watched() {
  const logger = new RecordingLogger();
  const explained = { is: false };
  const unconfirmed = new Unconfirmed(logger, "wsmanager", 10_000, () => explained.is);
  const said = () =>
    logger.lines.map(({ level, fields }) => [level, fields["forSeconds"] ?? fields["afterSeconds"]]);
  return { unconfirmed, explained, said };
}

describe("a message that RabbitMQ does not confirm", () => {
  test("is told of once, and that RabbitMQ confirms again, with how long it was", () => {
    const { unconfirmed, said } = watched();
    for (let nowMs = 1000; nowMs <= 60_000; nowMs += 1000) unconfirmed.look(7, nowMs);
    expect(said()).toEqual([["warn", 10]]);
    unconfirmed.look(9, 61_000);
    unconfirmed.look(undefined, 62_000);
    expect(said()).toEqual([
      ["warn", 10],
      ["info", 60],
    ]);
  });

  test("is not told of where others are confirmed one after another, however many wait all the time", () => {
    const { unconfirmed, said } = watched();
    for (let nowMs = 0; nowMs <= 60_000; nowMs += 1000) unconfirmed.look(1 + nowMs / 5000, nowMs);
    expect(said()).toEqual([]);
  });

  test("is not told of while something else is said to hold it up, and has its time anew after that", () => {
    const { unconfirmed, explained, said } = watched();
    unconfirmed.look(7, 0);
    explained.is = true;
    for (let nowMs = 1000; nowMs <= 60_000; nowMs += 1000) unconfirmed.look(7, nowMs);
    explained.is = false;
    unconfirmed.look(7, 61_000);
    unconfirmed.look(7, 70_000);
    expect(said()).toEqual([]);
    unconfirmed.look(7, 71_000);
    expect(said()).toEqual([["warn", 10]]);
  });
});

test("a warning says that RabbitMQ answers everything and confirms nothing, and the connection stays", async () => {
  await using fake = await FakeAmqp.start((method) => (method === "BasicPublish" ? "answered" : undefined));
  const logger = new RecordingLogger();
  const broker = new RabbitmqBroker({
    urls: [fake.url],
    name: "test",
    logger,
    logRetention: "off",
    timing: { ...defaultTiming, closeTimeoutMs: 20, unconfirmedAfterMs: 50 },
  });
  fake.closeFirst(broker);
  const outbox = new Outbox("test", false);
  broker.attachPublisher("wsmanager", outbox);
  broker.start((error) => {
    throw error;
  });
  await until(() => broker.status().state === "ready", "the link to be open");
  outbox.append({ body: "one", topic: "t" });
  const told = () => logger.lines.filter(({ level }) => level === "warn").map(({ message }) => message);
  await until(() => told().length > 0, "a word about it");
  expect(told()).toEqual([
    "RabbitMQ has not confirmed published messages for a while: clients wait for them",
  ]);
  expect(fake.peers.length).toBe(1);
});
