import type { Supervised } from "../faults/supervised.ts";
import type { SeededRandom } from "../support/seeded-random.ts";
import type { Loss } from "./book.ts";
import type { Stage } from "./stage.ts";

/** A fault that ends after a while. */
export interface Fault {
  readonly name: string;
  /** A processor, or its connection, may be lost. */
  readonly shakesProcessors: boolean;
  play(stage: Stage, lastsMs: number): Promise<void>;
}

/** How long a fault may last, in milliseconds. A group that is silent for 30 s would count as gone. */
const lastsMs = [300, 9000] as const;

/** How a process ends that got SIGKILL, or SIGTERM twice. */
const endedAtOnce: readonly number[] = [137, 143];

export function durationOf(random: SeededRandom): number {
  // Short ones are as likely as long ones.
  return Math.round(lastsMs[0] * (lastsMs[1] / lastsMs[0]) ** random.next());
}

export const faults: readonly Fault[] = [
  brokerFault("broker restart", async ({ node }) => {
    await node.restartGracefully();
    await node.accepts();
  }),
  brokerFault("broker SIGKILL", async ({ node }, ms) => {
    await node.kill();
    await Bun.sleep(ms / 3);
    await node.restart();
  }),
  brokerFault("broker frozen", async ({ node }, ms) => {
    node.freeze();
    await Bun.sleep(ms);
    node.thaw();
    await node.accepts();
  }),
  brokerFault("memory alarm", async ({ node }, ms) => {
    await node.ctl("set_vm_memory_high_watermark", "0.00001");
    await Bun.sleep(ms);
    await node.ctl("set_vm_memory_high_watermark", "0.4");
  }),
  brokerFault("connections closed", async ({ node }) => {
    await node.eval(
      '[catch rabbit_networking:close_connection(P, "chaos") || P <- rabbit_networking:connections()]',
    );
  }),
  brokerFault("consumer cancelled", async (stage) => {
    // As test/faults/scenarios/broker.ts does. A queue that was deleted a moment ago has no consumers.
    const consumers = "rabbit_amqqueue:consumers(Q)";
    const cancel = `[Ch ! {'$gen_cast', {queue_event, amqqueue:get_name(Q), eol}} || {Ch, _, _, _, _, _, _, _} <- ${consumers}]`;
    await stage.node.eval(
      `case rabbit_amqqueue:lookup(${stage.queue("wsmanager.first")}) of {ok, Q} -> ${cancel}; {error, not_found} -> [] end`,
    );
  }),
  networkFault("connections cut", async ({ proxy }) => proxy.cut()),
  networkFault("connections refused", async ({ proxy }, ms) => {
    proxy.refuse();
    await Bun.sleep(ms);
    proxy.accept();
  }),
  networkFault("connections silent", async ({ proxy }, ms) => {
    proxy.freeze("toBroker", "toWarren");
    await Bun.sleep(ms);
    proxy.thaw();
  }),
  networkFault("silence to RabbitMQ", async ({ proxy }, ms) => {
    proxy.freeze("toBroker");
    await Bun.sleep(ms);
    proxy.thaw();
  }),
  networkFault("silence from RabbitMQ", async ({ proxy }, ms) => {
    proxy.freeze("toWarren");
    await Bun.sleep(ms);
    proxy.thaw();
  }),
  networkFault("cut mid-frame to RabbitMQ", async ({ proxy }) => proxy.cutMidFrame("toBroker")),
  networkFault("cut mid-frame from RabbitMQ", async ({ proxy }) => proxy.cutMidFrame("toWarren")),
  networkFault("frame truncated to RabbitMQ", async ({ proxy }) => proxy.truncate("toBroker")),
  networkFault("frame truncated from RabbitMQ", async ({ proxy }) => proxy.truncate("toWarren")),
  deletion("log", "queue", "wsmanager.log", ({ logLosses }) => logLosses, false),
  deletion("group's queue", "queue", "wsmanager.first", ({ groupLosses }) => groupLosses.first),
  deletion("other group's queue", "queue", "wsmanager.second", ({ groupLosses }) => groupLosses.second),
  deletion("dead letters", "queue", "wsmanager.dead", ({ deadLosses }) => deadLosses),
  ...["wsmanager", "wsmanager.queues", "towsmanager", "towsmanager.queues"].map((name) =>
    deletion(`exchange ${name}`, "exchange", name, ({ bindingLosses }) => bindingLosses),
  ),
  ...deaths("manager a", ({ managers }) => managers.a),
  ...deaths("manager b", ({ managers }) => managers.b),
  ...deaths("processor", ({ processors }) => processors.first),
  ...deaths("other group's processor", ({ processors }) => processors.second),
];

function deletion(
  what: string,
  kind: "queue" | "exchange",
  name: string,
  losses: (stage: Stage) => Loss[],
  shakesProcessors = true,
): Fault {
  return {
    name: `${what} deleted`,
    shakesProcessors,
    play: (stage) => stage.delete(kind, name, losses(stage)),
  };
}

function brokerFault(name: string, play: Fault["play"]): Fault {
  return { name, shakesProcessors: true, play: (stage, ms) => stage.rabbitmq.hold(() => play(stage, ms)) };
}

function networkFault(name: string, play: Fault["play"]): Fault {
  return { name, shakesProcessors: true, play: (stage, ms) => stage.network.hold(() => play(stage, ms)) };
}

function deaths(name: string, of: (stage: Stage) => Supervised): Fault[] {
  return (["SIGKILL", "SIGTERM"] as const).map((signal) => ({
    name: `${name} ${signal}`,
    shakesProcessors: !name.startsWith("manager"),
    async play(stage: Stage) {
      const process = of(stage);
      await process.running();
      const code = await process.end(signal);
      // Another fault may have killed it at the same time, or asked it again, which ends it at once.
      if (signal === "SIGTERM" && code !== 0 && !endedAtOnce.includes(code))
        throw new Error(`${process.name} exited with ${code} after SIGTERM`);
    },
  }));
}
