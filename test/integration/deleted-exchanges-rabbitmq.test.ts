import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Channel, type ChannelModel, connect as connectAmqp } from "amqplib";
import { connect } from "../support/client.ts";
import { sharedRabbitmq } from "../support/rabbitmq.ts";
import { integrationTimeoutMs } from "../support/timeout.ts";
import { until } from "../support/wait.ts";
import { startWarren, type WarrenProcess } from "../support/warren.ts";

setDefaultTimeout(integrationTimeoutMs);

/** Says when it begins with a request, and when the client that asked has gone. */
const handler = `
export default ({ text, isRequest }, { signal }) => isRequest && new Promise((done) => {
  console.log(JSON.stringify({ msg: "begun " + text }));
  signal.addEventListener("abort", () => done(console.log(JSON.stringify({ msg: "gone " + text }))));
});
export const connected = ({ client }) => { console.log(JSON.stringify({ msg: "heard of " + client })) };`;

/** Exchanges by which no messages of clients go. */
const asides = { "wsmanager.control": "fanout", "wsmanager.left": "fanout", "wsmanager.events": "topic" };

const folder = mkdtempSync(join(tmpdir(), "warren-deleted-"));
const [handlerFile, tokenFile] = [join(folder, "handler.ts"), join(folder, "token")];
beforeAll(() => {
  writeFileSync(handlerFile, handler);
  writeFileSync(tokenFile, "t".repeat(40));
});
afterAll(() => rmSync(folder, { recursive: true }));

async function started() {
  const url = await (await sharedRabbitmq()).vhost();
  const flags = ["manager", "--broker", url, "--admin-port", "0", "--admin-token-file", tokenFile];
  const [asked, other] = await Promise.all([
    startWarren(flags, { readyWhen: "ready" }),
    startWarren(flags, { readyWhen: "ready" }),
  ]);
  const processor = await startWarren(["processor", "--broker", url, "--handler", handlerFile]);
  await processor.waitForLog(({ msg }) => msg === "connected to RabbitMQ", "the processor is connected");
  const connection = await connectAmqp(url);
  const channel = await connection.createChannel();
  const parts = [asked, other, processor];
  return {
    asked,
    other,
    processor,
    connection,
    channel,
    async [Symbol.asyncDispose]() {
      await connection.close();
      for (const part of parts) await part.stop();
    },
  };
}

/** Whether the manager that is asked finds a client of the other one. */
async function finds(asked: WarrenProcess, client: string): Promise<boolean> {
  const headers = { authorization: `Bearer ${"t".repeat(40)}` };
  return (await fetch(new URL(`/api/clients/${client}`, asked.adminUrl), { headers })).status === 200;
}

/** Whether it comes true soon. */
async function inTime(condition: () => boolean): Promise<boolean> {
  return await until(condition, "it", 1500).then(
    () => true,
    () => false,
  );
}

let asks = 0;
/** Whether the processor hears that a client has gone before its answer came. */
async function hearsOfLeft(asked: WarrenProcess, processor: WarrenProcess): Promise<boolean> {
  const text = `question ${++asks}`;
  const said = (msg: string) => processor.log.some((line) => line.msg === msg);
  const client = await connect(asked.wsUrl("/ws?app=long"));
  client.send(text);
  await until(() => said(`begun ${text}`), "the handler begins");
  await client[Symbol.asyncDispose]();
  return await inTime(() => said(`gone ${text}`));
}

let comers = 0;
/** Whether the processor's handler and a program that binds a queue anew hear of a client that comes. */
async function hearOfComers(
  asked: WarrenProcess,
  processor: WarrenProcess,
  heard: string[],
): Promise<boolean> {
  const name = `comer-${++comers}`;
  const all = () =>
    processor.log.some(({ msg }) => msg === `heard of ${name}`) &&
    heard.some((event) => event.includes(name));
  await using _ = await connect(asked.wsUrl(`/ws/${name}`));
  return await inTime(all);
}

async function exists(connection: ChannelModel, exchange: string): Promise<boolean> {
  const probe = await connection.createChannel();
  probe.on("error", () => undefined);
  return await probe.checkExchange(exchange).then(
    () => true,
    () => false,
  );
}

/** Binds a program's queue to it. */
async function eventsOn(channel: Channel): Promise<string[]> {
  const heard: string[] = [];
  const { queue } = await channel.assertQueue("", { exclusive: true });
  await channel.bindQueue(queue, "wsmanager.events", "client.*");
  await channel.consume(queue, (delivery) => void heard.push(String(delivery?.content)), { noAck: true });
  return heard;
}

describe("exchanges for what is beside messages, which somebody deletes", () => {
  for (const isDeclaredAgain of [false, true])
    test(`are heard again within seconds${isDeclaredAgain ? ", also where others have declared them" : ""}`, async () => {
      await using system = await started();
      const { asked, other, processor, connection, channel } = system;
      await using _ = await connect(other.wsUrl("/ws/anna"));
      await until(() => finds(asked, "anna"), "managers hear one another");
      await until(() => hearsOfLeft(asked, processor), "the processor hears of clients that have gone");
      for (const [name, type] of Object.entries(asides)) {
        await channel.deleteExchange(name);
        if (isDeclaredAgain) await channel.assertExchange(name, type);
      }
      await until(() => finds(asked, "anna"), "managers hear one another again", 15_000);
      await until(() => hearsOfLeft(asked, processor), "the processor hears again", 15_000);
      await until(() => exists(connection, "wsmanager.events"), "the exchange of events is there", 15_000);
      const heard = await eventsOn(channel);
      await until(() => hearOfComers(asked, processor, heard), "events come again", 15_000);
      await until(() => hearOfComers(other, processor, heard), "those of the other manager, too", 15_000);
      expect(asked.log.filter(({ level }) => level === "error")).toEqual([]);
    });
});
