import { afterEach, expect, setDefaultTimeout, test } from "bun:test";
import { join } from "node:path";
import { connect as connectAmqp } from "amqplib";
import { sharedRabbitmq } from "../support/rabbitmq.ts";
import { need, pythonWithPika } from "../support/requirements.ts";
import { bodiesOf, connectStomp } from "../support/stomp-client.ts";
import { startManager } from "../support/system.ts";
import { integrationTimeoutMs } from "../support/timeout.ts";
import { until } from "../support/wait.ts";

setDefaultTimeout(integrationTimeoutMs);

const programs: Bun.Subprocess[] = [];
afterEach(async () => {
  for (const program of programs.splice(0)) {
    program.kill("SIGKILL");
    await program.exited;
  }
});

function python(file: string, url: string) {
  const program = Bun.spawn([need(pythonWithPika), join(import.meta.dir, "../../examples", file), url], {
    stdout: "pipe",
    stderr: "inherit",
  });
  programs.push(program);
  return program;
}

test("the examples with other programs: a dashboard fed by Python, an existing topic exchange, and a worker for some topics", async () => {
  const url = await (await sharedRabbitmq()).vhost();
  await using manager = await startManager("manager-0000000000d1", url);
  // A dashboard that opens after everything was published.
  expect(await python("prices.py", url).exited).toBe(0);
  // biome-ignore lint/suspicious/noExplicitAny: the pages are plain JavaScript
  const { watch }: any = await import(join(import.meta.dir, "../../examples/dashboard.js"));
  const values = new Map<string, string>();
  const dashboard = await watch(manager.wsUrl("/ws"), "price.*", (topic: string, value: string) =>
    values.set(topic, value),
  );
  await until(() => values.size === 3, "the values");
  expect(Object.fromEntries(values)).toEqual({
    "price.eur": "eur 2",
    "price.usd": "usd 2",
    "price.chf": "chf 2",
  });
  dashboard.close();

  // An exchange that was there before Warren, in the browser by one line.
  await using browser = await connectStomp(manager.wsUrl("/ws/anna"));
  const orders = await browser.subscribe("/topic/order.#");
  const connection = await connectAmqp(url);
  const channel = await connection.createConfirmChannel();
  await channel.assertExchange("orders", "topic");
  await channel.bindExchange("towsmanager", "orders", "order.#");
  channel.publish("orders", "order.new", Buffer.from("1 pizza"));
  channel.publish("orders", "other", Buffer.from("not for browsers"));
  await channel.waitForConfirms();
  expect(await bodiesOf(orders, 1)).toEqual(["1 pizza"]);
  expect(orders[0]!.headers["destination"]).toBe("/topic/order.new");

  // A worker that gets only its topics.
  const worker = python("picky_worker.py", url);
  const { value } = await worker.stdout.getReader().read();
  expect(new TextDecoder().decode(value)).toStartWith("ready");
  await browser.sendSafely("/topic/weather", "rain");
  await browser.sendSafely("/topic/order.changed", "2 pizzas");
  await until(() => orders.some(({ body }) => body.startsWith("seen: ")), "the worker's word");
  expect(orders.map(({ body }) => body)).toEqual(["1 pizza", "2 pizzas", "seen: 2 pizzas"]);
  await connection.close();
});
