import { join } from "node:path";
import { connect } from "../../support/client.ts";
import { until } from "../../support/wait.ts";
import { startWarren } from "../../support/warren.ts";
import type { BenchBroker } from "./broker.ts";
import { type Contender, NotHere, type System } from "./contender.ts";
import { Program } from "./program.ts";

const folder = join(import.meta.dir, "../contenders");

/** A bridge and its processor, written as scripts. */
function bridge(name: string, what: string): Contender {
  return {
    name,
    what,
    async start(broker, { withProcessor }) {
      const vhost = await broker.vhost();
      const parts: Program[] = [];
      try {
        const server = await Program.start(join(folder, `${name}-bridge.ts`), [vhost.url]);
        parts.push(server);
        if (withProcessor) parts.push(await Program.start(join(folder, `${name}-processor.ts`), [vhost.url]));
        const url = await server.ready;
        const wsUrl = url.replace(/^http/, "ws");
        if (withProcessor) await untilAnswered(wsUrl);
        return {
          url: wsUrl,
          pid: server.pid,
          speaks: "text",
          unconfirmed: () => unconfirmedOf(url),
          stop: () => stopAll(parts, vhost.remove),
        };
      } catch (error) {
        await stopAll(parts, vhost.remove);
        throw error;
      }
    },
  };
}

function warren(name: string, what: string, flags: readonly string[]): Contender {
  return {
    name,
    what,
    async start(broker, { withProcessor }) {
      const vhost = await broker.vhost();
      const args = ["--broker", vhost.url, "--log-messages", "off", "--log-level", "info", ...flags];
      const parts: { kill(): Promise<void> }[] = [];
      const startRole = async (role: string, readyWhen: "ready" | "running") => {
        const started = await startWarren(["--role", role, ...args], { readyWhen });
        parts.push({
          async kill() {
            started.signal("SIGKILL");
            await started.exited;
          },
        });
        return started;
      };
      try {
        const manager = await startRole("manager", "ready");
        if (withProcessor) {
          await startRole("processor", "running");
          await untilAnswered(manager.wsUrl());
        }
        return {
          url: manager.wsUrl(),
          pid: manager.pid,
          speaks: "text",
          unconfirmed: () => unconfirmedOf(new URL("/metrics", manager.url).href),
          stop: () => stopAll(parts, vhost.remove),
        };
      } catch (error) {
        await stopAll(parts, vhost.remove);
        throw error;
      }
    },
  };
}

export const raw: Contender = {
  name: "raw",
  what: "a bare Bun.serve that only publishes to a topic, without a broker",
  isStateless: true,
  async start(): Promise<System> {
    const server = await Program.start(join(folder, "raw.ts"), []);
    const url = await server.ready;
    return {
      url: url.replace(/^http/, "ws"),
      pid: server.pid,
      speaks: "text",
      unconfirmed: () => Promise.resolve(undefined),
      stop: () => server.kill(),
    };
  },
};

export const naive = bridge(
  "naive",
  "the straightforward bridge, as durable as Warren: a persistent AMQP message, a confirm and an ack for each message",
);

export const light = bridge(
  "light",
  "the bridge of the tutorials, not durable: exclusive queues, automatic acks, no confirms",
);

export const plain = warren("warren", "Warren, one AMQP message for each message", []);
export const packed = warren("warren --packed", "Warren, many messages in one AMQP message", ["--packed"]);

export const webStomp: Contender = {
  name: "Web STOMP",
  what: "RabbitMQ's own WebSocket plugin: relays through RabbitMQ, keeps nothing",
  async start(broker: BenchBroker): Promise<System> {
    const url = await broker.webStomp();
    if (url === undefined) throw new NotHere("the plugin rabbitmq_web_stomp is not installed");
    const vhost = await broker.vhost();
    return {
      url,
      pid: undefined,
      speaks: "stomp",
      vhost: vhost.name,
      unconfirmed: () => Promise.resolve(undefined),
      stop: vhost.remove,
    };
  },
};

/** A processor is there when it answers: what is sent before that may have no queue to go to. */
async function untilAnswered(url: string): Promise<void> {
  await using client = await connect(url);
  await until(() => {
    client.send("hello");
    return client.received.some((message) => message === "processed message: hello");
  }, "the processor answers");
  // The answers to the other hellos are not part of what is measured.
  await Bun.sleep(300);
}

async function unconfirmedOf(url: string): Promise<number | undefined> {
  const text = await (await fetch(url)).text();
  const published = /_published_total (\d+)/.exec(text)?.[1];
  const confirmed = /_confirmed_total (\d+)/.exec(text)?.[1];
  return published === undefined ? undefined : Number(published) - Number(confirmed);
}

async function stopAll(
  parts: readonly { kill(): Promise<void> }[],
  last: () => Promise<void>,
): Promise<void> {
  await Promise.all(parts.map((part) => part.kill()));
  await last();
}
