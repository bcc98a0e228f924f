import { afterEach, beforeEach, describe, expect, setDefaultTimeout, test } from "bun:test";
import { type ChannelModel, type ConfirmChannel, type ConsumeMessage, connect } from "amqplib";
import type { Broker, Exchange } from "../../src/broker/broker.ts";
import { defaultTiming } from "../../src/broker/rabbitmq/connection/link-timing.ts";
import { RabbitmqBroker } from "../../src/broker/rabbitmq/rabbitmq.ts";
import { open } from "../../src/envelope/envelope.ts";
import { packedContentType } from "../../src/envelope/packing.ts";
import { Outbox } from "../../src/outbox/outbox.ts";
import { RecordingConsumer, RecordingFollower, startAndWait } from "../contract/recorders.ts";
import { sharedRabbitmq } from "../support/rabbitmq.ts";
import { QuietLogger } from "../support/system.ts";
import { integrationTimeoutMs } from "../support/timeout.ts";
import { until, untilCount } from "../support/wait.ts";
import { onConfirmed } from "../unit/doubles/waiter.ts";

setDefaultTimeout(integrationTimeoutMs);

const exchanges = ["wsmanager", "towsmanager"] as const;
const timing = { ...defaultTiming, backoff: { firstMs: 20, mostMs: 200 } };
const logRetention = { maxBytes: 16 * 1024 ** 2, maxAgeMs: 86_400_000 };

let url: string;
let program: { readonly connection: ChannelModel; readonly channel: ConfirmChannel };
const opened: Broker[] = [];
beforeEach(async () => {
  url = await (await sharedRabbitmq()).vhost();
  const connection = await connect(url);
  program = { connection, channel: await connection.createConfirmChannel() };
});
afterEach(async () => {
  await Promise.all(opened.splice(0).map((broker) => broker.close()));
  await program.connection.close();
});

/** Warren's two roles on one broker: outboxes to both exchanges, a group, and a follower of the log. */
async function startRoles(plainCopies = true) {
  const broker = new RabbitmqBroker({
    urls: [url],
    name: "test",
    logger: new QuietLogger(),
    logRetention,
    plainCopies,
    timing,
  });
  opened.push(broker);
  const outboxes = { wsmanager: new Outbox("manager-1", true), towsmanager: new Outbox("processor-1", true) };
  const [group, follower] = [new RecordingConsumer(), new RecordingFollower()];
  for (const exchange of exchanges) broker.attachPublisher(exchange, outboxes[exchange]);
  broker.attachConsumer("group", 100, group);
  broker.attachFollower(follower);
  await startAndWait(broker);
  const texts = (
    envelopes: readonly { readonly envelope: (typeof group.deliveries)[number]["envelope"] }[],
  ) => envelopes.flatMap(({ envelope }) => open(envelope, "?").map(({ body }) => String(body)));
  return {
    broker,
    outboxes,
    follower,
    atGroup: () => texts(group.deliveries),
    inLog: (exchange: Exchange) => texts(follower.records.filter((record) => record.exchange === exchange)),
    group,
  };
}

/**
 * Another program's queue on an exchange, bound when this resolves.
 *
 * @param topic bound by an exchange of the program's own, which lets this topic pass
 */
async function listen(exchange: string, args: Record<string, unknown> = {}, topic?: string) {
  const heard: ConsumeMessage[] = [];
  const channel = await program.connection.createChannel();
  const { queue } = await channel.assertQueue("", { exclusive: true, arguments: args });
  if (topic === undefined) await channel.bindQueue(queue, exchange, "");
  else {
    const own = `own.${queue}`;
    await channel.assertExchange(own, "topic", { autoDelete: true });
    await channel.bindQueue(queue, own, topic);
    await channel.bindExchange(own, exchange, "");
  }
  return {
    queue,
    channel,
    heard,
    consume: () =>
      channel.consume(queue, (message) => void (message && heard.push(message)), { noAck: true }),
    get texts() {
      return heard.map(({ content }) => content.toString());
    },
  };
}

/** AMQP messages that RabbitMQ has taken from channels so far. */
async function publishedToExchanges(): Promise<number> {
  const node = await sharedRabbitmq();
  return Number(
    await node.eval(
      "maps:get(messages_received_total, maps:fold(fun(_, Counts, All) -> maps:merge_with(fun(_, A, B) -> A + B end, All, Counts) end, #{}, rabbit_global_counters:overview()))",
    ),
  );
}

/** What Warren's roles have published, and what another program has. */
const ours = (texts: readonly string[]) => texts.filter((text) => text.startsWith("message "));
const theirs = (texts: readonly string[]) => texts.filter((text) => text.startsWith("foreign "));

