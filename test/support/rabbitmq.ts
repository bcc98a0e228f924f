import { randomUUID } from "node:crypto";
import { copyFileSync, lstatSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connect } from "amqplib";
import { codeOf } from "../../src/errors.ts";
import { ErlangShell } from "./erlang-shell.ts";
import { freePorts } from "./free-port.ts";
import { forgetFolder, forgetProcess, killAtExit, removeAtExit } from "./leftovers.ts";
import { stopGroup } from "./process-group.ts";
import {
  chosenVersion,
  type RabbitmqPrograms,
  type RabbitmqVersion,
  rabbitmqPrograms,
} from "./rabbitmq-versions.ts";
import { run } from "./run.ts";
import { until } from "./wait.ts";

/** What a start on a busy machine of two cores may take. */
const startTimeoutMs = 90_000;
/** A node that takes the connection and says nothing is asked again, in milliseconds: without a limit the start would never end. */
const answerTimeoutMs = 10_000;

export interface RabbitmqOptions {
  /** Told by the environment variable WARREN_TEST_RABBITMQ where it is not given. */
  readonly version?: RabbitmqVersion;
  readonly plugins?: readonly string[];
  readonly tls?: RabbitmqTls;
  /** Lines of rabbitmq.conf. */
  readonly config?: readonly string[];
}

/** A listener for `amqps://` beside the other. Files in PEM. */
export interface RabbitmqTls {
  readonly cert: string;
  readonly key: string;
  /** Whose clients are let in; they need a certificate of this authority then. */
  readonly clientCa?: string;
  /** A certificate logs in the user of its common name. Needs the plugin rabbitmq_auth_mechanism_ssl. */
  readonly isLogin?: boolean;
}

/** Starts a node that nobody else knows of, on ports and in a folder of its own. The caller stops it. */
export async function startRabbitmq(options: RabbitmqOptions = {}): Promise<RabbitmqNode> {
  const programs = await rabbitmqPrograms(options.version ?? chosenVersion());
  const node = new RabbitmqNode(programs, options.plugins ?? [], undefined, options.tls, options.config);
  try {
    await node.restart();
  } catch (error) {
    await node.stop();
    throw error;
  }
  return node;
}

/** Starts nodes that are one cluster. The caller stops each of them; the first one last, whose port mapper they share. */
export async function startRabbitmqCluster(
  size: number,
  options: RabbitmqOptions = {},
): Promise<RabbitmqNode[]> {
  const programs = await rabbitmqPrograms(options.version ?? chosenVersion());
  const nodes: RabbitmqNode[] = [];
  try {
    for (let index = 0; index < size; index++) {
      const node = new RabbitmqNode(programs, options.plugins ?? [], nodes[0]);
      nodes.push(node);
      await node.restart();
      if (index > 0) await node.join(nodes[0]!);
    }
  } catch (error) {
    for (const node of nodes.reverse()) await node.stop();
    throw error;
  }
  return nodes;
}

/** RabbitMQ removes files while they are looked at: those take nothing. */
function diskBytesOf(path: string): number {
  const is = lstatSync(path, { throwIfNoEntry: false });
  if (is === undefined) return 0;
  let bytes = 512 * is.blocks;
  if (!is.isDirectory()) return bytes;
  let names: string[] = [];
  try {
    names = readdirSync(path);
  } catch (error) {
    if (codeOf(error) !== "ENOENT") throw error;
  }
  for (const name of names) bytes += diskBytesOf(join(path, name));
  return bytes;
}

let shared: Promise<RabbitmqNode> | undefined;

/** One node for all tests of this process, which the preload stops. Each test takes a vhost of its own in it. */
export function sharedRabbitmq(): Promise<RabbitmqNode> {
  shared ??= startRabbitmq();
  return shared;
}

export async function stopSharedRabbitmq(): Promise<void> {
  const node = shared;
  shared = undefined;
  // A start that failed was reported to the test that asked for it.
  await (await node?.catch(() => undefined))?.stop();
}

/** A RabbitMQ node and its port mapper, which die with this process. */
export class RabbitmqNode implements AsyncDisposable {
  readonly port: number;
  /** For `amqps://`, if it was asked for. */
  readonly tlsPort: number;
  /** As Erlang knows it. */
  readonly name: string;
  /** The default vhost, as guest. */
  readonly url: string;
  /** What the broker says its version is. */
  version = "";

