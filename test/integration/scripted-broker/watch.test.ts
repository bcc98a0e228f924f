import { expect, setDefaultTimeout, test } from "bun:test";
import { once } from "node:events";
import { type AddressInfo, createServer } from "node:net";
import { connect } from "amqplib";
import { defaultTiming } from "../../../src/broker/rabbitmq/connection/link-timing.ts";
import { lossOf, whyLost } from "../../../src/broker/rabbitmq/connection/watch.ts";
import { FrameReader } from "../../../src/broker/rabbitmq/frames/frame-reader.ts";
import { receiving } from "../../../src/broker/rabbitmq/frames/innards.ts";
import { RabbitmqBroker, type RabbitmqOptions } from "../../../src/broker/rabbitmq/rabbitmq.ts";
import { Outbox } from "../../../src/outbox/outbox.ts";
import { FakeAmqp } from "../../support/fake-amqp.ts";
import { integrationTimeoutMs } from "../../support/timeout.ts";
import { until } from "../../support/wait.ts";
import { RecordingLogger } from "../../unit/doubles/recording-logger.ts";

setDefaultTimeout(integrationTimeoutMs);

const chapter = '"A queue that RabbitMQ does not open" in docs/operations.md';
/** As 4.x says it of a stream, as 3.10 does, and as both do of a queue that was not recovered after a kill (seen with 3.10). */
const words = [
  "PRECONDITION_FAILED - stream queue 'wsmanager.log' in vhost '/' does not have a running replica on the local node",
  "PRECONDITION_FAILED - queue 'wsmanager.log' in vhost '/' does not have a replica on the local node",
  "NOT_FOUND - home node 'rabbit@host' of durable queue 'wsmanager.log' in vhost '/' is down or inaccessible",
];

test.each(words)("where RabbitMQ says %s, an operator is told where to read on", (text) => {
  const why = whyLost(
    new Error(`Channel closed by server: 406 (PRECONDITION-FAILED) with message "${text}"`),
  );
  expect(why).toContain(chapter);
  expect(why).toContain(text);
});

test("where a queue in the log's place is no stream, an operator is told to delete it", () => {
  const text =
    "PRECONDITION_FAILED - invalid arg 'x-stream-offset' for queue 'wsmanager.log' in vhost '/' of queue type rabbit_classic_queue";
  const why = whyLost(
    new Error(`Operation failed: BasicConsume; 406 (PRECONDITION-FAILED) with message "${text}"`),
  );
  expect(why).toStartWith("the queue wsmanager.log is no stream: delete it");
  expect(why).toContain(text);
});

test.each([
  ["queue", "wsmanager.log", "the queue wsmanager.log is missing: declaring it again"],
  ["exchange", "wsmanager.queues", "the exchange wsmanager.queues is missing: declaring it again"],
  [
    "exchange",
    "wsmanager.a.witness-1.witness-12",
    "the queue wsmanager.a.witness-1 is missing: declaring it again, unless there is another one by now",
  ],
  [
    "exchange",
    "wsmanager.queues.exchange-witness-3",
    "the exchange wsmanager.queues is missing: declaring it again, unless there is another one by now",
  ],
])("where RabbitMQ has not got the %s %s, an operator is told what that means", (kind, name, told) => {
  const text = `404 (NOT-FOUND) with message "NOT_FOUND - no ${kind} '${name}' in vhost '/'"`;
  expect(lossOf(new Error(`Channel closed by server: ${text}`))).toBe(told);
});

test("where something answers that is not RabbitMQ, an operator is told so, and not the number that four of its letters make", async () => {
  const web = createServer((socket) => socket.end("HTTP/1.1 400 Bad Request\r\n\r\n"));
  await once(web.listen(0, "127.0.0.1"), "listening");
  try {
    const error = await connect(`amqp://127.0.0.1:${(web.address() as AddressInfo).port}`).then(
      () => undefined,
      (thrown: Error) => thrown,
    );
    expect(whyLost(error!)).toMatch(
      /^what came is not AMQP: .* --broker names a port .* \(Frame size \d+ exceeds .*\)$/,
    );
  } finally {
    web.close();
  }
});

