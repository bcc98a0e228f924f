import { afterAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { freePorts } from "../support/free-port.ts";
import { type RabbitmqNode, startRabbitmq } from "../support/rabbitmq.ts";
import { bodiesOf, connectStomp, type Message } from "../support/stomp-client.ts";
import { startSystem } from "../support/system.ts";
import { integrationTimeoutMs } from "../support/timeout.ts";
import { until, within } from "../support/wait.ts";

setDefaultTimeout(integrationTimeoutMs);

/**
 * The same @stomp/stompjs scenarios at Warren and at RabbitMQ's own Web STOMP plugin. What differs is asserted for both;
 * docs/protocol.md lists it.
 */
const system = startSystem([], () => undefined);
let node: Promise<RabbitmqNode> | undefined;
const [webStompPort] = freePorts(1);

/** The plugin is enabled in the running node: its default ports, which it would take at the start, may be in use. */
async function startWebStomp(): Promise<RabbitmqNode> {
  const started = await startRabbitmq();
  await started.eval(
    [
      `application:set_env(rabbitmq_web_stomp, tcp_config, [{ip, "127.0.0.1"}, {port, ${webStompPort}}], [{persistent, true}])`,
      `application:set_env(rabbitmq_stomp, tcp_listeners, [], [{persistent, true}])`,
      `{ok, File} = application:get_env(rabbit, enabled_plugins_file)`,
      `ok = file:write_file(File, "[rabbitmq_web_stomp].\\n")`,
    ].join(", "),
  );
  // A node takes connections a moment before it counts as running.
  const enable =
    "begin {ok, F} = application:get_env(rabbit, enabled_plugins_file), {ok, _, _} = rabbit_plugins:ensure(F) end";
  await until(() => started.eval(enable), "the plugin is enabled");
  return started;
}

afterAll(async () => {
  await system[Symbol.asyncDispose]();
  await (await node)?.stop();
});

interface Server {
  readonly name: "Warren" | "Web STOMP";
  url(): Promise<string>;
  /** Until so many subscriptions are left. RabbitMQ confirms that one has ended, and removes its queue later. */
  untilLeft(subscriptions: number): Promise<void>;
}
const servers: readonly Server[] = [
  {
    name: "Warren",
    url: () => Promise.resolve(system.wsUrl("/ws")),
    untilLeft: () => Promise.resolve(),
  },
  {
    name: "Web STOMP",
    async url() {
      node ??= startWebStomp();
      await node;
      return `ws://127.0.0.1:${webStompPort}/ws`;
    },
    async untilLeft(subscriptions) {
      const queues = async () => Number(await (await node!).eval("length(rabbit_amqqueue:list())"));
      await until(async () => (await queues()) === subscriptions, "the others' queues are gone");
    },
  },
];

let names = 0;
/** A topic that no other scenario uses. */
const freshTopic = () => `/topic/compared.${++names}`;

const bodies = (messages: readonly Message[]) => messages.map(({ body }) => body);
const connectHeaders = { login: "guest", passcode: "guest" };

for (const { name, url, untilLeft } of servers) {
  const connected = async () => await connectStomp(await url(), { connectHeaders });

  describe(`${name} with @stomp/stompjs`, () => {
    test("speaks 1.2", async () => {
      await using peer = await connected();
      expect((await peer.connected).headers["version"]).toBe("1.2");
    });

    test("takes a message to all subscribers, the sender among them, with a receipt", async () => {
      await using anna = await connected();
      await using ben = await connected();
      const topic = freshTopic();
      const received = [await anna.subscribe(topic), await ben.subscribe(topic)];
      await anna.sendSafely(topic, "hello");
      for (const each of received) expect(await bodiesOf(each, 1)).toEqual(["hello"]);
      expect(received[1]![0]!.headers).toMatchObject({
        destination: topic,
        subscription: "sub-0",
        "content-length": "5",
        "message-id": expect.any(String),
      });
    });

    test("matches patterns, and gives a message once for each subscription that does", async () => {
      await using peer = await connected();
      const topic = freshTopic();
      const one = await peer.subscribe(`${topic}.*`);
      const many = await peer.subscribe(`${topic}.#`);
      const exact = await peer.subscribe(`${topic}.a`);
      for (const end of ["", ".a", ".a.b"]) await peer.sendSafely(topic + end, end);
      expect((await bodiesOf(many, 3)).sort()).toEqual(["", ".a", ".a.b"]);
      expect([bodies(one), bodies(exact)]).toEqual([[".a"], [".a"]]);
    });

    test("keeps order", async () => {
      await using anna = await connected();
      await using ben = await connected();
      const topic = freshTopic();
      const received = await ben.subscribe(topic);
      const sent = Array.from({ length: 500 }, (_, index) => `${index}`);
      for (const text of sent) anna.send(topic, text);
      expect(await bodiesOf(received, sent.length)).toEqual(sent);
    });

    test("takes headers along, escaped where they have to be", async () => {
      await using peer = await connected();
      const topic = freshTopic();
      const received = await peer.subscribe(topic);
      await peer.sendSafely(topic, "{}", {
        colour: "a:b\nd",
        "content-type": "application/json",
        subscription: "forged",
      });
      await bodiesOf(received, 1);
      expect(received[0]!.headers).toMatchObject({
        colour: "a:b\nd",
        "content-type": "application/json",
        subscription: "sub-0",
      });
    });

    test("takes NULs along", async () => {
      await using peer = await connected();
      const topic = freshTopic();
      const received = await peer.subscribe(topic);
      await peer.sendSafely(topic, "a\0b");
      expect(await bodiesOf(received, 1)).toEqual(["a\0b"]);
    });

    test("differs: bytes, which Web STOMP sends in a text frame, so that the client has to hang up", async () => {
      await using peer = await connected();
      const topic = freshTopic();
      const received = await peer.subscribe(topic);
      peer.send(topic, new Uint8Array([0, 255]), { "content-type": "application/octet-stream" });
      if (name === "Web STOMP") {
        expect(await within(peer.closed, "the connection to end")).not.toBe(1000);
        return;
      }
      await bodiesOf(received, 1);
      expect(received[0]!.binaryBody).toEqual(new Uint8Array([0, 255]));
    });

    test("sends a transaction at its commit, and none that is aborted", async () => {
      await using peer = await connected();
      const topic = freshTopic();
      const received = await peer.subscribe(topic);
      const [kept, dropped] = [peer.client.begin("kept"), peer.client.begin("dropped")];
      peer.send(topic, "one", { transaction: kept.id });
      peer.send(topic, "never", { transaction: dropped.id });
      peer.send(topic, "two", { transaction: kept.id });
      await peer.sendSafely(topic, "outside");
      dropped.abort();
      kept.commit();
      expect(await bodiesOf(received, 3)).toEqual(["outside", "one", "two"]);
    });

    test("sends nothing to a subscription that has ended", async () => {
      await using peer = await connected();
      const topic = freshTopic();
      const ended = await peer.subscribe(topic, { id: "ended" });
      const kept = await peer.subscribe(topic);
      await peer.receiptFor((receipt) => peer.client.unsubscribe("ended", { receipt }));
      await untilLeft(1);
      await peer.sendSafely(topic, "late");
      expect(await bodiesOf(kept, 1)).toEqual(["late"]);
      expect(ended).toEqual([]);
    });

    test("answers an unknown destination with an ERROR", async () => {
      await using peer = await connected();
      peer.send("/nowhere/a", "x", { receipt: "r-9" });
      const { headers } = await within(peer.failed, "an ERROR");
      expect(headers["message"]).toMatch(/destination/i);
    });

    test("answers a transaction that was not begun with an ERROR", async () => {
      await using peer = await connected();
      peer.send(freshTopic(), "x", { transaction: "unknown" });
      expect((await peer.failed).headers["message"]).toMatch(/transaction/i);
    });

    test("differs: ack:client", async () => {
      await using peer = await connected();
      const subscribed = peer.subscribe(freshTopic(), { ack: "client" });
      if (name === "Web STOMP") {
        await subscribed;
        return;
      }
      void subscribed.catch(() => undefined);
      expect((await peer.failed).headers["message"]).toContain("ack:client is not supported");
    });

    test("differs: queues and exchanges as destinations", async () => {
      await using peer = await connected();
      const sent = peer.sendSafely("/queue/compared", "x");
      if (name === "Web STOMP") {
        await sent;
        return;
      }
      void sent.catch(() => undefined);
      expect((await peer.failed).headers["message"]).toContain("unknown destination");
    });
  });
}