const from = (first: number, count: number) =>
  Array.from({ length: count }, (_, index) => `message ${first + index}`);

describe("another program", () => {
  test.each([
    ["with headers of the client's own", { mine: "own" }, undefined],
    ["without headers", {}, undefined],
    ["of the topic that an exchange of its own lets pass", {}, "a.*"],
  ])(
    "hears each message once and plain, with all that it has, from the first after its binding on, and is heard once itself: %s",
    async (_, own, topic) => {
      const roles = await startRoles();
      const listeners: {
        readonly exchange: Exchange;
        readonly first: number;
        readonly firstForeign: number;
        readonly program: Awaited<ReturnType<typeof listen>>;
      }[] = [];
      const perMessage = topic === undefined ? 1 : 2;
      let count = 0;
      let foreign = 0;
      let confirmed = 0;
      let isOver = false;
      // Some alone, some by the dozen: in packs of one and of many.
      const publish = (messages: number) => {
        for (let index = 0; index < messages; index++) {
          const headers = { ...own, "content-type": "text/x-own", "correlation-id": `${count}` };
          for (const exchange of exchanges)
            roles.outboxes[exchange].append(
              { body: `message ${count}`, topic: "a.b", clientId: "anna", headers },
              onConfirmed(() => confirmed++),
            );
          // What the program does not let pass.
          for (const exchange of topic === undefined ? [] : exchanges)
            roles.outboxes[exchange].append({ body: "other", topic: "other", clientId: "anna" });
          count++;
        }
      };
      const publishForeign = () => {
        for (const exchange of exchanges)
          program.channel.publish(exchange, "a.b", Buffer.from(`foreign ${foreign}`));
        foreign++;
      };
      const traffic = async () => {
        for (let round = 0; !isOver; round++) {
          publish(round % 3 === 0 ? 30 : 1);
          publishForeign();
          await Bun.sleep(1);
          // Else a RabbitMQ that is slow would have the more to do.
          await untilCount(() => confirmed, 2 * count - 1000, "confirms");
        }
      };
      const bind = async () => {
        for (const exchange of exchanges) {
          const listener = await listen(exchange, {}, topic);
          listeners.push({ exchange, first: count, firstForeign: foreign, program: listener });
          await listener.consume();
        }
      };
      await bind();
      publish(3);
      const sending = traffic();
      for (let round = 0; round < 3; round++) {
        await until(() => count > 300 * (round + 1), "some traffic");
        await bind();
      }
      isOver = true;
      await sending;
      await bind();
      publish(40);
      publishForeign();
      await untilCount(() => confirmed, 2 * count, "confirms");
      await program.channel.waitForConfirms();
      const all = from(0, count);
      const allForeign = Array.from({ length: foreign }, (_, index) => `foreign ${index}`);
      for (const { exchange, first, firstForeign, program: listener } of listeners) {
        await until(() => ours(listener.texts).at(-1) === all.at(-1), `the last message on ${exchange}`);
        await until(() => theirs(listener.texts).at(-1) === allForeign.at(-1), "the last foreign one");
        // One that was appended before it was bound may have been published after it.
        const begin = all.indexOf(ours(listener.texts)[0]!);
        expect(begin).toBeLessThanOrEqual(first);
        expect(ours(listener.texts)).toEqual(all.slice(begin));
        const beginForeign = allForeign.indexOf(theirs(listener.texts)[0]!);
        expect(beginForeign).toBeLessThanOrEqual(firstForeign);
        expect(theirs(listener.texts)).toEqual(allForeign.slice(beginForeign));
        expect(listener.heard.length).toBe(all.length - begin + allForeign.length - beginForeign);
        expect(new Set(listener.heard.map(({ fields }) => fields.exchange))).toEqual(new Set([exchange]));
        const copies = listener.heard.filter(({ content }) => ours([content.toString()]).length > 0);
        expect(copies.every(({ properties }) => properties.contentType === "text/x-own")).toBe(true);
        const { properties, fields } = copies[0]!;
        expect(fields.routingKey).toBe("a.b");
        const app = exchange === "wsmanager" ? "manager-1" : "processor-1";
        expect(properties).toMatchObject({
          messageId: `${app}-${perMessage * begin + 1}`,
          appId: app,
          correlationId: `${begin}`,
        });
        expect(properties.headers).toEqual({ "client-id": "anna", ...own, "warren-copy": true });
      }
      await untilCount(() => roles.atGroup().length, perMessage * count + foreign, "deliveries to the group");
      expect(ours(roles.atGroup())).toEqual(all);
      expect(theirs(roles.atGroup())).toEqual(allForeign);
      for (const exchange of exchanges) {
        const inLog = () => roles.inLog(exchange).filter((text) => text !== "other");
        // The log is followed apart from the group's queue.
        await untilCount(() => inLog().length, all.length + foreign, "messages in the log");
        expect(ours(inLog())).toEqual(all);
        expect(theirs(inLog())).toEqual(allForeign);
      }
      const types = new Set(roles.group.deliveries.map(({ envelope }) => envelope.contentType));
      expect(types).toEqual(new Set([packedContentType, undefined]));
    },
  );

  test("costs RabbitMQ hardly a copy where there is none", async () => {
    const roles = await startRoles();
    let confirmed = 0;
    const publish = (messages: number) => {
      for (let index = 0; index < messages; index++)
        roles.outboxes.wsmanager.append(
          { body: "text", topic: "a", clientId: "anna" },
          onConfirmed(() => confirmed++),
        );
    };
    // The first one shows that the way is open, and the second one that nobody listens.
    for (const count of [1, 2]) {
      publish(1);
      await until(() => confirmed === count, "the first confirms");
    }
    const before = await publishedToExchanges();
    publish(2000);
    await untilCount(() => confirmed, 2002, "confirms");
    const after = await publishedToExchanges();
    // Packs, and a copy for each few of them.
    expect(after - before).toBeLessThan(100);
  });

  test("is heard as before on both exchanges, once; what it marks as a copy is silent in Warren alone", async () => {
    const roles = await startRoles();
    const others = await listen("wsmanager");
    await others.consume();
    const { channel } = program;
    for (const exchange of exchanges) {
      channel.publish(exchange, "a", Buffer.from("one"));
      channel.publish(exchange, "a", Buffer.from("silent"), { headers: { "warren-copy": "whatever" } });
      channel.publish(exchange, "a", Buffer.from("silent, too"), { headers: { "warren-copy": null } });
      channel.publish(exchange, "a", Buffer.from("two"), { headers: { other: 1 } });
    }
    await channel.waitForConfirms();
    roles.outboxes.wsmanager.append({ body: "three", topic: "" });
    roles.outboxes.towsmanager.append({ body: "three", topic: "" });
    await until(() => roles.atGroup().includes("three"), "the group's last");
    await until(
      () => exchanges.every((exchange) => roles.inLog(exchange).includes("three")),
      "the log's last",
    );
    expect(roles.atGroup()).toEqual(["one", "two", "three"]);
    for (const exchange of exchanges) expect(roles.inLog(exchange)).toEqual(["one", "two", "three"]);
    await until(() => others.heard.length === 5, "the other program's");
    expect(others.texts).toEqual(["one", "silent", "silent, too", "two", "three"]);
  });

  test("hears nothing with --plain-copies off, and is heard", async () => {
    const roles = await startRoles(false);
    const others = await listen("wsmanager");
    await others.consume();
    roles.outboxes.wsmanager.append({ body: "ours", topic: "" });
    await until(() => roles.atGroup().includes("ours"), "the group's");
    program.channel.publish("wsmanager", "a", Buffer.from("theirs"));
    await until(() => roles.atGroup().includes("theirs"), "the other program's");
    await until(() => others.heard.length > 0, "what it published itself");
    expect(others.texts).toEqual(["theirs"]);
  });

  test("that has a full queue holds the copy up, and what Warren's roles have is not published again", async () => {
    const roles = await startRoles();
    const others = await listen("wsmanager", { "x-max-length": 1, "x-overflow": "reject-publish" });
    let confirmed = 0;
    const publish = (body: string) =>
      roles.outboxes.wsmanager.append(
        { body, topic: "" },
        onConfirmed(() => confirmed++),
      );
    publish("one");
    await until(() => confirmed === 1, "the first confirm");
    publish("two");
    await until(
      () => roles.outboxes.wsmanager.repeatedCount > 0,
      "the refused copy to be tried again",
      20_000,
    );
    publish("three");
    expect(confirmed).toBe(1);
    await others.consume();
    await until(() => confirmed === 3, "all confirms", 60_000);
    await until(() => others.heard.length >= 3, "all copies");
    await until(() => roles.atGroup().length >= 3, "all of the group's");
    await until(() => roles.inLog("wsmanager").length >= 3, "all in the log");
    expect(others.texts).toEqual(["one", "two", "three"]);
    expect(roles.atGroup()).toEqual(["one", "two", "three"]);
    expect(roles.inLog("wsmanager")).toEqual(["one", "two", "three"]);
  });
});

