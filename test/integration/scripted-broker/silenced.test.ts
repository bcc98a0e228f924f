import { describe, expect, setDefaultTimeout, test } from "bun:test";
import type { Life } from "../../../src/broker/rabbitmq/connection/life.ts";
import { Link } from "../../../src/broker/rabbitmq/connection/link.ts";
import { defaultTiming } from "../../../src/broker/rabbitmq/connection/link-timing.ts";
import { Outage } from "../../../src/broker/rabbitmq/connection/outage.ts";
import { FakeAmqp } from "../../support/fake-amqp.ts";
import { integrationTimeoutMs } from "../../support/timeout.ts";
import { until } from "../../support/wait.ts";
import { RecordingLogger } from "../../unit/doubles/recording-logger.ts";

setDefaultTimeout(integrationTimeoutMs);

/** A broker with which the first connection has agreed on heartbeats, in seconds. It never sends any. */
async function silentBroker(): Promise<FakeAmqp> {
  const fake: FakeAmqp = await FakeAmqp.start((method, peer) => {
    if (method !== "ConnectionStartOk") return undefined;
    const heartbeat = peer === fake.peers[0] ? 1 : 0;
    peer.send("ConnectionTune", { channelMax: 2047, frameMax: 131_072, heartbeat });
    return "answered";
  });
  return fake;
}

/** A link to it. */
function linkTo(fake: FakeAmqp, setUp: (life: Life) => void): Link {
  const logger = new RecordingLogger();
  const link = new Link({
    name: "test",
    urls: [fake.url],
    access: { read: () => ({}) as never },
    timing: { ...defaultTiming, closeTimeoutMs: 100, backoff: { firstMs: 10, mostMs: 50 } },
    logger,
    outage: new Outage(logger, () => 0),
    setUp: (life) => Promise.resolve(setUp(life)),
    opened: () => undefined,
    onFatal: (error) => {
      throw error;
    },
  });
  fake.closeFirst({ close: () => link.close(1000) });
  link.start();
  return link;
}

/** Until the link has a second connection, on which it has opened nothing yet. */
async function answersAgain(fake: FakeAmqp): Promise<void> {
  await until(() => fake.peers[1]?.methods.includes("ConnectionOpen"), "RabbitMQ to answer again");
}

describe.concurrent("a connection on which RabbitMQ has fallen silent", () => {
  test("stays open until RabbitMQ answers again and has done what it was sent", async () => {
    await using fake = await silentBroker();
    const done = Promise.withResolvers<void>();
    let lives = 0;
    linkTo(fake, (life) => {
      lives++;
      life.outlastSilence(() => done.promise);
    });
    await answersAgain(fake);
    expect([lives, fake.peers[0]!.hasEnded]).toEqual([1, false]);

    done.resolve();
    await until(() => lives === 2, "the link to be set up anew");
    expect(fake.peers[0]!.methods).toContain("ConnectionClose");
  });

  test("is not waited for if it ends by itself", async () => {
    await using fake = await silentBroker();
    let lives = 0;
    linkTo(fake, (life) => {
      lives++;
      life.outlastSilence(() => new Promise(() => undefined));
    });
    await answersAgain(fake);
    fake.peers[0]!.end();
    await until(() => lives === 2, "the link to be set up anew");
  });

  test("is waited for no longer than RabbitMQ may take", async () => {
    await using fake = await silentBroker();
    let lives = 0;
    linkTo(fake, (life) => {
      lives++;
      life.outlastSilence(() => new Promise(() => undefined));
    });
    await until(() => lives === 2, "the link to be set up anew");
    expect(fake.peers).toHaveLength(2);
    await until(() => fake.peers[0]!.hasEnded, "the silent connection to be closed");
  });

  test("ends when the link is closed", async () => {
    await using fake = await silentBroker();
    const link = linkTo(fake, (life) => life.outlastSilence(() => new Promise(() => undefined)));
    await answersAgain(fake);
    await link.close(100);
    await until(() => fake.peers.every(({ hasEnded }) => hasEnded), "both connections to be closed");
  });

  test("is closed at once where nothing has to be done", async () => {
    await using fake = await silentBroker();
    let lives = 0;
    linkTo(fake, () => void lives++);
    await until(() => fake.peers[0]?.hasEnded, "the silent connection to be closed");
    await until(() => lives === 2, "the link to be set up anew");
  });
});