test("where bytes are lost on the way, an operator is told so", async () => {
  await using fake = await FakeAmqp.start(() => undefined);
  const connection = await connect(fake.url);
  const reader = new FrameReader(connection);
  expect(reader).toBeDefined();
  const lost = Promise.withResolvers<Error>();
  connection.on("error", lost.resolve);
  // A heart-beat whose last byte is missing, and one more.
  receiving(connection).stream.push(Buffer.from([8, 0, 0, 0, 0, 0, 0, 8, 0, 0, 0, 0, 0, 0, 0xce]));
  expect(whyLost(await lost.promise)).toMatch(
    /^what came is not AMQP: something on the way .* \(Invalid frame\)$/,
  );
});

test("other reasons are passed on unchanged", () => {
  expect(whyLost(new Error("read ECONNRESET"))).toBe("read ECONNRESET");
});

/** A broker that soon tries again. */
function brokerOf(fake: FakeAmqp, logger: RecordingLogger, logRetention: RabbitmqOptions["logRetention"]) {
  return new RabbitmqBroker({
    urls: [fake.url],
    name: "test",
    logger,
    logRetention,
    timing: { ...defaultTiming, backoff: { firstMs: 5, mostMs: 20 } },
  });
}

/** What RabbitMQ refuses of a log that it has and does not open, and how. */
const refusals = [
  ["BasicConsume", 406, words[0]!],
  ["QueueDeclare", 404, words[2]!],
] as const;

test.each(refusals)(
  "a log of which RabbitMQ refuses %s is tried again and again, and the log and the status say what it is",
  async (refused, replyCode, replyText) => {
    await using fake = await FakeAmqp.start((method, peer, channel) => {
      if (method !== refused) return undefined;
      peer.send("ChannelClose", { replyCode, replyText, classId: 0, methodId: 0 }, channel);
      return "answered";
    });
    const logger = new RecordingLogger();
    const broker = brokerOf(fake, logger, { maxBytes: 1024 ** 2, maxAgeMs: 86_400_000 });
    fake.closeFirst(broker);
    broker.attachPublisher("wsmanager", new Outbox("test", true));
    broker.start((error) => {
      throw error;
    });
    await until(() => fake.peers.length > 1, "a second attempt");
    const status = broker.status();
    expect(status).toMatchObject({ state: "connecting", why: expect.stringContaining(chapter) as unknown });
    expect(logger.lines.find(({ level }) => level === "warn")?.fields["reason"]).toContain(chapter);
  },
);

test("where RabbitMQ fails over the consumer of a queue, an operator is told which, when that means nothing, and what mends it otherwise", async () => {
  await using fake = await FakeAmqp.start((method, peer) => {
    if (method !== "BasicConsume") return undefined;
    peer.send("ConnectionClose", { replyCode: 541, replyText: "INTERNAL_ERROR", classId: 0, methodId: 0 });
    return "answered";
  });
  const logger = new RecordingLogger();
  const broker = brokerOf(fake, logger, "off");
  fake.closeFirst(broker);
  const ignore = () => undefined;
  broker.attachConsumer("shop", 10, { opened: ignore, deliver: ignore, closed: ignore });
  broker.start((error) => {
    throw error;
  });
  await until(() => fake.peers.length > 1, "a second attempt");
  const fields = logger.lines.find(({ level }) => level === "warn")?.fields;
  expect(fields?.["reason"]).toMatch(
    /^RabbitMQ failed when it was to serve the queue wsmanager\.shop: that passes if it .* deletes a queue; if it stays so, .* stop_app.*\(Connection closed: 541 /,
  );
  expect(fields?.["code"]).toBe(541);
});
