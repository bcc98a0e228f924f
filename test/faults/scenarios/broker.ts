import { until } from "../../support/wait.ts";
import { onChannel } from "../probe.ts";
import { atRandomMs, type Scenario } from "../scenario.ts";
import type { World } from "../world.ts";

/** Those of the first manager and of the processor, once. */
const connectionsCut = { managerConnections: 1, processorConnections: 1 };
/** RabbitMQ comes and goes while it starts: they may be lost once more. */
const lostTwice = { managerConnections: 2, processorConnections: 2 };

const frozenMs = 30_000;
const alarmMs = 5000;

export const brokerScenarios: readonly Scenario[] = [
  {
    name: "broker: graceful restart",
    deaths: lostTwice,
    async fault({ node, load }) {
      await atRandomMs(500, 1500);
      await node.restartGracefully();
      await node.accepts();
      load.mark();
      await resumed(load);
    },
  },
  {
    name: "broker: SIGKILL and restart",
    deaths: lostTwice,
    async fault({ node, load }) {
      await atRandomMs(500, 1500);
      await node.kill();
      await atRandomMs(0, 2000);
      await node.restart();
      load.mark();
      await resumed(load);
    },
  },
  {
    name: "broker: frozen 30 s",
    deaths: connectionsCut,
    async fault({ node, load }) {
      await atRandomMs(500, 1500);
      node.freeze();
      await Bun.sleep(frozenMs);
      node.thaw();
      await node.accepts();
      load.mark();
      await resumed(load);
    },
  },
  {
    name: "broker: memory alarm",
    async fault({ node, load }) {
      await atRandomMs(500, 1500);
      await node.ctl("set_vm_memory_high_watermark", "0.00001");
      await atRandomMs(alarmMs, alarmMs + 1000);
      await node.ctl("set_vm_memory_high_watermark", "0.4");
      load.mark();
      await resumed(load);
    },
  },
  {
    name: "connection: cut",
    deaths: connectionsCut,
    async fault({ proxy, load }) {
      await atRandomMs(200, 1000);
      proxy.cut();
      load.mark();
      await resumed(load);
    },
  },
  {
    name: "connection: refused for 5 s",
    deaths: connectionsCut,
    async fault({ proxy, load }) {
      await atRandomMs(200, 1000);
      proxy.refuse();
      await Bun.sleep(5000);
      proxy.accept();
      load.mark();
      await resumed(load);
    },
  },
  ...(["toBroker", "toWarren"] as const).flatMap((way): Scenario[] => {
    const where = way === "toBroker" ? "to RabbitMQ" : "from RabbitMQ";
    return [
      {
        name: `connection: cut mid-frame ${where}`,
        deaths: connectionsCut,
        async fault({ proxy, load }) {
          await atRandomMs(200, 1000);
          proxy.cutMidFrame(way);
          load.mark();
          await resumed(load);
        },
      },
      {
        name: `connection: a frame truncated ${where}`,
        deaths: connectionsCut,
        async fault({ proxy, load }) {
          await atRandomMs(200, 1000);
          proxy.truncate(way);
          load.mark();
          await resumed(load);
        },
      },
      {
        name: `connection: silence ${where}`,
        deaths: connectionsCut,
        async fault({ proxy, load }) {
          await atRandomMs(200, 1000);
          proxy.freeze(way);
          // Longer than it takes to notice by heartbeats.
          await Bun.sleep(frozenMs);
          proxy.thaw();
          load.mark();
          await resumed(load);
        },
      },
    ];
  }),
  {
    name: "connection: delayed by 200 ms",
    // So much is on the way.
    setting: { prefetch: 1000 },
    async fault({ proxy }) {
      await atRandomMs(200, 1000);
      proxy.delay(200);
      await Bun.sleep(4000);
    },
  },
  {
    name: "connection: credentials refused for 5 s",
    deaths: connectionsCut,
    async fault(world) {
      await atRandomMs(200, 1000);
      const user = (password: string) =>
        world.eval(
          `rabbit_auth_backend_internal:change_password(<<"guest">>, <<"${password}">>, <<"tests">>)`,
        );
      await user("another");
      await closeConnections(world);
      await Bun.sleep(5000);
      await user("guest");
      world.load.mark();
      await resumed(world.load);
    },
  },
  {
    name: "queue deleted: the group's",
    deaths: { processorConnections: 1 },
    async fault(world) {
      // What is in a queue goes with it, by the operator's own act: nothing is, at this moment.
      await whileQuiet(world, () => deleteQueue(world, "wsmanager.processor"));
      await resumed(world.load);
    },
  },
  {
    name: "queue deleted: the log",
    isLogLost: true,
    async fault(world) {
      await whileQuiet(world, () => deleteQueue(world, "wsmanager.log"));
      await resumed(world.load);
    },
  },
  {
    name: "exchange deleted: wsmanager",
    deaths: { managerConnections: 1 },
    async fault(world) {
      await atRandomMs(200, 1000);
      await deleteExchange(world, "wsmanager");
      world.load.mark();
      await resumed(world.load);
    },
  },
  {
    name: "exchange deleted: towsmanager",
    deaths: { processorConnections: 1 },
    async fault(world) {
      await atRandomMs(200, 1000);
      await deleteExchange(world, "towsmanager");
      world.load.mark();
      await resumed(world.load);
    },
  },
  {
    name: "consumer cancelled",
    // The managers take it for a queue that went, as they are told, and publish again what is on its way.
    deaths: connectionsCut,
    async fault(world) {
      await atRandomMs(200, 1000);
      // RabbitMQ cancels consumers when it deletes their queue. Over AMQP there is no other way to bring it about, so
      // the channel is told what a queue tells it then.
      await world.eval(
        `[begin {ok, Q} = rabbit_amqqueue:lookup(${world.resource("queue", "wsmanager.processor")}), [Ch ! {'$gen_cast', {queue_event, amqqueue:get_name(Q), eol}} || {Ch, _, _, _, _, _, _, _} <- rabbit_amqqueue:consumers(Q)] end]`,
      );
      world.load.mark();
      await resumed(world.load);
    },
  },
];

async function resumed(load: World["load"]): Promise<void> {
  await until(() => load.resumedMs !== undefined, "answers to come again", 60_000);
}

/** Holds the clients' messages back until all those sent are answered, and lets them go on after `act`. */
async function whileQuiet({ load }: World, act: () => Promise<unknown>): Promise<void> {
  await atRandomMs(200, 1000);
  load.pause();
  await until(() => load.answered.count === load.sent, "all messages to be answered", 30_000);
  await act();
  await Bun.sleep(3000);
  load.resume();
  load.mark();
}

async function deleteQueue({ url }: World, name: string): Promise<void> {
  await onChannel(url, (channel) => channel.deleteQueue(name));
}

async function deleteExchange({ url }: World, name: string): Promise<void> {
  await onChannel(url, (channel) => channel.deleteExchange(name));
}

async function closeConnections(world: World): Promise<void> {
  await world.eval(
    '[catch rabbit_networking:close_connection(P, "test") || P <- rabbit_networking:connections()]',
  );
}
