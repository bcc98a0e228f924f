import { expect, test } from "bun:test";
import { type Channel, type ChannelModel, type ConsumeMessage, connect } from "amqplib";
import type { LogReading } from "../../../src/broker/broker.ts";
import { type OpeningChannel, openingChannel } from "../../../src/broker/rabbitmq/frames/opening-channel.ts";
import { LogPosition } from "../../../src/broker/rabbitmq/reading/log-position.ts";
import { LogReadings } from "../../../src/broker/rabbitmq/reading/log-readings.ts";
import type { Envelope } from "../../../src/envelope/envelope.ts";
import { FakeAmqp } from "../../support/fake-amqp.ts";
import { until } from "../../support/wait.ts";

const envelope = { body: Buffer.from("one"), messageId: "1", routingKey: "" } as unknown as Envelope;

const connection = {} as ChannelModel;

/** Opens channels that are answered at once. */
function openingTo(channels: FakeChannel[]) {
  return (): OpeningChannel => {
    const channel = new FakeChannel();
    channels.push(channel);
    return { channel: channel as unknown as Channel, opened: Promise.resolve() };
  };
}

/** How a reading of this log ends by the next turn of the event loop, if it does. */
async function endOf(readings: LogReadings): Promise<string | undefined> {
  let end: string | undefined;
  readings.read(5, { aheadMax: 32, record: () => undefined, ended: (why) => (end = why) });
  await new Promise((next) => setImmediate(next));
  return end;
}

test("nothing is read from old places before it is known that the log is still the one that was read before", async () => {
  const position = new LogPosition();
  const channels: FakeChannel[] = [];
  const readings = new LogReadings(() => position.isSure, openingTo(channels));
  readings.opened(connection);
  expect(await endOf(readings)).toBeUndefined();
  expect(channels).toHaveLength(1);
  position.take(7, envelope);
  readings.closed();

  position.opened(0);
  readings.opened(connection);
  expect(await endOf(readings)).toBe("lost");
  expect(channels).toHaveLength(1);

  position.take(7, envelope);
  expect(await endOf(readings)).toBeUndefined();
  expect(channels).toHaveLength(2);
});

test("while one reading begins, the others are sent fewer records ahead, and as many as before when it has begun", async () => {
  const channels: FakeChannel[] = [];
  const readings = new LogReadings(() => true, openingTo(channels));
  readings.opened(connection);
  const read = async () => {
    const reading = readings.read(0, { aheadMax: 128, record: () => undefined, ended: () => undefined });
    const channel = channels.at(-1)!;
    while (channel.deliver === undefined) await new Promise((next) => setImmediate(next));
    return { reading, channel };
  };
  const first = await read();
  const handleAll = () => {
    const sent = first.channel.send();
    first.reading.handled(sent);
    return first.channel.credit;
  };
  handleAll();
  expect(handleAll()).toBeGreaterThan(96);

  const second = await read();
  for (let rounds = 0; rounds < 20; rounds++) expect(handleAll()).toBeGreaterThan(0);
  expect(handleAll()).toBeLessThanOrEqual(32);
  second.channel.send(1);
  for (let rounds = 0; rounds < 20; rounds++) handleAll();
  expect(handleAll()).toBeGreaterThan(96);

  // One that ends before it has got anything holds up nobody.
  const third = await read();
  for (let rounds = 0; rounds < 20; rounds++) handleAll();
  third.reading.stop();
  for (let rounds = 0; rounds < 20; rounds++) handleAll();
  expect(handleAll()).toBeGreaterThan(96);
});

/** A channel on which a stream's reader sends what it may. */
test("readings share what may be on its way to them: one alone has the most, and many have as much as each needs", async () => {
  const channels: FakeChannel[] = [];
  const readings = new LogReadings(() => true, openingTo(channels));
  readings.opened(connection);
  const begun: { readonly reading: LogReading; readonly channel: FakeChannel }[] = [];
  const begin = async () => {
    const reading = readings.read(0, { aheadMax: 512, record: () => undefined, ended: () => undefined });
    const channel = channels.at(-1)!;
    while (channel.deliver === undefined) await new Promise((next) => setImmediate(next));
    begun.push({ reading, channel });
    return channel.credit;
  };
  /** The most that is on its way to the first one, once it has handled what came for a while. */
  const settled = () => {
    for (let rounds = 0; rounds < 50; rounds++)
      for (const { reading, channel } of begun) reading.handled(channel.send());
    return begun[0]!.channel.credit;
  };
  expect(await begin()).toBe(512);
  expect(settled()).toBeGreaterThan(512 - 128);
  expect([await begin(), await begin(), await begin()]).toEqual([512, 341, 256]);
  expect(settled()).toBeLessThanOrEqual(256);
  while (begun.length < 9) expect(await begin()).toBeGreaterThanOrEqual(128);
  expect(settled()).toBeLessThanOrEqual(128);
  expect(settled()).toBeGreaterThan(96);
  for (const { reading } of begun.splice(1)) reading.stop();
  expect(settled()).toBeGreaterThan(512 - 128);
});

