import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Channel, onChannel } from "../faults/probe.ts";
import { FaultyProxy } from "../faults/proxy.ts";
import { Supervised } from "../faults/supervised.ts";
import { freePorts } from "../support/free-port.ts";
import type { RabbitmqNode } from "../support/rabbitmq.ts";
import { until } from "../support/wait.ts";
import { Awareness } from "./awareness.ts";
import { type Book, type Group, groups, type Loss } from "./book.ts";
import { deadLetterWorker, hasEndedDeadLetters } from "./dead-letter-worker.ts";
import { deleteFrom } from "./deletion.ts";
import { Lock } from "./lock.ts";

export const managers = ["a", "b"] as const;
export type ManagerName = (typeof managers)[number];

/** Small, so that a run of a minute gets to their ends: old parts of the log are read from RabbitMQ, outboxes are full, readers are parked. */
const managerArgs = [
  ...["--outbox-max-bytes", "1MiB", "--log-memory-bytes", "2MiB", "--client-buffer-bytes", "512KiB"],
  ...["--max-messages-per-second", "100", "--flood-timeout", "1h", "--log-level", "debug"],
];
const queuesOfGroups = groups.map((group) => `wsmanager.${group}`);
const startTimeoutMs = 60_000;
/** How long a restarted node may refuse connections on a busy machine, in milliseconds. */
const connectMsMax = 30_000;

/** Two managers and two groups' processors in a vhost of its own. Manager a and the first group reach RabbitMQ through the proxy. */
export class Stage implements AsyncDisposable {
  readonly node: RabbitmqNode;
  readonly url: string;
  readonly proxy: FaultyProxy;
  readonly managers: Readonly<Record<ManagerName, Supervised>>;
  readonly processors: Readonly<Record<Group, Supervised>>;
  /** Held by what stops RabbitMQ, and by what needs it, so that both can be played at once. */
  readonly rabbitmq = new Lock();
  readonly network = new Lock();
  readonly logLosses: Loss[] = [];
  readonly groupLosses: Record<Group, Loss[]> = { first: [], second: [] };
  readonly deadLosses: Loss[] = [];
  readonly bindingLosses: Loss[] = [];
  readonly processorLosses: Loss[] = [];
  readonly #vhost: string;
  readonly #ports: Readonly<Record<ManagerName, number>>;
  readonly #folder: string;
  readonly #awareness: Readonly<Record<ManagerName, Awareness>>;
  readonly #watch: NodeJS.Timeout;

  static async start(node: RabbitmqNode): Promise<Stage> {
    const url = await node.vhost();
    return new Stage(node, url, await FaultyProxy.start(url));
  }

