import { randomBytes } from "node:crypto";
import { type ConsumeMessage, connect as connectAmqp } from "amqplib";
import { fromDelivery } from "../../src/broker/rabbitmq/frames/codec.ts";
import { RabbitmqBroker } from "../../src/broker/rabbitmq/rabbitmq.ts";
import { open } from "../../src/envelope/envelope.ts";
import { MessageTrace } from "../../src/ops/message-trace.ts";
import type { Handler } from "../../src/processor/handler.ts";
import { Processor } from "../../src/processor/processor.ts";
import { optionsOf, QuietLogger } from "./system.ts";
import { until } from "./wait.ts";

/** What another program gets of an exchange or a queue of Warren's. */
export async function listenTo(url: string, exchange: string) {
  const connection = await connectAmqp(url);
  const channel = await connection.createChannel();
  const heard: ConsumeMessage[] = [];
  const { queue } = await channel.assertQueue("", { exclusive: true });
  await channel.bindQueue(queue, exchange, "");
  await channel.consume(queue, (message) => void (message && heard.push(message)), { noAck: true });
  return { heard, [Symbol.asyncDispose]: () => connection.close() };
}

/** A processor within this process. */
export async function startProcessor(url: string, handler: Handler, ...args: string[]) {
  const logger = new QuietLogger();
  const options = optionsOf("--role", "processor", "--log-messages", "off", "--attempts", "1", ...args);
  const logRetention = { maxBytes: options.logMaxBytes, maxAgeMs: options.logMaxAgeMs };
  const broker = new RabbitmqBroker({ urls: [url], name: "processor", logger, logRetention });
  const processor = new Processor(
    `processor-${randomBytes(6).toString("hex")}`,
    options,
    { handle: handler },
    broker,
    logger,
    new MessageTrace(logger, "off"),
  );
  broker.start((error) => logger.error(String(error)));
  await until(() => broker.status().state === "ready", "the processor is connected");
  return {
    logger,
    async [Symbol.asyncDispose]() {
      await processor.drain(1000);
      processor.close();
      await broker.close();
    },
  };
}

/** The bodies of all messages, to another program: a copy is the message to it. */
export function textsOf(messages: readonly ConsumeMessage[]): string[] {
  return messages.flatMap((message) =>
    open({ ...fromDelivery(message), isCopy: false }, "?").map(({ body }) => String(body)),
  );
}