describe("an installation of before there were copies", () => {
  test("is taken over: what is in its queues comes, and everything new comes once", async () => {
    const { channel } = program;
    for (const exchange of exchanges) {
      await channel.assertExchange(exchange, "fanout");
      await channel.assertExchange(`${exchange}.queues`, "fanout", { internal: true });
      await channel.bindExchange(`${exchange}.queues`, exchange, "");
    }
    await channel.assertExchange("wsmanager.dead", "fanout");
    await channel.assertQueue("wsmanager.log", {
      arguments: {
        "x-queue-type": "stream",
        "x-max-length-bytes": 16 * 1024 ** 2,
        "x-max-age": "86400s",
        "x-stream-max-segment-size-bytes": 1024 ** 2,
      },
    });
    await channel.assertQueue("wsmanager.group", {
      arguments: { "x-queue-type": "quorum", "x-dead-letter-exchange": "wsmanager.dead" },
    });
    for (const exchange of exchanges) {
      await channel.bindQueue("wsmanager.log", `${exchange}.queues`, "");
      // The very first versions had it so.
      await channel.bindQueue("wsmanager.log", exchange, "");
    }
    for (const source of ["wsmanager", "wsmanager.queues"])
      await channel.bindQueue("wsmanager.group", source, "");
    channel.publish("wsmanager", "", Buffer.from("before"));
    await channel.waitForConfirms();
    const roles = await startRoles();
    let isOver = false;
    let published = 0;
    const foreign = (async () => {
      while (!isOver) {
        channel.publish("wsmanager", "", Buffer.from(`theirs ${published++}`));
        await channel.waitForConfirms();
      }
    })();
    for (const body of from(0, 50)) roles.outboxes.wsmanager.append({ body, topic: "" });
    await until(() => roles.atGroup().includes("message 49"), "the last message");
    // A process of before, which starts meanwhile, binds as it knows it.
    await channel.bindExchange("wsmanager.queues", "wsmanager", "");
    for (const body of from(50, 50)) roles.outboxes.wsmanager.append({ body, topic: "" });
    await until(() => roles.atGroup().includes("message 99"), "the last message");
    isOver = true;
    await foreign;
    await untilCount(() => roles.atGroup().length, 101 + published, "everything at the group");
    const ofGroup = roles.atGroup();
    expect(ofGroup.filter((text) => !text.startsWith("theirs"))).toEqual(["before", ...from(0, 100)]);
    expect(ofGroup.filter((text) => text.startsWith("theirs")).length).toBe(published);
    // The log is followed apart from the group's queue.
    const logged = () => roles.inLog("wsmanager").filter((text) => text.startsWith("message"));
    await untilCount(() => logged().length, 100, "all in the log");
    expect(logged()).toEqual(from(0, 100));
  });

  test("whose selector is something else is refused in one line that says what to delete", async () => {
    await program.channel.assertExchange("wsmanager.select", "topic");
    const broker = new RabbitmqBroker({
      urls: [url],
      name: "test",
      logger: new QuietLogger(),
      logRetention,
      timing,
    });
    opened.push(broker);
    broker.attachPublisher("wsmanager", new Outbox("manager-1", true));
    const fatal = await new Promise<Error>((resolve) => broker.start(resolve));
    expect(fatal.message).toMatch(
      /^the exchange "wsmanager\.select" exists in RabbitMQ with other settings[^\n]*: delete it, [^\n]*$/,
    );
  });
});

