import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import type { PublishLink } from "../../src/broker/broker.ts";
import { defaultTiming } from "../../src/broker/rabbitmq/connection/link-timing.ts";
import { RabbitmqBroker } from "../../src/broker/rabbitmq/rabbitmq.ts";
import { Outbox } from "../../src/outbox/outbox.ts";
import { connect } from "../support/client.ts";
import { ForeignProgram, field, longText, table } from "../support/foreign-program.ts";
import { type RabbitmqNode, startRabbitmq } from "../support/rabbitmq.ts";
import { listenTo, startProcessor, textsOf } from "../support/set-aside-system.ts";
import { connectStomp } from "../support/stomp-client.ts";
import { QuietLogger, startManager } from "../support/system.ts";
import { integrationTimeoutMs } from "../support/timeout.ts";
import { until, within } from "../support/wait.ts";

setDefaultTimeout(integrationTimeoutMs);

/** Everything else has to go on within this time, in milliseconds. */
const goesOnWithinMs = 5000;
const frameMax = 16 * 1024;
const messageBytesMax = 100_000;

let node: RabbitmqNode;
beforeAll(async () => {
  node = await startRabbitmq({
    config: [`frame_max = ${frameMax}`, `max_message_size = ${messageBytesMax}`],
  });
  // A node that has just started may answer its first stream with 541, which is not what these tests are about.
  await (await startManager("first", await node.vhost()))[Symbol.asyncDispose]();
}, integrationTimeoutMs);
afterAll(() => node?.stop());

const numbered = (count: number, what = "good") =>
  Array.from({ length: count }, (_, index) => `${what} ${index}`);

describe("what RabbitMQ would close the channel over", () => {
  test.each(["CC", "BCC"])(
    "the header %s of a client does not travel, and its message does",
    async (name) => {
      const url = await node.vhost();
      await using manager = await startManager("m", url);
      await using program = await listenTo(url, "wsmanager");
      await using anna = await connectStomp(manager.wsUrl("/ws"));
      await anna.sendSafely("/topic/a", "with", { [name]: "x", "warren-copy": "1", "x-y": "1", mine: "own" });
      await until(() => program.heard.length === 1, "the other program has it");
      expect(program.heard[0]!.properties.headers).toEqual({
        "client-id": expect.any(String),
        mine: "own",
        // Warren says it itself.
        "warren-copy": true,
      });
      expect(manager.logger.complaints).toEqual([]);
    },
  );

  test.each([[[]], [["--plain-copies", "off"]]])(
    "headers beyond RabbitMQ's frame are refused to their sender, and to nobody else %p",
    async (args) => {
      const url = await node.vhost();
      await using manager = await startManager("m", url, ...args);
      await using anna = await connectStomp(manager.wsUrl("/ws"));
      await using bella = await connectStomp(manager.wsUrl("/ws"));
      const value = "x".repeat(5000);
      anna.send("/topic/a", "long", { a: value, b: value, c: value, d: value, receipt: "r-1" });
      const { headers } = await anna.failed;
      expect(headers["receipt-id"]).toBe("r-1");
      expect(headers["message"]).toMatch(/headers take 20\d\d\d bytes; RabbitMQ takes 16\d\d\d/);
      await bella.sendSafely("/topic/a", "after");
      expect(manager.logger.complaints).toEqual([]);
    },
  );
});

