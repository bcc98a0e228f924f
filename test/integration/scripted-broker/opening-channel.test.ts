import { expect, test } from "bun:test";
import { type ChannelModel, connect } from "amqplib";
import { abandon } from "../../../src/broker/rabbitmq/frames/innards.ts";
import { openingChannel } from "../../../src/broker/rabbitmq/frames/opening-channel.ts";
import { FakeAmqp } from "../../support/fake-amqp.ts";
import { until } from "../../support/wait.ts";

async function connectionTo(fake: FakeAmqp): Promise<ChannelModel> {
  const connection = await connect(fake.url);
  connection.on("error", () => undefined);
  return connection;
}

/** Opens a channel, asks two questions, and tells how each of the three ended. */
async function outcomes(
  connection: ChannelModel,
  meanwhile: () => void = () => undefined,
): Promise<string[]> {
  const { channel, opened } = openingChannel(connection);
  const questions = [opened, channel.prefetch(1), channel.checkQueue("q")];
  meanwhile();
  return (await Promise.allSettled(questions)).map(({ status }) => status);
}

test("a connection without a channel left says so, and has one again when one was closed", async () => {
  await using fake = await FakeAmqp.start((method, peer) => {
    if (method !== "ConnectionStartOk") return undefined;
    peer.send("ConnectionTune", { channelMax: 1, frameMax: 131_072, heartbeat: 0 });
    return "answered";
  });
  const connection = await connectionTo(fake);
  const { channel, opened } = openingChannel(connection);
  await opened;
  expect(() => openingChannel(connection)).toThrow("No channels left to allocate");
  await channel.close();
  expect(await outcomes(connection)).toEqual(["fulfilled", "fulfilled", "fulfilled"]);
  await connection.close();
});

test("on a connection that has ended, every question is answered with an error", async () => {
  await using fake = await FakeAmqp.start();
  const connection = await connectionTo(fake);
  abandon(connection, new Error("gone"));
  expect(await outcomes(connection)).toEqual(["rejected", "rejected", "rejected"]);
});

test("on a connection that ends before the channel is opened, every question is answered with an error", async () => {
  await using fake = await FakeAmqp.start();
  const connection = await connectionTo(fake);
  const end = () => abandon(connection, new Error("gone"));
  expect(await outcomes(connection, end)).toEqual(["rejected", "rejected", "rejected"]);
});

test("on a connection that ends before RabbitMQ answers, every question is answered with an error", async () => {
  await using fake = await FakeAmqp.start((method, peer) => {
    if (method === "ChannelOpen") peer.end();
    return method === "ChannelOpen" ? "answered" : undefined;
  });
  expect(await outcomes(await connectionTo(fake))).toEqual(["rejected", "rejected", "rejected"]);
});

test("what is asked after a consumer waits for its answer, which comes from the queue and may be late, and keeps its order", async () => {
  const asked: string[] = [];
  let answerLate: (() => void) | undefined;
  await using fake = await FakeAmqp.start((method, peer, channel, fields) => {
    asked.push(method);
    if (method !== "BasicConsume") return undefined;
    answerLate = () => peer.answer(method, channel, fields);
    return "answered";
  });
  const connection = await connectionTo(fake);
  const { channel, opened } = openingChannel(connection);
  const consuming = channel.consume("q", () => undefined);
  const others = [channel.checkQueue("q"), channel.prefetch(7)];
  await until(() => answerLate !== undefined, "the consumer to be asked for");
  await opened;
  const checked = channel.checkExchange("e");
  expect(asked).not.toContain("QueueDeclare");
  answerLate!();
  await Promise.all([consuming, ...others, checked]);
  expect(asked.slice(asked.indexOf("ChannelOpen"))).toEqual([
    "ChannelOpen",
    "BasicConsume",
    "QueueDeclare",
    "BasicQos",
    "ExchangeDeclare",
  ]);
  await connection.close();
});
