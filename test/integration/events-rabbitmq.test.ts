import { afterAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connect as connectAmqp } from "amqplib";
import type { ClientEvent } from "../../src/events/event.ts";
import { connect } from "../support/client.ts";
import { sharedRabbitmq } from "../support/rabbitmq.ts";
import { connectStomp, type Message } from "../support/stomp-client.ts";
import { startManager } from "../support/system.ts";
import { integrationTimeoutMs } from "../support/timeout.ts";
import { until } from "../support/wait.ts";
import { startWarren } from "../support/warren.ts";

setDefaultTimeout(integrationTimeoutMs);

const folder = mkdtempSync(join(tmpdir(), "warren-events-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Another program, which wants to hear of clients. */
async function listener(url: string) {
  const connection = await connectAmqp(url);
  const channel = await connection.createChannel();
  const heard: ClientEvent[] = [];
  await channel.assertExchange("wsmanager.events", "topic", { durable: true });
  const { queue } = await channel.assertQueue("", { exclusive: true });
  await channel.bindQueue(queue, "wsmanager.events", "client.*");
  await channel.consume(
    queue,
    (message) =>
      void (
        message && heard.push({ ...JSON.parse(message.content.toString()), key: message.fields.routingKey })
      ),
    { noAck: true },
  );
  return {
    heard,
    of: (...events: string[]) => heard.filter(({ event }) => events.includes(event)),
    [Symbol.asyncDispose]: () => connection.close(),
  };
}

/** A program whose queue is full, and refuses what comes. */
async function fullQueue(url: string) {
  const connection = await connectAmqp(url);
  const channel = await connection.createChannel();
  await channel.assertExchange("wsmanager.events", "topic", { durable: true });
  const args = { "x-max-length": 1, "x-overflow": "reject-publish" };
  const { queue } = await channel.assertQueue("", { exclusive: true, arguments: args });
  channel.sendToQueue(queue, Buffer.from("never read"));
  await channel.bindQueue(queue, "wsmanager.events", "#");
  return { [Symbol.asyncDispose]: () => connection.close() };
}

interface Told {
  readonly event: string;
  readonly clients: readonly string[];
  readonly missing?: readonly string[];
}

/** Who is there by what a client was told, and how often each one was told to join and to leave. */
function book(messages: readonly Message[]) {
  const there = new Set<string>();
  const joined: string[] = [];
  const left: string[] = [];
  for (const { body } of messages) {
    const { event, clients } = JSON.parse(body) as Told;
    if (event === "snapshot" || event === "joined") for (const client of clients) there.add(client);
    if (event === "left") for (const client of clients) there.delete(client);
    if (event === "joined") joined.push(...clients);
    if (event === "left") left.push(...clients);
  }
  return { there: [...there].sort(), joined: joined.sort(), left: left.sort() };
}

describe.concurrent("Events on RabbitMQ", () => {
  test("a program hears who comes, what they subscribe to, and who goes, whatever another one does with its queue", async () => {
    const url = await (await sharedRabbitmq()).vhost();
    await using program = await listener(url);
    await using _other = await fullQueue(url);
    await using manager = await startManager("told", url);
    await using first = await connect(manager.wsUrl("/ws/first?topic=elsewhere"));
    await until(() => program.of("subscribed").length === 1, "events come");
    await first.close();
    await until(() => program.of("disconnected").length === 1, "the first one to be gone");
    program.heard.length = 0;
    const anna = await connectStomp(manager.wsUrl("/ws/anna"));
    const received = await anna.subscribe("/topic/news.#");
    const ben = await connect(manager.wsUrl("/ws/ben?topic=news.a"));
    const nameless = await connect(manager.wsUrl("/ws?topic=news.b"));
    await until(() => program.of("connected").length === 3, "three are connected");
    nameless.send("hello");
    await until(() => received.length === 1, "anna hears it");
    await ben.close();
    await nameless.close();
    await anna[Symbol.asyncDispose]();
    await until(() => program.of("disconnected").length === 3, "three are disconnected");
    const [one, second, third] = program.of("connected");
    expect(one).toMatchObject({
      client: "anna",
      protocol: "stomp",
      manager: "told",
      key: "client.connected",
    });
    expect(second).toMatchObject({ client: "ben", protocol: "text" });
    // The name under which it was announced is the one that others read in its messages.
    expect(third!.client).toBe(received[0]!.headers["client-id"]!);
    expect(program.of("subscribed").map(({ client, topic }) => [client, topic])).toEqual([
      ["anna", "news.#"],
      ["ben", "news.a"],
      [third!.client, "news.b"],
    ]);
    const ends = program.of("disconnected").map(({ connection }) => connection);
    expect(ends.sort()).toEqual([one, second, third].map((event) => event!.connection).sort());
    expect(Math.abs(one!.at - Date.now())).toBeLessThan(60_000);
  });

  test("for a manager that was killed another one tells that its clients are disconnected, once each, also of those that came when nobody listened", async () => {
    const url = await (await sharedRabbitmq()).vhost();
    await using killed = await startWarren(["--role", "manager", "--broker", url], { readyWhen: "ready" });
    await using _survivor = await startWarren(["--role", "manager", "--broker", url], { readyWhen: "ready" });
    const come = (from: number) =>
      Promise.all(
        Array.from({ length: 10 }, (_, n) =>
          connect(`${killed.url.replace("http", "ws")}ws/c${from + n}?topic=t`),
        ),
      );
    const early = await come(0);
    await using program = await listener(url);
    const late = await come(10);
    await until(() => program.of("connected").length >= 10, "those that came last are told of");
    for (const client of [...early.splice(0, 3), ...late.splice(0, 3)]) await client.close();
    await until(() => program.of("disconnected").length === 6, "six have gone");
    process.kill(killed.pid, "SIGKILL");
    await until(() => program.of("disconnected").length >= 20, "the others are spoken for", 60_000);
    const ends = program.of("disconnected").map(({ client }) => client);
    expect(ends.sort()).toEqual(Array.from({ length: 20 }, (_, n) => `c${n}`).sort());
    expect(new Set(program.of("disconnected").map(({ connection }) => connection)).size).toBe(20);
    expect(program.of("disconnected").at(-1)).toMatchObject({ reason: "manager lost" });
    const topics = program.of("subscribed").map(({ topic }) => topic);
    expect(new Set(topics)).toEqual(new Set(["t"]));
  });

  test("a manager that starts alone speaks for those that died before", async () => {
    const node = await sharedRabbitmq();
    const url = await node.vhost();
    await using program = await listener(url);
    const killed = await startWarren(["--role", "manager", "--broker", url], { readyWhen: "ready" });
    await connect(`${killed.url.replace("http", "ws")}ws/early?topic=t`);
    await until(() => program.of("connected").length === 1, "it is connected");
    process.kill(killed.pid, "SIGKILL");
    await using next = await startWarren(["--role", "manager", "--broker", url], { readyWhen: "ready" });
    await connect(`${next.url.replace("http", "ws")}ws/late?topic=t`);
    await until(() => program.of("disconnected").length === 1, "the early one is spoken for", 60_000);
    expect(program.of("disconnected").map(({ client }) => client)).toEqual(["early"]);
    expect(program.of("connected").map(({ client }) => client)).toEqual(["early", "late"]);
  });

  test("who is on a topic is told on all managers, and the clients of one that is killed leave once", async () => {
    const url = await (await sharedRabbitmq()).vhost();
    await using one = await startManager("one", url);
    await using two = await startManager("two", url);
    await using killed = await startWarren(["--role", "manager", "--broker", url], { readyWhen: "ready" });
    const killedWs = (path: string) => `${killed.url.replace("http", "ws")}ws${path}`;
    await using _anna = await connect(one.wsUrl("/ws/anna?topic=t"));
    const ben = await connect(two.wsUrl("/ws/ben?topic=t"));
    await Promise.all(Array.from({ length: 20 }, (_, n) => connect(killedWs(`/c${10 + n}?topic=t`))));
    // Anna is on two managers.
    await connect(killedWs("/anna?topic=t"));
    const cs = Array.from({ length: 20 }, (_, n) => `c${10 + n}`);
    await using early = await connectStomp(one.wsUrl("/ws/early"));
    await using late = await connectStomp(two.wsUrl("/ws/late"));
    // A manager is ready before the others know of it, and one that does not know of it cannot tell that it has not answered.
    const greeters = await Promise.all([
      connect(one.wsUrl("/ws/g1?topic=hello")),
      connect(two.wsUrl("/ws/g2?topic=hello")),
      connect(killedWs("/g3?topic=hello")),
    ]);
    for (const watcher of [early, late]) {
      const greeted = await watcher.subscribe("/presence/hello");
      await until(() => book(greeted).there.length === greeters.length, "the managers know of one another");
    }
    const first = await early.subscribe("/presence/t");
    await until(() => book(first).there.length === 22, "all are seen");
    expect(book(first)).toMatchObject({ there: ["anna", "ben", ...cs], left: [] });
    // On a busy machine a manager may not answer in time. Its clients join then, and the snapshot has said so.
    const joinedFirst = book(first).joined;
    const { missing = [] } = JSON.parse(first[0]!.body) as { missing?: readonly string[] };
    if (missing.length === 0) expect(joinedFirst).toEqual([]);
    const second = await late.subscribe("/presence/t");
    await until(() => book(second).there.length === 22, "all are seen there, too");
    await ben.close();
    process.kill(killed.pid, "SIGKILL");
    await until(
      () => book(first).there.length === 1 && book(second).there.length === 1,
      "all but anna have left",
      60_000,
    );
    await using _dora = await connect(two.wsUrl("/ws/dora?topic=t"));
    await until(() => book(first).there.length === 2 && book(second).there.length === 2, "dora joins");
    expect(book(first)).toEqual({
      there: ["anna", "dora"],
      joined: [...joinedFirst, "dora"].sort(),
      left: ["ben", ...cs],
    });
    expect(book(second)).toMatchObject({ there: ["anna", "dora"], left: ["ben", ...cs] });
    expect(book(second).joined.filter((client) => client === "dora")).toEqual(["dora"]);
  });

  test("a group's handler hears once who comes and goes, whichever of its processors is asked", async () => {
    const url = await (await sharedRabbitmq()).vhost();
    const file = join(folder, "handler.ts");
    writeFileSync(
      file,
      `export default () => undefined;
       const told = ({ event, client }, { group }) => ({ to: { topic: "told" }, body: \`\${group} \${event} \${client}\` });
       export const connected = told;
       export const disconnected = told;`,
    );
    const args = ["--broker", url, "--group", "g", "--handler", file];
    await using one = await startWarren(args, { readyWhen: "ready" });
    await using _two = await startWarren(args, { readyWhen: "ready" });
    const ws = (path: string) => `${one.url.replace("http", "ws")}ws${path}`;
    await using watcher = await connectStomp(ws("/watcher"));
    const received = await watcher.subscribe("/topic/told", { "x-stream-offset": "first" });
    const clients = await Promise.all(Array.from({ length: 10 }, (_, n) => connect(ws(`/c${n}?topic=t`))));
    // A program's nonsense harms no event.
    const connection = await connectAmqp(url);
    const channel = await connection.createConfirmChannel();
    channel.publish("wsmanager.events", "client.connected", Buffer.from("{"));
    await channel.waitForConfirms();
    await connection.close();
    await until(() => received.length === 11, "all have come");
    for (const client of clients) await client.close();
    await until(() => received.length === 21, "all have gone");
    const names = Array.from({ length: 10 }, (_, n) => `c${n}`);
    expect(received.map(({ body }) => body).sort()).toEqual(
      [
        "g connected watcher",
        ...names.map((name) => `g connected ${name}`),
        ...names.map((name) => `g disconnected ${name}`),
      ].sort(),
    );
    for (const name of names) {
      const [first] = received.filter(({ body }) => body.endsWith(` ${name}`));
      expect(first!.body).toBe(`g connected ${name}`);
    }
  });
});
