import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { type ConsumeMessage, connect as connectAmqp } from "amqplib";
import { connect } from "../support/client.ts";
import { sharedRabbitmq } from "../support/rabbitmq.ts";
import { bodiesOf, connectStomp } from "../support/stomp-client.ts";
import { startManager } from "../support/system.ts";
import { integrationTimeoutMs } from "../support/timeout.ts";
import { until } from "../support/wait.ts";

setDefaultTimeout(integrationTimeoutMs);

/** Another program: what it gets from `wsmanager`, and a way to publish to `towsmanager`. */
async function anotherProgram(url: string) {
  const connection = await connectAmqp(url);
  const channel = await connection.createChannel();
  const heard: ConsumeMessage[] = [];
  const { queue } = await channel.assertQueue("", { exclusive: true });
  await channel.bindQueue(queue, "wsmanager", "");
  await channel.consume(queue, (message) => void (message && heard.push(message)), { noAck: true });
  return {
    heard,
    channel,
    [Symbol.asyncDispose]: () => connection.close(),
  };
}

describe("STOMP over RabbitMQ", () => {
  test("a receipt comes when RabbitMQ has confirmed, and not before", async () => {
    const node = await sharedRabbitmq();
    await using manager = await startManager("m", await node.vhost());
    await using anna = await connectStomp(manager.wsUrl("/ws"), {
      heartbeatIncoming: 0,
      heartbeatOutgoing: 0,
    });
    const received = await anna.subscribe("/topic/#");
    await anna.sendSafely("/topic/a", "before");
    await using raw = await connect(manager.wsUrl("/ws"), { protocols: ["v12.stomp"] });
    raw.send("CONNECT\naccept-version:1.2\n\n\0");
    const connected = String(await raw.next());
    const receipts: string[] = [];
    node.freeze();
    try {
      void anna.sendSafely("/topic/a", "frozen").then(() => receipts.push("frozen"));
      raw.send(
        "BEGIN\ntransaction:t\n\n\0SEND\ndestination:/topic/a\ntransaction:t\nreceipt:part\n\none\0" +
          "SEND\ndestination:/topic/a\ntransaction:t\n\ntwo\0COMMIT\ntransaction:t\nreceipt:all\n\n\0",
      );
      // Neighbours hear it at once, whatever the broker is doing.
      expect((await bodiesOf(received, 4)).sort()).toEqual(["before", "frozen", "one", "two"]);
      await Bun.sleep(1000);
      expect([...receipts, ...raw.received]).toEqual([connected]);
    } finally {
      node.thaw();
    }
    await until(() => receipts.includes("frozen"), "the receipt after the thaw");
    expect(await raw.next()).toBe("RECEIPT\nreceipt-id:part\n\n\0");
    expect(await raw.next()).toBe("RECEIPT\nreceipt-id:all\n\n\0");
  });

  test("clients of two managers hear one another once, plain-text ones too, with one id and all headers", async () => {
    const url = await (await sharedRabbitmq()).vhost();
    for (const args of [[], ["--plain-copies", "off"]]) {
      await using one = await startManager(`one${args.length}`, url, ...args);
      await using two = await startManager(`two${args.length}`, url, ...args);
      await using anna = await connectStomp(one.wsUrl("/ws/anna"));
      await using ben = await connectStomp(two.wsUrl("/ws/ben"));
      await using plain = await connect(two.wsUrl("/ws?topic=a.b"));
      const annas = await anna.subscribe("/topic/a.*");
      const bens = await ben.subscribe("/topic/#");
      await anna.sendSafely("/topic/a.b", "hello", { colour: "red", größe: "a:b\n" });
      const bytes = new Uint8Array([0, 255]);
      await anna.sendSafely("/topic/a.b", bytes, { "content-type": "application/octet-stream" });
      plain.send("from plain");
      await bodiesOf(annas, 3);
      await bodiesOf(bens, 3);
      expect(await plain.next()).toBe("hello");
      expect(await plain.next()).toEqual(bytes);
      const withoutSubscription = annas.map(({ headers: { subscription, ...headers } }) => headers);
      expect(bens.map(({ headers: { subscription, ...headers } }) => headers)).toEqual(
        expect.arrayContaining(withoutSubscription),
      );
      expect(bens.find(({ body }) => body === "hello")!.headers).toMatchObject({
        colour: "red",
        größe: "a:b\n",
        destination: "/topic/a.b",
      });
      expect(bens.find(({ headers }) => headers["content-type"] !== "text/plain")!.binaryBody).toEqual(bytes);
      expect(new Set(bens.map(({ headers }) => headers["message-id"])).size).toBe(3);
      expect([annas.length, bens.length]).toEqual([3, 3]);
      expect([...one.logger.complaints, ...two.logger.complaints]).toEqual([]);
    }
  });

  test("headers travel to other programs, and theirs to clients", async () => {
    const url = await (await sharedRabbitmq()).vhost();
    await using manager = await startManager("m", url);
    await using program = await anotherProgram(url);
    await using anna = await connectStomp(manager.wsUrl("/ws/anna"));
    const [direct, topic] = [await anna.subscribe("/direct"), await anna.subscribe("/topic/#")];
    await anna.sendSafely("/topic/a", "hello", { colour: "red", "x-secret": "1", "client-id": "forged" });
    await until(() => program.heard.length === 1, "the program got the message");
    const { fields, properties, content } = program.heard[0]!;
    expect(fields.routingKey).toBe("a");
    expect(content.toString()).toBe("hello");
    expect(properties).toMatchObject({
      contentType: "text/plain",
      messageId: "m-1",
      appId: "m",
      headers: { colour: "red", "client-id": "anna" },
    });
    expect(Object.keys(properties.headers!).sort()).toEqual(["client-id", "colour", "warren-copy"]);
    expect(topic[0]!.headers["message-id"]).toBe("m-1");

    const headers = {
      colour: "blue",
      size: 5,
      nul: "a\0b",
      destination: "/topic/forged",
      subscription: "forged",
    };
    program.channel.publish("towsmanager", "b", Buffer.from("answer"), { headers, messageId: "p:1" });
    program.channel.publish("towsmanager", "b", Buffer.from("alone"), {
      headers: { "client-id": "anna", colour: "green" },
    });
    expect(await bodiesOf(topic, 2)).toEqual(["hello", "answer"]);
    expect(topic[1]!.headers).toEqual({
      subscription: "sub-1",
      "message-id": "p:1",
      destination: "/topic/b",
      "content-type": "text/plain",
      "content-length": "6",
      colour: "blue",
      size: "5",
    });
    expect(await bodiesOf(direct, 1)).toEqual(["alone"]);
    expect(direct[0]!.headers).toMatchObject({
      destination: "/direct",
      colour: "green",
      subscription: "sub-0",
    });
    expect(manager.logger.complaints).toEqual([]);
  });

  test("the most headers that a frame may have reach RabbitMQ", async () => {
    const url = await (await sharedRabbitmq()).vhost();
    await using manager = await startManager("m", url);
    await using program = await anotherProgram(url);
    await using anna = await connectStomp(manager.wsUrl("/ws/anna"));
    const headers = Object.fromEntries(
      Array.from({ length: 96 }, (_, index) => [`h${index}`, "ü".repeat(330)] as const),
    );
    await anna.sendSafely("/topic/a", "x".repeat(1024 ** 2), headers);
    await until(() => program.heard.length === 1, "the program got the message");
    expect(program.heard[0]!.properties.headers).toMatchObject(headers);
    expect(manager.logger.complaints).toEqual([]);
  });
});