  private constructor(node: RabbitmqNode, url: string, proxy: FaultyProxy) {
    this.node = node;
    this.url = url;
    this.proxy = proxy;
    this.#vhost = new URL(url).pathname.slice(1);
    this.#folder = mkdtempSync(join(tmpdir(), "warren-chaos-"));
    const [a, b] = freePorts(2) as [number, number];
    this.#ports = { a, b };
    const manager = (name: ManagerName, broker: string) =>
      new Supervised(
        `manager ${name}`,
        ["--role", "manager", "--broker", broker, ...managerArgs],
        this.#ports[name],
      );
    this.managers = { a: manager("a", proxy.url), b: manager("b", url) };
    const processor = (group: Group, broker: string) =>
      new Supervised(`processor of ${group}`, [
        ...["--role", "processor", "--broker", broker, "--group", group, "--prefetch", "100"],
        ...["--handler", this.#handlerOf(group), "--log-level", "debug"],
      ]);
    this.processors = { first: processor("first", proxy.url), second: processor("second", url) };
    this.#awareness = { a: new Awareness(this.managers.a), b: new Awareness(this.managers.b) };
    this.#watch = setInterval(() => {
      for (const name of managers) this.#awareness[name].look(performance.now());
    }, 50);
  }

  get unaware(): Book["unaware"] {
    return { a: this.#awareness.a.unaware, b: this.#awareness.b.unaware };
  }

  get processes(): readonly Supervised[] {
    return [...Object.values(this.managers), ...Object.values(this.processors)];
  }

  urlOf(manager: ManagerName): string {
    return `ws://127.0.0.1:${this.#ports[manager]}/ws`;
  }

  async ready(): Promise<void> {
    for (const name of managers) await (await this.managers[name].running()).waitUntilReady(startTimeoutMs);
    for (const group of groups) {
      const hasConsumer = async () => Number(await this.#queue(`wsmanager.${group}`, "consumers")) > 0;
      await until(hasConsumer, `group ${group} to have a consumer`, startTimeoutMs);
    }
  }

  /** Deletes a queue or an inner exchange as an operator would, and notes when. */
  async delete(kind: "queue" | "exchange", name: string, losses: Loss[]): Promise<void> {
    await this.rabbitmq.hold(async () => {
      if (queuesOfGroups.includes(name)) await deadLetterWorker(this.node, this.queue(name), connectMsMax);
      await deleteFrom(this.url, kind, name, losses, connectMsMax);
    });
  }

  /** The Erlang term that names a queue of this vhost. */
  queue(name: string): string {
    return `rabbit_misc:r(<<"${this.#vhost}">>, queue, <<"${name}">>)`;
  }

  /** What is in the dead letters: `GROUP/SENDER:NUMBER`. */
  async dead(): Promise<Set<string>> {
    const keys = new Set<string>();
    const takeAll = async (channel: Channel) => {
      for (;;) {
        const message = await channel.get("wsmanager.dead", { noAck: true });
        if (message === false) return;
        const { "dead-group": group } = message.properties.headers ?? {};
        keys.add(`${String(group)}/${/^\w+:\d+/.exec(message.content.toString())?.[0]}`);
      }
    };
    await onChannel(this.url, takeAll, connectMsMax);
    return keys;
  }

  /** What was deleted, and when, in milliseconds as in what was found: a line for each. */
  lost(): string[] {
    const { logLosses: log, groupLosses, deadLosses: dead, bindingLosses: bindings } = this;
    return Object.entries({ log, ...groupLosses, dead, bindings }).flatMap(([what, losses]) =>
      losses.map(({ from, to }) => `  lost: ${what}, from ${Math.round(from)} to ${Math.round(to)} ms`),
    );
  }

  /** All that the processes have logged in all their lives, in the order of time. */
  logged(): string[] {
    return this.processes
      .flatMap(({ name, log }) => log.map((line) => ({ name, line })))
      .sort((one, other) => ((one.line.time ?? "") < (other.line.time ?? "") ? -1 : 1))
      .map(({ name, line }) => `${name}: ${JSON.stringify(line)}`);
  }

  /** The state of each process, and its last log lines. */
  async report(): Promise<string> {
    const lines: string[] = [];
    for (const process of this.processes) {
      lines.push(`${process.name}: ${process.describe()}`);
      const telling = process.log.filter(({ msg }) => !/^(handler failed|message dead-lettered)/.test(msg));
      lines.push(...telling.slice(-40).map((line) => `  ${JSON.stringify(line)}`));
    }
    if (await hasEndedDeadLetters(this.node).catch(() => false))
      lines.push("RabbitMQ itself is broken: it has ended the dead-letter workers (rabbitmq-server 7677)");
    for (const name of [...queuesOfGroups, "wsmanager.dead", "wsmanager.log"])
      lines.push(`${name}: ${await this.#queue(name, "messages").catch(String)} messages`);
    return lines.map((line) => `   ${line}`).join("\n");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    clearInterval(this.#watch);
    await Promise.all(this.processes.map((process) => process[Symbol.asyncDispose]()));
    await this.proxy[Symbol.asyncDispose]();
    rmSync(this.#folder, { recursive: true, force: true });
  }

  #handlerOf(group: Group): string {
    const path = join(this.#folder, `${group}.ts`);
    const failing =
      group === "first" ? 'if (Number(key.split(":")[1]) % 97 === 50) throw new Error("a bad one");' : "";
    writeFileSync(
      path,
      `export default async ({ text }) => {
        const [key] = /^\\w+:\\d+/.exec(text) ?? [];
        if (key === undefined) return;
        await Bun.sleep(10 * Math.random());
        ${failing}
        return "${group}/" + key;
      };`,
    );
    return path;
  }

  async #queue(name: string, item: "messages" | "consumers"): Promise<string> {
    return await this.node.eval(
      `case rabbit_amqqueue:lookup(${this.queue(name)}) of {ok, Q} -> [{_, N}] = rabbit_amqqueue:info(Q, [${item}]), N; _ -> 0 end`,
    );
  }
}