  readonly #programs: RabbitmqPrograms;
  readonly #folder: string;
  readonly #env: Record<string, string>;
  readonly #portMapperPort: number;
  readonly #cookie: string;
  readonly #usesPortMapperOf: RabbitmqNode | undefined;
  readonly #listensForTls: boolean;
  #portMapper: Child | undefined;
  #process: Child | undefined;
  #shell: ErlangShell | undefined;
  #frozen = false;
  #vhosts = 0;

  /** @param companion a node whose secret and port mapper it shares, as those of one cluster do */
  constructor(
    programs: RabbitmqPrograms,
    plugins: readonly string[],
    companion?: RabbitmqNode,
    tls?: RabbitmqTls,
    config: readonly string[] = [],
  ) {
    const [port, distributionPort, ownPortMapperPort, tlsPort] = freePorts(4) as [
      number,
      number,
      number,
      number,
    ];
    this.tlsPort = tlsPort;
    this.#listensForTls = tls !== undefined;
    const portMapperPort = companion === undefined ? ownPortMapperPort : companion.#portMapperPort;
    this.port = port;
    this.name = nodeName(port);
    this.#portMapperPort = portMapperPort;
    this.#usesPortMapperOf = companion;
    this.#cookie = companion === undefined ? randomUUID() : companion.#cookie;
    this.url = `amqp://guest:guest@127.0.0.1:${port}`;
    this.#programs = programs;
    this.#folder = mkdtempSync(join(tmpdir(), "warren-rabbitmq-"));
    removeAtExit(this.#folder);
    const listener = tls === undefined ? [] : tlsListener(this.#folder, programs, tlsPort, tls);
    writeConfiguration(this.#folder, plugins, this.#cookie, [...listener, ...config]);
    this.#env = environment(programs.inside(this.#folder), { port, distributionPort, portMapperPort });
  }

  /** Starts the node, again or for the first time, on the same ports and data. Resolves when it takes connections. */
  async restart(): Promise<void> {
    await this.kill();
    // A node without one starts one, which would outlive it.
    if (this.#usesPortMapperOf === undefined)
      this.#portMapper ??= this.#start("epmd", "-port", `${this.#portMapperPort}`);
    const child = this.#start("rabbitmq-server");
    this.#process = child;
    const shell = new ErlangShell(child.stdin, child.stdout);
    this.#shell = shell;
    const errors = new Response(child.stderr).text();
    try {
      await until(
        () => child.exitCode !== null || isListening(this.port),
        `port ${this.port} is open`,
        startTimeoutMs,
      );
      if (child.exitCode === null)
        this.version = await until(() => brokerVersion(this.url), "it takes connections", startTimeoutMs);
      // RabbitMQ opens one listener after the other.
      if (child.exitCode === null && this.#listensForTls)
        await until(() => isListening(this.tlsPort), `port ${this.tlsPort} is open for TLS`);
    } catch (cause) {
      throw new Error(`RabbitMQ did not start. It wrote:\n${shell.output}`, { cause });
    }
    if (child.exitCode !== null)
      throw new Error(`RabbitMQ ended at once. It wrote:\n${shell.output}\n${await errors}`);
  }

  /** Ends the node at once, with no farewell to anyone. Its data stays for `restart`. */
  async kill(): Promise<void> {
    // RabbitMQ writes down which quorum queues it has some seconds late. Killed before that, it keeps the queue and
    // loses what was confirmed in it (seen with 3.10). That is its own fault to mend, not what our tests are about.
    if (this.#process?.exitCode === null && !this.#frozen)
      await this.eval("[dets:sync(Table) || Table <- dets:all()]");
    this.#frozen = false;
    await end(this.#process);
    this.#process = undefined;
  }

  /** What its data takes on the disk. In bytes. */
  get diskBytes(): number {
    return diskBytesOf(join(this.#folder, "data"));
  }

  /** False from `kill` to `restart`. */
  get isRunning(): boolean {
    return this.#process !== undefined;
  }

  /** Ends it at once and removes what it holds. `restart` starts a new, empty node. */
  async wipe(): Promise<void> {
    await this.kill();
    rmSync(join(this.#folder, "data"), { recursive: true, force: true });
  }

  /** Becomes part of the other's cluster. What it held is gone. */
  async join({ name }: RabbitmqNode): Promise<void> {
    await this.ctl("stop_app");
    await this.ctl("join_cluster", name);
    await this.ctl("start_app");
  }

  /** Stops RabbitMQ in good order, with a farewell to every connection, and starts it again. */
  async restartGracefully(): Promise<void> {
    await this.ctl("stop_app");
    await this.ctl("start_app");
  }

  /** Stops the node from running, without closing a connection: what a network that drops everything looks like. */
  freeze(): void {
    stopGroup(this.#running.pid);
    this.#frozen = true;
  }

  thaw(): void {
    process.kill(-this.#running.pid, "SIGCONT");
    this.#frozen = false;
  }

  /** Until it takes connections, as after `thaw` on a busy machine. */
  async accepts(): Promise<void> {
    await until(() => brokerVersion(this.url), "it takes connections", startTimeoutMs);
  }

  /** A new, empty vhost's URL. */
  async vhost(name = `test-${++this.#vhosts}`): Promise<string> {
    const all = '<<".*">>';
    await this.eval(
      `ok = rabbit_vhost:add(<<"${name}">>, <<"tests">>), ` +
        `ok = rabbit_auth_backend_internal:set_permissions(<<"guest">>, <<"${name}">>, ${all}, ${all}, ${all}, <<"tests">>)`,
    );
    return `${this.url}/${name}`;
  }

  /** A user that may do everything in every vhost that is there. */
  async addUser(name: string, password: string): Promise<void> {
    const [user, all] = [erlangBinary(name), '<<".*">>'];
    await this.eval(
      `ok = rabbit_auth_backend_internal:add_user(${user}, ${erlangBinary(password)}, <<"tests">>), ` +
        `[ok = rabbit_auth_backend_internal:set_permissions(${user}, Vhost, ${all}, ${all}, ${all}, <<"tests">>) || Vhost <- rabbit_vhost:list_names()]`,
    );
  }

  async changePassword(name: string, password: string): Promise<void> {
    await this.eval(
      `rabbit_auth_backend_internal:change_password(${erlangBinary(name)}, ${erlangBinary(password)}, <<"tests">>)`,
    );
  }

  /** From then on it can only show a certificate. */
  async clearPassword(name: string): Promise<void> {
    await this.eval(`rabbit_auth_backend_internal:clear_password(${erlangBinary(name)}, <<"tests">>)`);
  }

  /** Closes every connection, as an operator would. */
  async closeConnections(why = "test"): Promise<void> {
    await this.eval(
      `[catch rabbit_networking:close_connection(Pid, "${why}") || Pid <- rabbit_networking:connections()]`,
    );
  }

  /** Evaluates an Erlang expression in the node, in milliseconds: for what tests do often. */
  async eval(expression: string): Promise<string> {
    if (this.#shell === undefined) throw new Error("the RabbitMQ node is not running");
    return await this.#shell.eval(expression);
  }

  /** Runs `rabbitmqctl`, which takes about a second. */
  async ctl(...args: string[]): Promise<string> {
    return await run([...this.#programs.command("rabbitmqctl", this.#folder), ...args], { env: this.#env });
  }

  /** Ends the node and removes its data. */
  async stop(): Promise<void> {
    await this.kill();
    await end(this.#portMapper);
    rmSync(this.#folder, { recursive: true, force: true });
    forgetFolder(this.#folder);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }

  /** The leader of the node's process group. */
  get pid(): number {
    return this.#running.pid;
  }

  get #running(): Child {
    if (this.#process === undefined) throw new Error("the RabbitMQ node is not running");
    return this.#process;
  }

  #start(program: string, ...args: string[]): Child {
    const child = Bun.spawn([...shield, ...this.#programs.command(program, this.#folder), ...args], {
      env: this.#env,
      detached: true,
      stdin: "pipe",
      stdout: "pipe",
      stderr: "pipe",
    });
    killAtExit(child.pid);
    return child;
  }
}

type Child = Bun.Subprocess<"pipe", "pipe", "pipe">;

/**
 * When a test times out, Bun sends SIGTERM to every process started since the tests began. The shared node must
 * outlive that, so a shell that ignores it stands between.
 */
const shield = ["/bin/sh", "-c", 'trap "" TERM; exec 3<&0; "$@" <&3 3<&- & wait $!', "shield"];

async function end(child: Child | undefined): Promise<void> {
  if (child === undefined) return;
  if (child.exitCode === null && child.signalCode === null) process.kill(-child.pid, "SIGKILL");
  await child.exited;
  forgetProcess(child.pid);
}

async function isListening(port: number): Promise<boolean> {
  const socket = await Bun.connect({ hostname: "127.0.0.1", port, socket: { data: () => undefined } });
  socket.terminate();
  return true;
}

async function brokerVersion(url: string): Promise<string> {
  const connection = await connect(url, { timeout: answerTimeoutMs });
  const { version } = connection.connection.serverProperties;
  await connection.close();
  return version;
}

/** The text's bytes as Erlang writes them, whatever the characters. */
function erlangBinary(text: string): string {
  return `<<${[...Buffer.from(text)].join(",")}>>`;
}

function nodeName(port: number): string {
  return `warren-${port}@localhost`;
}

/** The lines that make it listen for TLS, with the files in its own folder. */
function tlsListener(folder: string, programs: RabbitmqPrograms, port: number, tls: RabbitmqTls): string[] {
  const given = { certfile: tls.cert, keyfile: tls.key, cacertfile: tls.clientCa ?? tls.cert };
  const files = Object.entries(given).map(([name, path]) => {
    copyFileSync(path, join(folder, `${name}.pem`));
    return `ssl_options.${name} = ${join(programs.inside(folder), `${name}.pem`)}`;
  });
  const asksForCertificate = tls.clientCa !== undefined;
  return [
    `listeners.ssl.1 = 127.0.0.1:${port}`,
    ...files,
    `ssl_options.verify = ${asksForCertificate ? "verify_peer" : "verify_none"}`,
    `ssl_options.fail_if_no_peer_cert = ${asksForCertificate}`,
    ...(tls.isLogin === true
      ? [
          "auth_mechanisms.1 = EXTERNAL",
          "auth_mechanisms.2 = PLAIN",
          "auth_mechanisms.3 = AMQPLAIN",
          "ssl_cert_login_from = common_name",
        ]
      : []),
  ];
}

function writeConfiguration(
  folder: string,
  plugins: readonly string[],
  cookie: string,
  more: readonly string[],
): void {
  writeFileSync(join(folder, ".erlang.cookie"), cookie, { mode: 0o400 });
  // Alarms are for tests to raise, not for the machine's state to.
  const config = ["log.console.level = error", "disk_free_limit.absolute = 1MB", ...more];
  writeFileSync(join(folder, "rabbitmq.conf"), `${config.join("\n")}\n`);
  writeFileSync(join(folder, "advanced.config"), "[].\n");
  writeFileSync(join(folder, "enabled_plugins"), `[${plugins.join(",")}].\n`);
}

interface Ports {
  readonly port: number;
  readonly distributionPort: number;
  readonly portMapperPort: number;
}

/** All that would otherwise come from /etc/rabbitmq, /var/lib/rabbitmq or the caller's environment is told here. */
function environment(
  folder: string,
  { port, distributionPort, portMapperPort }: Ports,
): Record<string, string> {
  return {
    PATH: `${process.env["PATH"]}:/usr/sbin:/usr/bin:/sbin:/bin`,
    LANG: "C.UTF-8",
    // Where Erlang keeps the cookie by which nodes and rabbitmqctl know each other.
    HOME: folder,
    // The loopback address only, and a port mapper of its own: a broker that is there already never sees this one.
    ERL_EPMD_ADDRESS: "127.0.0.1",
    ERL_EPMD_PORT: `${portMapperPort}`,
    RABBITMQ_NODENAME: nodeName(port),
    RABBITMQ_NODE_IP_ADDRESS: "127.0.0.1",
    RABBITMQ_NODE_PORT: `${port}`,
    RABBITMQ_DIST_PORT: `${distributionPort}`,
    RABBITMQ_MNESIA_BASE: join(folder, "data"),
    RABBITMQ_LOG_BASE: join(folder, "log"),
    RABBITMQ_LOGS: "-",
    RABBITMQ_CONF_ENV_FILE: join(folder, "none"),
    RABBITMQ_CONFIG_FILE: join(folder, "rabbitmq.conf"),
    RABBITMQ_CONFIG_FILES: join(folder, "conf.d"),
    RABBITMQ_ADVANCED_CONFIG_FILE: join(folder, "advanced.config"),
    RABBITMQ_ENABLED_PLUGINS_FILE: join(folder, "enabled_plugins"),
    // Without a shell in between, and with an Erlang shell on standard input.
    RABBITMQ_ALLOW_INPUT: "1",
  };
}