describe("a message that RabbitMQ closes the channel over", () => {
  for (const args of [[], ["--plain-copies", "off"]]) {
    test(`is set aside, with an ERROR for its receipt: all others go on in order ${args}`, async () => {
      const url = await node.vhost();
      await using manager = await startManager("m", url, ...args);
      await using program = await listenTo(url, "towsmanager");
      await using processor = await startProcessor(url, ({ text }) => (text.length < 100 ? text : "long"));
      await using anna = await connectStomp(manager.wsUrl("/ws"));
      await using bella = await connectStomp(manager.wsUrl("/ws"));
      const before = numbered(300, "before");
      const after = numbered(300, "after");
      const beforeAll = before.map((body) => bella.sendSafely("/topic/a", body));
      const startedAt = performance.now();
      // Small enough for Warren, and for a pack beside others.
      anna.send("/topic/a", new Uint8Array(messageBytesMax + 1), { receipt: "poison" });
      const afterAll = after.map((body) => bella.sendSafely("/topic/a", body));
      await within(Promise.all([...beforeAll, ...afterAll]), "the others' receipts", goesOnWithinMs);
      const { headers } = await anna.failed;
      expect(headers["receipt-id"]).toBe("poison");
      expect(headers["message"]).toContain("406");
      expect(performance.now() - startedAt).toBeLessThan(goesOnWithinMs);
      expect(await anna.closed).toBe(1002);
      expect(manager.logger.complaints).toEqual(["message set aside"]);
      await using later = await connectStomp(manager.wsUrl("/ws"));
      await later.sendSafely("/topic/a", "last");
      const answers = () => distinct(textsOf(program.heard));
      await until(() => answers().at(-1) === "last", "all are answered");
      expect(answers()).toEqual([...before, ...after, "last"]);
      expect(processor.logger.complaints).toEqual([]);
    });
  }

  test("in a transaction is an ERROR for the COMMIT, and the others of it are published", async () => {
    const url = await node.vhost();
    await using manager = await startManager("m", url);
    await using program = await listenTo(url, "wsmanager");
    await using anna = await connect(manager.wsUrl("/ws"), { protocols: ["v12.stomp"] });
    const send = (body: string) => `SEND\ndestination:/topic/a\ntransaction:t\n\n${body}\0`;
    anna.send("CONNECT\naccept-version:1.2\n\n\0BEGIN\ntransaction:t\n\n\0");
    anna.send(send("one") + send("x".repeat(messageBytesMax + 1)) + send("three"));
    anna.send("COMMIT\ntransaction:t\nreceipt:all\n\n\0");
    const error = String(await anna.next((frame) => String(frame).startsWith("ERROR")));
    expect(error).toContain("\nreceipt-id:all\n");
    await until(() => distinct(textsOf(program.heard)).length >= 2, "the others are there");
    expect(distinct(textsOf(program.heard))).toEqual(["one", "three"]);
  });

  test("in an answer is set aside, its question is dead-lettered with the reason, and others are answered", async () => {
    const url = await node.vhost();
    await using manager = await startManager("m", url);
    await using anna = await connectStomp(manager.wsUrl("/ws"));
    await using _processor = await startProcessor(url, ({ text }) =>
      text === "poison" ? "x".repeat(messageBytesMax + 1) : `answer to ${text}`,
    );
    await using dead = await listenTo(url, "wsmanager.dead");
    await using program = await listenTo(url, "towsmanager");
    const all = [...numbered(20, "before"), "poison", ...numbered(20, "after")];
    for (const body of all) anna.send("/topic/a", body);
    const answers = () => distinct(textsOf(program.heard));
    await until(() => answers().length === 40, "the others are answered", goesOnWithinMs);
    expect(answers()).toEqual(all.filter((body) => body !== "poison").map((body) => `answer to ${body}`));
    await until(() => dead.heard.length === 1, "the question is dead-lettered");
    expect(dead.heard[0]!.content.toString()).toBe("poison");
    expect(String(dead.heard[0]!.properties.headers?.["dead-reason"])).toMatch(/answer was set aside: .*406/);
  });

  test("as a dead letter is published without its headers, and is acknowledged", async () => {
    const url = await node.vhost();
    await using program = await ForeignProgram.connect(url);
    // With these headers and that they are more than a frame.
    const reason = "unreadable".repeat(90);
    await using processor = await startProcessor(url, ({ text }) => {
      if (text === "poison") throw new Error(reason);
      return text;
    });
    await using dead = await listenTo(url, "wsmanager.dead");
    await using answers = await listenTo(url, "towsmanager");
    const value = longText("x".repeat(7900));
    await program.publish("wsmanager", {
      headers: table(field("a", "S", value), field("b", "S", value)),
      routingKey: "a.b",
      body: "poison",
    });
    await program.publish("wsmanager", { body: "after" });
    await until(
      () => answers.heard.length === 1 && dead.heard.length === 1,
      "both are there",
      goesOnWithinMs,
    );
    const [letter] = dead.heard;
    expect(letter!.fields.routingKey).toBe("a.b");
    expect(letter!.content.toString()).toBe("poison");
    expect(letter!.properties.headers).toEqual({
      "dead-reason": reason,
      "dead-attempts": "1",
      "dead-group": "processor",
      "dead-message-id": "unnamed",
    });
    expect(processor.logger.complaints).toContain("message set aside");
  });

  test("nor does a routing key that is too long as text harm anybody: its question is dead-lettered", async () => {
    const url = await node.vhost();
    await using program = await ForeignProgram.connect(url);
    await using _processor = await startProcessor(url, ({ text }) => `answer to ${text}`);
    await using dead = await listenTo(url, "wsmanager.dead");
    await using answers = await listenTo(url, "towsmanager");
    const routingKey = Buffer.alloc(100, 0xff);
    const bodies = numbered(30);
    const all = [...bodies.slice(0, 15), "odd", ...bodies.slice(15)];
    for (const body of all)
      await program.publish("wsmanager", body === "odd" ? { routingKey, body } : { body });
    await until(() => dead.heard.length === 1, "the odd one is dead-lettered", goesOnWithinMs);
    const answered = () => textsOf(answers.heard);
    await until(
      () => bodies.every((body) => answered().includes(`answer to ${body}`)),
      "the others are answered",
    );
    const [letter] = dead.heard;
    expect(letter!.content.toString()).toBe("odd");
    expect(letter!.fields.routingKey).toBe("");
    expect(letter!.properties.headers).toMatchObject({ "dead-routing-key": "\ufffd".repeat(100) });
  });
});