test("readings that begin and end in a loop open some channels at once and then some in a second, and are sent less ahead", async () => {
  const clock = { ms: 0 };
  const channels: FakeChannel[] = [];
  const readings = new LogReadings(
    () => true,
    openingTo(channels),
    () => clock.ms,
  );
  readings.opened(connection);
  const ended: number[] = [];
  const read = (index: number) =>
    readings.read(0, { aheadMax: 512, record: () => undefined, ended: () => ended.push(index) });
  const all = Array.from({ length: 60 }, (_, index) => read(index));
  expect(channels).toHaveLength(50);
  // One that ends while it waits is never asked for.
  all[50]!.stop();
  for (let seconds = 0; seconds < 3; seconds++) {
    clock.ms += 50;
    await until(() => channels.length === 51 + seconds, "the next one to begin");
  }
  clock.ms += 60_000;
  await until(() => channels.length === 59, "the rest");
  // Those that had to wait are sent fewer records ahead, since most of them end when they have got a few.
  await until(() => channels.at(-1)!.credit > 0, "the last one to consume");
  expect(channels[0]!.credit).toBe(512);
  for (const { credit } of channels.slice(50)) expect(credit).toBe(64);
  for (let index = 100; index < 200; index++) read(index).stop();
  expect(channels.length).toBeLessThanOrEqual(59 + 50);
  // All of them are lost together, begun or not, and none begins over the next connection.
  const begun = channels.length;
  read(200);
  readings.closed();
  expect(ended).toHaveLength(60);
  readings.opened(connection);
  clock.ms += 60_000;
  read(201).stop();
  expect(channels).toHaveLength(begun + 1);
});

test("what is on its way to all readings together has a mebibyte, and hardly anything while one of them begins", async () => {
  const channels: FakeChannel[] = [];
  const readings = new LogReadings(() => true, openingTo(channels));
  readings.opened(connection);
  const bytes = 8 * 1024;
  const begun: { readonly reading: LogReading; readonly channel: FakeChannel }[] = [];
  const begin = async () => {
    const reading = readings.read(0, { aheadMax: 256, record: () => undefined, ended: () => undefined });
    const channel = channels.at(-1)!;
    while (channel.deliver === undefined) await new Promise((next) => setImmediate(next));
    return { reading, channel };
  };
  /** What is on its way to all of them, once they have handled what came for a while. */
  const settled = () => {
    for (let rounds = 0; rounds < 60; rounds++)
      for (const { reading, channel } of begun) reading.handled(channel.send(channel.credit, bytes));
    return begun.reduce((sum, { channel }) => sum + channel.credit * bytes, 0);
  };
  while (begun.length < 4) {
    begun.push(await begin());
    expect(settled()).toBeLessThanOrEqual(1024 ** 2);
  }
  expect(settled()).toBeGreaterThan(0.7 * 1024 ** 2);
  const another = await begin();
  expect(settled()).toBeLessThanOrEqual(4 * 16 * bytes);
  another.reading.stop();
  expect(settled()).toBeGreaterThan(0.7 * 1024 ** 2);
});

test("a reading asks RabbitMQ for everything at once, and not for one thing after the other's answer", async () => {
  const asked: string[] = [];
  const late: (() => void)[] = [];
  const questions: Readonly<Record<string, readonly [string, object]>> = {
    ChannelOpen: ["ChannelOpenOk", {}],
    BasicQos: ["BasicQosOk", {}],
    BasicConsume: ["BasicConsumeOk", { consumerTag: "tag" }],
  };
  await using fake = await FakeAmqp.start((method, peer, channel) => {
    const answer = questions[method];
    if (answer === undefined) return undefined;
    asked.push(method);
    late.push(() => peer.send(answer[0], answer[1] as never, channel));
    return "answered";
  });
  const amqp = await connect(fake.url);
  const { channel, opened } = openingChannel(amqp);
  const all = Promise.all([opened, channel.prefetch(7), channel.consume("wsmanager.log", () => undefined)]);
  await until(() => asked.length === 3, "all three questions");
  expect(asked).toEqual(["ChannelOpen", "BasicQos", "BasicConsume"]);
  for (const answer of late) answer();
  expect((await all)[2]).toEqual({ consumerTag: "tag" });
  // Later ones are asked as ever.
  const more = channel.prefetch(8);
  await until(() => asked.length === 4, "the next question");
  late.at(-1)!();
  await more;
  await amqp.close();
});

test("a reading that is stopped as soon as it was asked for closes its channel after that was opened", async () => {
  const asked: string[] = [];
  await using fake = await FakeAmqp.start((method) => {
    if (method.startsWith("Channel")) asked.push(method);
    return undefined;
  });
  const amqp = await connect(fake.url);
  const readings = new LogReadings(() => true);
  readings.opened(amqp);
  readings.read(0, { aheadMax: 1, record: () => undefined, ended: () => undefined }).stop();
  await until(() => asked.includes("ChannelClose"), "the channel to be closed");
  expect(asked).toEqual(["ChannelOpen", "ChannelClose"]);
  await amqp.close();
});

class FakeChannel {
  deliver: ((delivery: ConsumeMessage) => void) | undefined;
  #prefetch = 0;
  #sent = 0;
  #acked = 0;

  get credit(): number {
    return this.#prefetch - (this.#sent - this.#acked);
  }

  on(): void {
    // Nothing happens to it.
  }

  prefetch(count: number): Promise<void> {
    this.#prefetch = count;
    return Promise.resolve();
  }

  consume(_queue: string, deliver: (delivery: ConsumeMessage) => void): Promise<void> {
    this.deliver = deliver;
    return Promise.resolve();
  }

  ack({ fields }: ConsumeMessage): void {
    this.#acked = fields.deliveryTag;
  }

  close(): Promise<void> {
    return Promise.resolve();
  }

  /** @returns how many */
  send(count = this.credit, bytes = 1): number {
    const content = Buffer.alloc(bytes);
    for (let sent = 0; sent < count; sent++) {
      const headers = { "x-stream-offset": this.#sent++ };
      this.deliver!({ content, fields: {}, properties: { headers } } as never);
    }
    return count;
  }
}
