import { expect, setDefaultTimeout, test } from "bun:test";
import { type Client, connect } from "../support/client.ts";
import { sharedRabbitmq } from "../support/rabbitmq.ts";
import { integrationTimeoutMs } from "../support/timeout.ts";
import { until } from "../support/wait.ts";
import { startWarren } from "../support/warren.ts";

setDefaultTimeout(integrationTimeoutMs);

/** Connections that are opened until both managers have one: that one of them gets all has a chance of two to the minus 63. */
const connectionsMax = 64;

test("managers with --reuse-port share a port and its clients, and one without does not get in", async () => {
  const broker = await (await sharedRabbitmq()).vhost();
  const start = (...args: string[]) =>
    startWarren(["manager", "--broker", broker, "--admin-port", "0", ...args], { readyWhen: "listening" });
  await using one = await start("--reuse-port", "--port", "0");
  const port = new URL(one.url).port;
  await using two = await start("--reuse-port", "--port", port);
  expect(new URL(two.url).port).toBe(port);
  for (const each of [one, two])
    await each.waitForLog(({ msg }) => msg === "connected to RabbitMQ", "the manager is connected");
  const clients: Client[] = [];
  try {
    const adminOf = async (warren: typeof one) => {
      const { admin } = await warren.waitForLog(({ msg }) => msg === "listening", "where it listens");
      const metrics = await (await fetch(new URL("/metrics", String(admin)))).text();
      return Number(/^warren_clients (\d+)$/m.exec(metrics)?.[1]);
    };
    await until(async () => {
      if (clients.length < connectionsMax) clients.push(await connect(one.wsUrl("/ws")));
      const counts = [await adminOf(one), await adminOf(two)];
      return counts.every((count) => count > 0) && counts[0]! + counts[1]! === clients.length;
    }, "both to have clients");
    const [first, ...others] = clients as [Client, ...Client[]];
    first.send("hello");
    for (const other of others) expect(await other.next()).toBe("hello");
  } finally {
    for (const client of clients) await client.close();
  }
  const third = await startWarren(["manager", "--broker", broker, "--port", port], { readyWhen: "running" });
  expect(await third.exited).toBe(1);
  expect(third.log.at(-1)?.msg).toInclude(`port ${port} on 127.0.0.1 is in use`);
});
