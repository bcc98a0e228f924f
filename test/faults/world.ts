import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { freePorts } from "../support/free-port.ts";
import type { RabbitmqNode } from "../support/rabbitmq.ts";
import { until } from "../support/wait.ts";
import { DurableWitness } from "./durable-witness.ts";
import { EventsBook } from "./events-book.ts";
import { Sightings } from "./ledger.ts";
import { Load } from "./load.ts";
import { Probe } from "./probe.ts";
import { FaultyProxy } from "./proxy.ts";
import { Supervised } from "./supervised.ts";

/** The setting of a scenario. */
export interface Setting {
  readonly clients: number;
  readonly messagesPerSecond: number;
  readonly processors: number;
  readonly processorArgs: readonly string[];
  /** AMQP messages that a processor holds unacknowledged at most. */
  readonly prefetch: number;
  readonly managerArgs: readonly string[];
  /** Managers besides the two that the load's clients are on. */
  readonly furtherManagers: number;
  /** The load's clients go from one manager to the next, each time that they are disconnected. */
  readonly isRoaming: boolean;
  /** A handler's source. It exports a default; the built-in one otherwise. */
  readonly handler: string | undefined;
  /** All nodes are named to Warren; otherwise the first manager and the processors go through the proxy. */
  readonly isCluster: boolean;
  /** The first manager is a processor too. */
  readonly isRoleAll: boolean;
  /** Clients publish with receipts. */
  readonly hasReceipts: boolean;
  /** A queue of our own holds what reached RabbitMQ. */
  readonly hasProbe: boolean;
}

export const usualSetting: Setting = {
  clients: 50,
  messagesPerSecond: 500,
  processors: 1,
  processorArgs: [],
  prefetch: 100,
  managerArgs: [],
  furtherManagers: 0,
  isRoaming: false,
  handler: undefined,
  isCluster: false,
  isRoleAll: false,
  hasReceipts: false,
  hasProbe: false,
};

/** Two managers or more, processors, RabbitMQ, and clients that send all the time. */
export class World implements AsyncDisposable {
  readonly node: RabbitmqNode;
  readonly nodes: readonly RabbitmqNode[];
  /** The vhost's URL without the proxy. */
  readonly url: string;
  readonly vhost: string;
  readonly proxy: FaultyProxy;
  readonly manager: Supervised;
  readonly otherManager: Supervised;
  /** These two, and the further ones. */
  readonly managers: readonly Supervised[];
  /** Where each of them listens. */
  readonly ports: readonly number[];
  readonly processors: readonly Supervised[];
  readonly load: Load;
  readonly witness: DurableWitness;
  readonly probe: Probe | undefined;
  readonly events: EventsBook;
  /** The dead letters that were collected so far. */
  readonly dead = new Sightings();
  /** Other measurements, in words. */
  readonly figures: string[] = [];
  readonly setting: Setting;
  readonly port: number;
  readonly otherPort: number;
  readonly #folder: string;

  static async start(nodes: readonly RabbitmqNode[], parts: Partial<Setting>): Promise<World> {
    const setting = { ...usualSetting, ...parts };
    const url = await nodes[0]!.vhost();
    const probe = setting.hasProbe ? await Probe.bind(url, "wsmanager") : undefined;
    const proxy = await FaultyProxy.start(url);
    return new World(nodes, url, proxy, probe, setting);
  }

