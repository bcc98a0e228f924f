import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { connect as connectAmqp } from "amqplib";
import { fromDelivery } from "../../src/broker/rabbitmq/frames/codec.ts";
import { open } from "../../src/envelope/envelope.ts";
import { type Client, connect, type Received } from "../support/client.ts";
import { sharedRabbitmq } from "../support/rabbitmq.ts";
import { integrationTimeoutMs } from "../support/timeout.ts";
import { until, untilCount } from "../support/wait.ts";
import { startWarren } from "../support/warren.ts";

setDefaultTimeout(integrationTimeoutMs);

const senders = 5;
const messagesOfEach = 400;
/** Messages that are sent without a pause: more than one goes into a turn, and into a pack. */
const burst = 20;

/** From a few bytes to more than an envelope, a flush of many, or an AMQP frame holds. */
const sizes = [0, 1, 64, 700, 1, 5000, 64, 64, 30_000, 150_000];

/** `SENDER NUMBER padding`, every seventh in bytes. */
function messageOf(sender: number, number: number): string | Uint8Array<ArrayBuffer> {
  const size = sizes[(sender * 7 + number * 3) % sizes.length]! + (number % 50 === 0 ? 100_000 : 0);
  const text = `${sender} ${number} ${"é".repeat(size / 2)}`;
  return number % 7 === 0 ? new TextEncoder().encode(text) : text;
}

/** The messages of each sender, in the order in which they came. They have to be whole. */
function bySender(received: readonly Received[]): string[][] {
  const numbers: string[][] = Array.from({ length: senders }, () => []);
  for (const message of received) {
    const text = typeof message === "string" ? message : new TextDecoder().decode(message);
    const [sender, number] = text.split(" ", 2).map(Number) as [number, number];
    const expected = messageOf(sender, number);
    expect(typeof message).toBe(typeof expected);
    expect(Buffer.compare(Buffer.from(message), Buffer.from(expected))).toBe(0);
    numbers[sender]!.push(String(number));
  }
  return numbers;
}

const all = Array.from({ length: messagesOfEach }, (_, number) => String(number));
const everything = Array.from({ length: senders }, () => all);
/** Whether all of each sender's messages are there. It is asked again and again, so it looks at each message once, and only at how it begins. */
function completeness(): (received: readonly Received[]) => boolean {
  const seen = new Set<string>();
  let looked = 0;
  return (received) => {
    for (; looked < received.length; looked++) {
      const beginning = received[looked]!.slice(0, 16);
      const text = typeof beginning === "string" ? beginning : new TextDecoder().decode(beginning);
      seen.add(text.split(" ", 2).join(" "));
    }
    return seen.size === senders * messagesOfEach;
  };
}

const withoutRepeats = (numbers: readonly string[]) => [...new Set(numbers)];

/** What another program finds in a queue of its own. */
async function takeAll(url: string, queue: string, isAll: (bodies: readonly Received[]) => boolean) {
  const bodies: Received[] = [];
  const connection = await connectAmqp(url);
  const channel = await connection.createChannel();
  await channel.consume(
    queue,
    (delivery) => {
      if (delivery === null) return;
      // To another program the copy is the message.
      const [message] = open({ ...fromDelivery(delivery), isCopy: false }, "?");
      bodies.push(message!.body);
    },
    { noAck: true },
  );
  await until(() => isAll(bodies), "everything is in the queue");
  await connection.close();
  return bodies;
}

async function sendAll(client: Client, sender: number): Promise<void> {
  for (let number = 0; number < messagesOfEach; number++) {
    client.send(messageOf(sender, number));
    if (number % burst === burst - 1) await Bun.sleep(4);
  }
}

describe("under load", () => {
  test.each([
    ["every message arrives once, in order", 0],
    ["every message arrives in order, though the connections to RabbitMQ are cut again and again", 3],
  ])("%s", async (_, cuts) => {
    const node = await sharedRabbitmq();
    const url = await node.vhost();
    const args = ["--role", "manager", "--broker", url];
    // Whoever looks at every byte, as here, reads slowly on a busy machine, and is not to be cut off for it.
    args.push("--client-buffer-bytes", "128MiB");
    await using near = await startWarren(args, { readyWhen: "ready" });
    await using far = await startWarren(args, { readyWhen: "ready" });
    const queue = "another program's";
    const declaring = await connectAmqp(url);
    const channel = await declaring.createChannel();
    await channel.assertQueue(queue, { durable: true });
    await channel.bindQueue(queue, "wsmanager", "");
    await declaring.close();

    await using neighbour = await connect(near.wsUrl());
    await using stranger = await connect(far.wsUrl());
    const clients = await Promise.all(Array.from({ length: senders }, () => connect(near.wsUrl())));
    const sending = Promise.all(clients.map(sendAll));
    for (let cut = 0; cut < cuts; cut++) {
      const before = neighbour.received.length;
      await until(() => neighbour.received.length > before + 100, "more has been sent");
      await node.closeConnections();
    }
    await sending;

    const total = senders * messagesOfEach;
    await untilCount(() => neighbour.received.length, total, "the neighbour has everything", 25_000);
    const hasAll = completeness();
    await until(() => hasAll(stranger.received), "the other manager's client has everything", 25_000);
    const queued = bySender(await takeAll(url, queue, completeness()));
    // The relay knows nothing of RabbitMQ, cut off or not.
    expect(bySender(neighbour.received)).toEqual(everything);
    // What was not confirmed when a connection was cut is published again, in order, and may be there twice.
    const order = cuts === 0 ? (each: readonly string[]) => each : withoutRepeats;
    expect(bySender(stranger.received).map(order)).toEqual(everything);
    expect(queued.map(order)).toEqual(everything);
    for (const client of clients) await client.close();
  });
});
