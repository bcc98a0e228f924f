import { runDriver } from "../../bench/systems/driver.ts";
import { unhurried } from "../../bench/systems/managers.ts";
import { ForeignProgram, field, longText, table } from "../../support/foreign-program.ts";
import { until, WaitedInVain, whileMoving } from "../../support/wait.ts";
import { Filler } from "../filler.ts";
import type { MessageKey } from "../ledger.ts";
import { Onlooker, type Watch } from "../onlooker.ts";
import { onChannel } from "../probe.ts";
import { scaled } from "../scale.ts";
import { atRandomMs, type Scenario } from "../scenario.ts";
import type { World } from "../world.ts";

/** Small buffers, which a few seconds fill. */
const small = ["--client-buffer-bytes", "128KiB", "--outbox-max-bytes", "1MiB", "--log-memory-bytes", "1MiB"];
const fillerBytes = 32 * 1024;
/** How much the kernel buffers for each connection. */
const unreadMs = 8000;
const frozenMs = 4000;

/** What a manager has to stop, in milliseconds. */
const stopMs = 2000;

/** A handler for the load's clients alone: the checks expect no answers to other clients. */
const ofLoad = 'export const topics = ["load.#"]; export default ({ text }) => "processed message: " + text;';

const durable: Watch = { how: "durable", topic: "load.#", subscriptions: 1 };
const several: Watch = { how: "durable", topic: "load.#", subscriptions: 5 };
const live: Watch = { how: "live", topic: "load.#", subscriptions: 1 };
const text: Watch = { how: "text", topic: "load.filler", subscriptions: 1 };