  private constructor(
    nodes: readonly RabbitmqNode[],
    url: string,
    proxy: FaultyProxy,
    probe: Probe | undefined,
    setting: Setting,
  ) {
    this.nodes = nodes;
    this.node = nodes[0]!;
    this.url = url;
    this.vhost = new URL(url).pathname.slice(1);
    this.proxy = proxy;
    this.probe = probe;
    this.setting = setting;
    this.#folder = mkdtempSync(join(tmpdir(), "warren-faults-"));
    const all = nodes.map((node) => `${node.url}/${this.vhost}`).join(",");
    this.events = new EventsBook(all.split(","));
    const faulty = setting.isCluster ? all : proxy.url;
    const ports = freePorts(2 + setting.furtherManagers) as [number, number, ...number[]];
    const [port, otherPort, ...furtherPorts] = ports;
    this.port = port;
    this.otherPort = otherPort;
    this.ports = ports;
    const managing = (role: "manager" | "all", broker: string) => [
      ...["--role", role, "--broker", broker],
      ...setting.managerArgs,
    ];
    const other = setting.isCluster ? all : url;
    this.manager = new Supervised("manager", managing(setting.isRoleAll ? "all" : "manager", faulty), port);
    this.otherManager = new Supervised("other manager", managing("manager", other), otherPort);
    const further = furtherPorts.map(
      (one, n) => new Supervised(`manager ${n + 3}`, managing("manager", other), one),
    );
    this.managers = [this.manager, this.otherManager, ...further];
    const processing = ["--role", "processor", "--broker", faulty, "--prefetch", String(setting.prefetch)];
    processing.push(...setting.processorArgs);
    if (setting.handler !== undefined) {
      const path = join(this.#folder, "handler.ts");
      writeFileSync(path, setting.handler);
      processing.push("--handler", path);
    }
    this.processors = Array.from(
      { length: setting.processors },
      (_, index) => new Supervised(`processor ${index}`, processing),
    );
    let turn = 0;
    const at = (ownPort: number) => (topic: string) =>
      `ws://127.0.0.1:${setting.isRoaming ? ports[turn++ % ports.length] : ownPort}/ws?topic=${topic}`;
    this.witness = new DurableWitness(ports.map((one) => `ws://127.0.0.1:${one}/ws`));
    this.load = new Load({ ...setting, here: at(port), there: at(otherPort) });
  }

  /** Waits until messages go all the way and back. */
  async warmUp(): Promise<void> {
    for (const manager of this.managers) {
      await (await manager.running()).waitUntilReady(30_000);
    }
    for (const processor of this.processors) await this.#groupHasConsumers(processor);
    await Promise.all([this.load.opened(), this.witness.subscribed]);
    this.load.start();
    await until(
      () => this.load.answered.count > 0 && this.load.returned.count > 0,
      "answers to come back",
      30_000,
    );
    this.load.measure();
  }

  /** How many messages are in the group's queue. */
  async backlog(): Promise<number> {
    return Number(await this.#groupQueue("messages"));
  }

  /** What RabbitMQ has sent to everybody so far, in steps of 64 KiB, which heartbeats alone do not make. */
  async sentSteps(): Promise<string> {
    return await this.eval(
      "lists:sum([N || [{send_oct, N}] <- rabbit_networking:connection_info_all([send_oct]), is_integer(N)]) div 65536",
    );
  }

  /** Details that help to understand a failure: the state of each process, and its log lines about connections. */
  async report(): Promise<string> {
    const lines: string[] = [];
    for (const process of [...this.managers, ...this.processors]) {
      lines.push(`${process.name}: ${process.describe()}`);
      const telling = process.log.filter(({ level, msg }) => level !== "info" || /broker|RabbitMQ/.test(msg));
      lines.push(...telling.slice(-15).map((line) => `  ${JSON.stringify(line)}`));
    }
    const backlog = await this.backlog().catch((error: unknown) => String(error));
    lines.push(
      `group's queue: ${backlog} messages; connections through the proxy: ${this.proxy.connections}`,
    );
    return lines.map((line) => `   ${line}`).join("\n");
  }

  /** Consumes the dead letters' queue. */
  async collectDead(): Promise<void> {
    const deadLetters = Probe.of(`${this.#running.url}/${this.vhost}`, "wsmanager.dead");
    for (const { client, number } of await deadLetters.take()) this.dead.note(client, number);
  }

  /** A node that was not killed. */
  get #running(): RabbitmqNode {
    return this.nodes.find(({ isRunning }) => isRunning) ?? this.node;
  }

  async eval(expression: string): Promise<string> {
    return await this.#running.eval(expression);
  }

  /** The Erlang term that names a queue or an exchange of this vhost. */
  resource(kind: "queue" | "exchange", name: string): string {
    return `rabbit_misc:r(<<"${this.vhost}">>, ${kind}, <<"${name}">>)`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.load.close();
    this.witness.close();
    await Promise.all(
      [...this.managers, ...this.processors].map((process) => process[Symbol.asyncDispose]()),
    );
    await this.events[Symbol.asyncDispose]();
    await this.proxy[Symbol.asyncDispose]();
    rmSync(this.#folder, { recursive: true, force: true });
  }

  /** What is published before a group's queue is bound does not reach the group. */
  async #groupHasConsumers(processor: Supervised): Promise<void> {
    await processor.running();
    const hasAll = async () => Number(await this.#groupQueue("consumers")) >= this.processors.length;
    await until(hasAll, "the group's queue to have consumers", 30_000);
  }

  async #groupQueue(item: "messages" | "consumers"): Promise<string> {
    return await this.eval(
      `case rabbit_amqqueue:lookup(${this.resource("queue", "wsmanager.processor")}) of {ok, Q} -> [{_, N}] = rabbit_amqqueue:info(Q, [${item}]), N; _ -> 0 end`,
    );
  }
}