test.each(["select", "void", "packed", "queues"])(
  "the exchange wsmanager.%s is restored when it was deleted, and nothing is lost or comes twice",
  async (which) => {
    const roles = await startRoles();
    const others = await listen("wsmanager");
    await others.consume();
    let confirmed = 0;
    const publish = (bodies: readonly string[]) => {
      for (const body of bodies)
        roles.outboxes.wsmanager.append(
          { body, topic: "" },
          onConfirmed(() => confirmed++),
        );
    };
    publish(from(0, 20));
    await until(() => confirmed === 20, "the first confirms");
    await program.channel.deleteExchange(`wsmanager.${which}`);
    publish(from(20, 20));
    await until(() => confirmed === 40, "confirms after it", 20_000);
    await untilCount(() => new Set(roles.atGroup()).size, 40, "everything at the group");
    publish(["after"]);
    program.channel.publish("wsmanager", "", Buffer.from("theirs"));
    await until(() => roles.atGroup().includes("after") && roles.atGroup().includes("theirs"), "what is new");
    expect([...new Set(roles.atGroup())].filter((text) => text.startsWith("m"))).toEqual(from(0, 40));
    // The two queues are independent: the group may have it before the other program has.
    await untilCount(() => new Set(others.texts).size, 42, "everything at the other program");
    // What was repeated may come again, as after every loss; copies never come to Warren's own.
    expect(new Set(others.texts)).toEqual(new Set([...from(0, 40), "after", "theirs"]));
  },
);