/** What stood beside the tested path once: each of these lost something, or stopped serving. */
export const besideScenarios: readonly Scenario[] = [
  {
    name: "clients: that read nothing while RabbitMQ stands still",
    setting: { clients: 10, messagesPerSecond: 200, managerArgs: small },
    deaths: { managerConnections: 1, processorConnections: 1 },
    async fault({ manager, port, proxy, load, figures }) {
      await using onlookers = await onlookersOfAllKinds(`http://127.0.0.1:${port}`);
      const { all, durables, fives, lives, texts } = onlookers;
      const before = new Set([...load.sentKeys()].map(textOf));
      // Those that publish are held back while the outbox is full.
      for (const one of [durables, lives]) one.speak();
      using filler = await Filler.open(`ws://127.0.0.1:${port}`, "load.filler", fillerBytes);
      await atRandomMs(200, 1000);
      for (const one of all) one.stopReading();
      await Bun.sleep(unreadMs);
      proxy.freeze("toBroker", "toWarren");
      await until(() => manager.metric("warren_clients_held_back") > 0, "clients to be held back", 30_000);
      await Bun.sleep(frozenMs);
      proxy.thaw();
      load.mark();
      for (const one of all) one.readAgain();
      await resumed(load);
      await Bun.sleep(1000);
      load.pause();
      filler.stop();
      // What was on its way when they subscribed may have come or not.
      const sent = [...load.sentKeys()].filter((key) => !before.has(textOf(key)));
      await haveAll([durables, fives], sent);
      load.resume();
      throwIf(all.flatMap(({ faults }) => faults));
      for (const one of [durables, fives])
        if (one.connections > 1) throw new Error(`${one.name} was cut off ${one.connections - 1} times`);
      if (lives.connections + texts.connections === 2) throw new Error("nobody's buffer was full");
      figures.push(
        `${filler.sent} messages of 32 KiB beside; the live client was cut off ${lives.connections - 1} times, the one of plain text ${texts.connections - 1} times, none of 6 durable subscriptions`,
      );
    },
  },
  {
    name: "manager: SIGTERM beside clients that read nothing",
    setting: { clients: 10, messagesPerSecond: 200, managerArgs: small },
    safe: "accepted",
    async fault({ manager, port, load, figures }) {
      await using onlookers = await onlookersOfAllKinds(`http://127.0.0.1:${port}`);
      const { all, durables, fives, lives } = onlookers;
      const before = new Set([...load.sentKeys()].map(textOf));
      for (const one of [durables, lives]) one.speak();
      const filler = await Filler.open(`ws://127.0.0.1:${port}`, "load.filler", fillerBytes);
      await atRandomMs(200, 1000);
      for (const one of all) one.stopReading();
      await Bun.sleep(unreadMs / 2);
      // What a manager that stops does not read any more nobody promises.
      load.pause();
      await until(() => load.answered.count === load.sent, "all messages to be answered", 30_000);
      const code = await manager.end("SIGTERM");
      filler[Symbol.dispose]();
      if (code !== 0) throw new Error(`the manager exited with ${code}`);
      await (await manager.running()).waitUntilReady(60_000);
      for (const one of all) one.readAgain();
      load.resume();
      load.mark();
      await resumed(load);
      await Bun.sleep(1000);
      load.pause();
      // Whose answer came is in the log; what was on its way when they subscribed may have come or not.
      const sent = [...load.sentKeys()].filter((key) => load.answered.has(key) && !before.has(textOf(key)));
      await haveAll([durables, fives], sent);
      load.resume();
      throwIf(all.flatMap(({ faults }) => faults));
      if (all.some(({ connections }) => connections < 2)) throw new Error("somebody was not disconnected");
      figures.push(
        `${filler.sent} messages of 32 KiB beside; 6 durable subscriptions have all of ${sent.length}`,
      );
    },
  },
  {
    name: "queue deleted: the log, beside clients that read nothing or old parts",
    setting: { clients: 10, messagesPerSecond: 200, managerArgs: small },
    deaths: { managerConnections: 1, processorConnections: 1 },
    isLogLost: true,
    async fault({ url: brokerUrl, port, load, figures }) {
      const url = `http://127.0.0.1:${port}`;
      {
        using _ = await Filler.open(`ws://127.0.0.1:${port}`, "load.filler", fillerBytes);
        // By then most of the log is not in memory.
        await Bun.sleep(unreadMs);
      }
      const fromFirst: Watch = { ...durable, from: "first" };
      await using parked = new Onlooker("parked", url, fromFirst);
      await using another = new Onlooker("of old parts", url, fromFirst);
      await using stopping = new Onlooker("of old parts, by and by", url, fromFirst);
      const all = [parked, another, stopping];
      await Promise.all(all.map(({ subscribed }) => subscribed));
      // A subscription that has got nothing of the log misses nothing when another one begins.
      await until(() => all.every(({ hasPlaces }) => hasPlaces), "each of them to have got something");
      parked.stopReading();
      stopping.stopReading();
      load.pause();
      await until(() => load.answered.count === load.sent, "all messages to be answered", 30_000);
      stopping.readAgain();
      const before = new Set([...load.sentKeys()].map(textOf));
      await onChannel(brokerUrl, (channel) => channel.deleteQueue("wsmanager.log"));
      await Bun.sleep(3000);
      load.resume();
      load.mark();
      parked.readAgain();
      await resumed(load);
      await Bun.sleep(1000);
      load.pause();
      const sinceThen = [...load.sentKeys()].filter((key) => !before.has(textOf(key)));
      const haveAll = () => all.every((one) => sinceThen.every((key) => one.has(key)));
      await until(haveAll, "all of the new log to be read", 30_000);
      load.resume();
      throwIf(all.flatMap(({ faults }) => faults));
      const told = all.map(({ gaps }) => gaps[0]!);
      if (told.some((gaps) => gaps !== 1)) throw new Error(`they were told of ${told.join(", ")} gaps`);
      figures.push(`${all.length} clients told of the gap`);
    },
  },
  {
    name: "queue deleted: the log, and RabbitMQ killed a moment later",
    setting: { clients: 10, messagesPerSecond: 200 },
    deaths: { managerConnections: 2, processorConnections: 2 },
    isLogLost: true,
    async fault({ url: brokerUrl, node, ports, load, figures }) {
      const all = ports.map((port, n) => new Onlooker(`durable ${n}`, `http://127.0.0.1:${port}`, durable));
      await using _ = disposing(all);
      await Promise.all(all.map(({ subscribed }) => subscribed));
      // The new log has not as many records for a while.
      await Bun.sleep(5000);
      load.pause();
      await until(() => load.answered.count === load.sent, "all messages to be answered", 30_000);
      const before = new Set([...load.sentKeys()].map(textOf));
      await onChannel(brokerUrl, (channel) => channel.deleteQueue("wsmanager.log"));
      await atRandomMs(0, 600);
      await node.kill();
      await node.restart();
      load.resume();
      load.mark();
      await resumed(load);
      await Bun.sleep(1000);
      load.pause();
      const sinceThen = [...load.sentKeys()].filter((key) => !before.has(textOf(key)));
      const startedAt = performance.now();
      const haveAll = () => all.every((one) => sinceThen.every((key) => one.has(key)));
      await until(haveAll, "all of the new log to be read", 30_000);
      const seconds = (performance.now() - startedAt) / 1000;
      load.resume();
      throwIf(all.flatMap(({ faults }) => faults));
      const told = all.map(({ gaps }) => gaps[0]!);
      if (told.some((gaps) => gaps !== 1)) throw new Error(`they were told of ${told.join(", ")} gaps`);
      figures.push(
        `durable clients of both managers told of the gap, and complete ${seconds.toFixed(1)} s later`,
      );
    },
  },
  {
    name: "foreign programs: names that are no text",
    async fault({ url, load, port, figures }) {
      await using onlooker = new Onlooker("live", `http://127.0.0.1:${port}`, { ...live, topic: "#" });
      await onlooker.subscribed;
      await using program = await ForeignProgram.connect(url);
      const odd = Buffer.alloc(100, 0xff);
      const published = 100;
      for (let count = 0; count < published; count++) {
        const exchange = count % 2 === 0 ? "wsmanager" : "towsmanager";
        await program.publish(exchange, { routingKey: odd, body: "odd" });
        await program.publish(exchange, { headers: table(field(odd, "S", longText(odd))), body: "odd" });
      }
      load.mark();
      await resumed(load);
      throwIf(onlooker.faults);
      if (onlooker.connections > 1) throw new Error("a client was disconnected");
      figures.push(`${2 * published} of them`);
    },
  },
  {
    name: "clients: very many durable ones cut off together",
    setting: { managerArgs: [...unhurried], handler: ofLoad },
    async fault({ port, figures }) {
      const clients = scaled(2000);
      const rate = scaled(4000);
      const seen = await runDriver<{ seconds: number; missed: number }>("storm.ts", [
        "absence",
        `ws://127.0.0.1:${port}/ws`,
        clients,
        rate,
        scaled(10),
      ]);
      // Each has all that it missed, in order: the driver looks.
      const { seconds, missed } = seen;
      const exact = await runDriver<{ seconds: number }>("storm.ts", [
        "connect",
        `ws://127.0.0.1:${port}/ws`,
        ...[clients, exactOfEach, scaled(2000)],
      ]);
      figures.push(
        `${clients} with a pattern each at ${rate} messages/s, and all of the ${missed} that they missed: at the end after ${seconds.toFixed(1)} s`,
        `${exactOfEach * clients} exact ones that connect: after ${exact.seconds.toFixed(1)} s`,
      );
      if (seconds > caughtUpSecondsMax) throw new WaitedInVain(`they were at the end after ${seconds} s`);
      if (exact.seconds > caughtUpSecondsMax)
        throw new WaitedInVain(`those that connect were at the end after ${exact.seconds} s`);
    },
  },
  {
    name: "clients: just behind memory, beside readers of the whole log",
    setting: { managerArgs: [...unhurried, "--log-memory-bytes", "128KiB"], handler: ofLoad },
    async fault({ port, figures }) {
      const seen = await runDriver<Behind>("behind.ts", [
        `ws://127.0.0.1:${port}/ws`,
        ...[scaled(100_000), 3000, 4, scaled(3000)],
      ]);
      const firstMs = Math.round(seen.besideAll.maxMs);
      figures.push(
        `its first message after ${Math.round(seen.besideAll.medianMs)} ms, ${firstMs} at most; ${scaled(3000)} times found after ${seen.timesSeconds.toFixed(1)} s`,
      );
      if (firstMs > behindMsMax) throw new WaitedInVain(`the first message came after ${firstMs} ms`);
      if (seen.timesSeconds > timesSecondsMax) throw new WaitedInVain(`times took ${seen.timesSeconds} s`);
    },
  },
  {
    name: "broker: a long memory alarm, and a manager that processes",
    setting: { isRoleAll: true, processors: 0, messagesPerSecond: 200 },
    async fault({ node, load, manager, figures }) {
      await atRandomMs(500, 1500);
      await node.ctl("set_vm_memory_high_watermark", "0.00001");
      // Marks that get no answer were taken for a lost connection after ten seconds.
      const seconds = scaled(160);
      await Bun.sleep(seconds * 1000);
      await node.ctl("set_vm_memory_high_watermark", "0.4");
      load.mark();
      await resumed(load);
      const lost = manager.log.filter(({ msg }) => msg.startsWith("broker lost"));
      if (lost.length > 0) throw new Error(`connections were lost: ${JSON.stringify(lost)}`);
      figures.push(`${seconds} s, and no connection was dropped`);
    },
  },
  {
    name: "manager: SIGTERM while RabbitMQ is silent",
    setting: { managerArgs: ["--stop-timeout", `${stopMs}ms`] },
    safe: "accepted",
    deaths: { managerConnections: 1, processorConnections: 1 },
    async fault({ proxy, manager, load, figures }) {
      await atRandomMs(500, 1500);
      load.pause();
      await until(() => load.answered.count === load.sent, "all messages to be answered", 30_000);
      proxy.freeze("toBroker", "toWarren");
      const startedAt = performance.now();
      await manager.end("SIGTERM");
      const ms = Math.round(performance.now() - startedAt);
      proxy.cut();
      proxy.thaw();
      await (await manager.running()).waitUntilReady(60_000);
      load.resume();
      load.mark();
      await resumed(load);
      figures.push(`it took ${ms} ms of ${stopMs}`);
      if (ms > stopMs + graceMs) throw new WaitedInVain(`the manager took ${ms} ms to stop`);
    },
  },
];

