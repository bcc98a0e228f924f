import { afterEach, expect, setDefaultTimeout, test } from "bun:test";
import { join } from "node:path";
import type { IMessage } from "@stomp/stompjs";
import { connect as connectAmqp } from "amqplib";
import { connect } from "../support/client.ts";
import { sharedRabbitmq } from "../support/rabbitmq.ts";
import { need, pythonWithPika } from "../support/requirements.ts";
import { startProcessor } from "../support/set-aside-system.ts";
import { connectStomp } from "../support/stomp-client.ts";
import { startManager } from "../support/system.ts";
import { integrationTimeoutMs } from "../support/timeout.ts";
import { until } from "../support/wait.ts";

setDefaultTimeout(integrationTimeoutMs);

const workers: Bun.Subprocess[] = [];
afterEach(async () => {
  for (const worker of workers.splice(0)) {
    worker.kill("SIGKILL");
    await worker.exited;
  }
});

async function asking(url: string) {
  const answers: IMessage[] = [];
  const peer = await connectStomp(url, { onUnhandledMessage: (message) => void answers.push(message) });
  const ask = (name: string, body: string, id: string) =>
    peer.send(`/app/${name}`, body, { "reply-to": "/temp-queue/rpc", "correlation-id": id });
  const answersAfter = async (count: number) => {
    await until(() => answers.length >= count, `${count} answers (${answers.length} so far)`);
    return answers.map(({ body, headers }) => `${headers["correlation-id"]}: ${body}`).sort();
  };
  return { peer, ask, answers, answersAfter, [Symbol.asyncDispose]: () => peer[Symbol.asyncDispose]() };
}

test("requests over RabbitMQ are answered by processors and by a worker in Python, on whichever manager the client is", async () => {
  const url = await (await sharedRabbitmq()).vhost();
  await using one = await startManager("manager-00000000000a", url);
  await using two = await startManager("manager-00000000000b", url);
  await using _ = await startProcessor(url, ({ text, topic }) =>
    topic === "double" ? String(2 * Number(text)) : undefined,
  );
  const worker = Bun.spawn(
    [need(pythonWithPika), join(import.meta.dir, "../../examples/rpc_worker.py"), url],
    { stdout: "pipe", stderr: "inherit" },
  );
  workers.push(worker);
  const { value } = await worker.stdout.getReader().read();
  expect(new TextDecoder().decode(value)).toStartWith("ready");

  await using anna = await asking(one.wsUrl("/ws/anna"));
  await using ben = await asking(two.wsUrl("/ws/ben"));
  await using plain = await connect(two.wsUrl("/ws/carl?app=fibonacci"));
  await using listener = await connect(one.wsUrl("/ws?topic=fibonacci"));
  for (const [client, numbers] of [
    [anna, [10, 20, 30]],
    [ben, [11, 21, 31]],
  ] as const) {
    for (const n of numbers) {
      client.ask("fibonacci", String(n), `f${n}`);
      client.ask("double", String(n), `d${n}`);
    }
  }
  plain.send("12");
  expect(await anna.answersAfter(6)).toEqual([
    "d10: 20",
    "d20: 40",
    "d30: 60",
    "f10: 55",
    "f20: 6765",
    "f30: 832040",
  ]);
  expect(await ben.answersAfter(6)).toEqual([
    "d11: 22",
    "d21: 42",
    "d31: 62",
    "f11: 89",
    "f21: 10946",
    "f31: 1346269",
  ]);
  expect(await plain.next()).toBe("144");

  // Whatever comes to the queue of replies, and if somebody deletes it, others are served.
  const amqp = await connectAmqp(url);
  const channel = await amqp.createConfirmChannel();
  for (const correlationId of [
    undefined,
    "7",
    "warren:",
    "warren:AAAAAAAA:AAAAAAAAAAAAAAAA:-3:rpc7",
    "warren:\ud83d:::",
  ])
    channel.publish(
      "",
      "towsmanager.replies",
      Buffer.from("to nobody"),
      correlationId === undefined ? {} : { correlationId },
    );
  channel.publish("towsmanager", "fibonacci", Buffer.from("nor this"), {
    correlationId: "warren:AAAAAAAA:AAAAAAAAAAAAAAAA:-3:rpc7",
  });
  await channel.waitForConfirms();
  await channel.deleteQueue("towsmanager.replies");
  await until(async () => {
    const probe = await amqp.createChannel();
    probe.on("error", () => undefined);
    return await probe.checkQueue("towsmanager.replies").then(
      ({ consumerCount }) => consumerCount === 2,
      () => false,
    );
  }, "the queue to be there again, with both managers");
  anna.ask("fibonacci", "13", "again");
  expect(await anna.answersAfter(7)).toContain("again: 233");
  expect(anna.answers).toHaveLength(7);
  expect(ben.answers).toHaveLength(6);
  expect(listener.received).toEqual([]);
  await amqp.close();
});

test("a handler is told over RabbitMQ that the client that asked has gone, on whichever manager that was", async () => {
  const url = await (await sharedRabbitmq()).vhost();
  await using one = await startManager("manager-00000000000c", url);
  const told: string[] = [];
  await using _ = await startProcessor(url, async ({ text }, { signal, publish }) => {
    await publish("begun");
    await new Promise<void>((resolve) => {
      signal.addEventListener("abort", () => {
        told.push(`${text}: ${(signal.reason as Error).message}`);
        resolve();
      });
    });
  });
  const anna = await asking(one.wsUrl("/ws/anna"));
  anna.ask("long", "work", "1");
  expect(await anna.answersAfter(1)).toEqual(["1: begun"]);
  await anna.peer[Symbol.asyncDispose]();
  await until(() => told.length > 0, "the handler is told");
  expect(told).toEqual(["work: the client that asked has gone"]);
});
