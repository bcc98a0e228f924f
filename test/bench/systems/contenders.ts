import { join } from "node:path";
import { freePorts } from "../../support/free-port.ts";
import { startWarren } from "../../support/warren.ts";
import type { BenchBroker } from "./broker.ts";
import { type Contender, NotHere, type System } from "./contender.ts";
import { type Managed, startManagers, stopAll, unconfirmedOf, unhurried, untilAnswered } from "./managers.ts";
import { Program } from "./program.ts";

const folder = join(import.meta.dir, "../contenders");

/** The topic of STOMP clients. Plain-text clients are on broadcast. */
const topic = "bench";

const plainText: readonly string[] = [];
const stompLive: readonly string[] = ["--protocol", "stomp"];

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
          speaks: plainText,
          hasProcessor: withProcessor,
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

interface WarrenOptions {
  readonly flags?: readonly string[];
  /** Whether it keeps the limits that it has by default. */
  readonly isLimited?: boolean;
  /** The protocol; plain text by default. */
  readonly speaks?: readonly string[];
  /** Whether another program takes every message on both exchanges. */
  readonly withListener?: boolean;
  /** Further flags of the processor. */
  readonly processorFlags?: readonly string[];
  /** What plain-text clients say in their address; they are on broadcast if they say nothing. */
  readonly query?: string;
}

export function warren(
  name: string,
  what: string,
  {
    flags = [],
    isLimited: areLimited = false,
    speaks = plainText,
    withListener = false,
    processorFlags = [],
    query,
  }: WarrenOptions = {},
): Contender {
  return {
    name,
    what,
    async start(broker, { withProcessor }) {
      const managers = await startManagers(broker, 1, {
        flags,
        areLimited,
        withProcessor,
        processorFlags,
        withListener,
      });
      const [manager] = managers.each as [Managed];
      const asked = query === undefined ? "/ws" : `/ws?${query}`;
      return {
        url: manager.wsUrl(speaks === plainText ? asked : `/ws?topic=${topic}`),
        pid: manager.pid,
        speaks,
        hasProcessor: withProcessor,
        unconfirmed: () => unconfirmedOf(new URL("/metrics", manager.url).href),
        stop: () => managers.stop(),
      };
    },
  };
}

function rawServer(name: string, what: string, speaks: readonly string[]): Contender {
  return {
    name,
    what,
    isStateless: true,
    async start(): Promise<System> {
      const server = await Program.start(join(folder, `${name.replace(" ", "-")}.ts`), []);
      const url = await server.ready;
      return {
        url: `${url.replace(/^http/, "ws")}?topic=${topic}`,
        pid: server.pid,
        speaks,
        hasProcessor: false,
        unconfirmed: () => Promise.resolve(undefined),
        stop: () => server.kill(),
      };
    },
  };
}

export const raw = rawServer(
  "raw",
  "a bare Bun.serve that only publishes to a topic, without a broker",
  plainText,
);
export const rawFrames = rawServer(
  "raw frames",
  "the same, publishing frames of the bytes of Warren's STOMP MESSAGE frames",
  stompLive,
);

/** About what RabbitMQ takes of a core beside a relay at its highest rates. */
const relayedShare = 0.2;

/** What the machine leaves to any server whose messages RabbitMQ confirms, when RabbitMQ runs on it, too. */
export const rawBeside: Contender = {
  ...raw,
  name: "raw beside a fifth of a core",
  what: "the bare Bun.serve, and a program that takes about as much of a core as RabbitMQ does beside Warren",
  async start(broker, options) {
    const busy = await Program.start(join(folder, "busy.ts"), [`${relayedShare}`], true);
    try {
      const system = await raw.start(broker, options);
      return { ...system, stop: () => stopAll([busy], system.stop) };
    } catch (error) {
      await busy.kill();
      throw error;
    }
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

export const defaults = warren("warren", "Warren, as it starts: packs, and a plain copy of each message");
export const withoutCopies = warren(
  "warren --plain-copies off",
  "Warren alone on its exchanges: packs only",
  {
    flags: ["--plain-copies", "off"],
  },
);

export const besideOthers = warren(
  "warren beside another program",
  "Warren, and another program that takes every message on both exchanges",
  { withListener: true },
);

/** Each message is a request, whose answer goes only to its client. */
export const requested = warren(
  "warren requests",
  "Warren, whose clients ask: answers go to the client that asked alone",
  {
    query: "app=bench",
  },
);

/** The round trip of as many clients, each of which hears its own answers alone. */
export const onOwnTopics = warren(
  "warren own topics",
  "Warren, each of whose clients is on a topic of its own",
  {
    query: "topic=bench.{n}",
  },
);

/** The same; who asks the app `stream` is answered by an async generator, whose first yield is the answer that is timed. */
export const yielded = warren(
  "warren first yield",
  "Warren, half of whose clients ask a handler that is an async generator",
  {
    query: "app=bench",
    processorFlags: ["--handler", join(folder, "yielding-handler.ts")],
  },
);

/** Not compared with the others: the cost of a manager that only serves its clients. */
export const alone: Contender = {
  name: "warren alone",
  what: "Warren, with no RabbitMQ to connect to",
  async start() {
    const [port] = freePorts(1);
    const manager = await startWarren([
      "--role",
      "manager",
      ...unhurried,
      "--broker",
      `amqp://127.0.0.1:${port}`,
      "--log-messages",
      "off",
    ]);
    return {
      url: manager.wsUrl(),
      pid: manager.pid,
      speaks: plainText,
      hasProcessor: false,
      // It confirms nothing.
      unconfirmed: () => Promise.resolve(undefined),
      async stop() {
        manager.signal("SIGKILL");
        await manager.exited;
      },
    };
  },
};

export const stomp = warren("warren STOMP", "Warren, STOMP clients with a live subscription", {
  speaks: stompLive,
});
export const durable = warren(
  "warren durable",
  "Warren, STOMP clients with a durable subscription: everything through the log",
  { speaks: [...stompLive, "--durable"] },
);

export const receipted = warren(
  "warren receipts",
  "Warren, STOMP clients that ask for a receipt for each message",
  {
    speaks: [...stompLive, "--receipts"],
  },
);

export const webStomp: Contender = {
  name: "Web STOMP",
  what: "RabbitMQ's own WebSocket plugin: relays through RabbitMQ, keeps nothing",
  async start(broker: BenchBroker): Promise<System> {
    const url = await broker.webStomp();
    if (url === undefined) throw new NotHere("the plugin rabbitmq_web_stomp is not installed");
    return {
      url: `${url.replace("ws://", "ws://guest:guest@")}?topic=${topic}`,
      pid: undefined,
      speaks: stompLive,
      hasProcessor: false,
      unconfirmed: () => Promise.resolve(undefined),
      // RabbitMQ removes a thousand queues one by one after their connections, which would slow the next turn.
      stop: () => broker.calm(),
    };
  },
};