/** Exact topics that one client subscribes to. */
const exactOfEach = 10;
/** The bound for a fifth of them, in seconds. When each read for itself, so many took minutes, or did not end. */
const caughtUpSecondsMax = 15;
/** The bound in milliseconds. It was up to 12 s when no subscription got a reading of its own. */
const behindMsMax = 2000;
/** The bound in seconds. It was 41 s when they were searched for one after another. */
const timesSecondsMax = 8;
/** How long the process itself may take to end on a busy machine, in milliseconds. It was 6 s more. */
const graceMs = 2000;

interface Behind {
  readonly besideAll: { readonly medianMs: number; readonly maxMs: number };
  readonly timesSeconds: number;
}

function disposing(all: readonly AsyncDisposable[]): AsyncDisposable {
  return {
    async [Symbol.asyncDispose]() {
      await Promise.all(all.map((one) => one[Symbol.asyncDispose]()));
    },
  };
}

/** Opens onlookers of the load, live and durable, and waits until all are subscribed. */
async function onlookersOfAllKinds(url: string) {
  const durables = new Onlooker("durable", url, durable);
  const fives = new Onlooker("five subscriptions", url, several);
  const lives = new Onlooker("live", url, live);
  const texts = new Onlooker("text", url, text);
  const all = [durables, fives, lives, texts];
  await Promise.all(all.map(({ subscribed }) => subscribed));
  return { ...disposing(all), all, durables, fives, lives, texts };
}

/** Waits until the durable onlookers have all of these. They have some hundred megabytes to read, which takes a busy machine minutes. */
async function haveAll(durables: readonly Onlooker[], sent: readonly MessageKey[]): Promise<void> {
  const left = () => durables.some((one) => sent.some((key) => !one.has(key)));
  const read = () => durables.reduce((sum, { readBytes }) => sum + readBytes, 0);
  await whileMoving(
    () => !left(),
    read,
    () => "and durable clients have not everything",
  );
}

function textOf({ client, number }: MessageKey): string {
  return `${client}:${number}`;
}

function throwIf(faults: readonly string[]): void {
  if (faults.length > 0) throw new Error(faults.join("\n"));
}

async function resumed(load: World["load"]): Promise<void> {
  await until(() => load.resumedMs !== undefined, "answers to come again", 60_000);
}