describe("a message that RabbitMQ closes the connection over", () => {
  test("is found among thousands and set aside within 5 s, and all others are confirmed in order", async () => {
    const url = await node.vhost();
    const logger = new QuietLogger();
    const broker = new RabbitmqBroker({
      urls: [url],
      name: "m",
      logger,
      logRetention: "off",
      timing: defaultTiming,
    });
    const outbox = new Outbox("app", false);
    // One that does not know how long a frame may be.
    broker.attachPublisher("wsmanager", {
      waitingCount: 0,
      opened: (link) => outbox.opened(unlimited(link)),
      confirmed: (tag, multiple) => outbox.confirmed(tag, multiple),
      refused: (tag, multiple) => outbox.refused(tag, multiple),
      refusing: () => outbox.refusing(),
      blocked: (isBlocked) => outbox.blocked(isBlocked),
      closed: (refusal) => outbox.closed(refusal),
    });
    broker.start((error) => logger.error(String(error)));
    await until(() => broker.status().state === "ready", "it is connected");
    await using program = await listenTo(url, "wsmanager");
    const confirmed: string[] = [];
    const setAside: string[] = [];
    const append = (body: string, headers?: Record<string, string>) =>
      outbox.append(
        { body, topic: "", headers },
        { confirmed: () => void confirmed.push(body), setAside: (why) => void setAside.push(why) },
      );
    const bodies = numbered(4000);
    const startedAt = performance.now();
    for (const body of bodies.slice(0, 2500)) append(body);
    append("poison", { long: "x".repeat(20_000) });
    for (const body of bodies.slice(2500)) append(body);
    await until(() => outbox.isEmpty, "everything is settled", 20_000);
    const tookMs = performance.now() - startedAt;
    expect(setAside).toEqual([expect.stringContaining("501")]);
    expect(confirmed).toEqual(bodies);
    expect(tookMs).toBeLessThan(goesOnWithinMs);
    await until(() => distinct(textsOf(program.heard)).length === bodies.length, "the other program has all");
    expect(distinct(textsOf(program.heard))).toEqual(bodies);
    outbox.close();
    await broker.close();
  });
});

function unlimited(link: PublishLink): PublishLink {
  return {
    isCostly: link.isCostly,
    takesCopies: link.takesCopies === true,
    headBytesMax: Number.POSITIVE_INFINITY,
    get unwritten() {
      return link.unwritten;
    },
    get isCongested() {
      return link.isCongested === true;
    },
    send: (envelopes) => link.send(envelopes),
    giveUp: (why) => link.giveUp(why),
  };
}

/** Without what came again: that is what at least once allows. */
function distinct(texts: readonly string[]): string[] {
  return [...new Set(texts)];
}
