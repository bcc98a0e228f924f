import { MemoryBroker } from "../../src/broker/memory.ts";
import { defaultTiming } from "../../src/broker/rabbitmq/connection/link-timing.ts";
import { RabbitmqBroker } from "../../src/broker/rabbitmq/rabbitmq.ts";
import type { Auth } from "../../src/gateway/auth/auth.ts";
import type { ProtocolMaker } from "../../src/gateway/protocols.ts";
import { Manager } from "../../src/manager/manager.ts";
import type { Fields, Logger } from "../../src/ops/logger.ts";
import { MessageTrace } from "../../src/ops/message-trace.ts";
import { parseCommand } from "../../src/options/parse.ts";
import type { Options } from "../../src/options/table.ts";
import { echoProcessed, type Handler } from "../../src/processor/handler.ts";
import { Processor } from "../../src/processor/processor.ts";
import { until } from "./wait.ts";

/** Remembers what was logged at warn and above, which in most tests is nothing. */
export class QuietLogger implements Logger {
  readonly complaints: string[] = [];
  /** The reasons that they gave. */
  readonly reasons: string[] = [];
  wants(): boolean {
    return false;
  }
  debug(): void {
    /* not of interest to tests */
  }
  info(): void {
    /* not of interest to tests */
  }
  warn(message: string, fields?: Fields): void {
    this.#note(message, fields);
  }
  error(message: string, fields?: Fields): void {
    this.#note(message, fields);
  }
  #note(message: string, fields: Fields = {}): void {
    this.complaints.push(message);
    if ("reason" in fields) this.reasons.push(String(fields["reason"]));
  }
}

/** The options of a command line, without the surroundings' environment. */
export function optionsOf(...args: string[]): Options {
  const command = parseCommand(args, {});
  if (command.do !== "run") throw new Error(`${args.join(" ")} does not run anything`);
  return command.options;
}

/** What `warren ARGS` runs with the embedded broker, within this process. */
export function startSystem(
  args: string[] = [],
  handler: Handler = echoProcessed,
  auth?: Auth,
  protocols?: readonly ProtocolMaker[],
) {
  const options = optionsOf("--port", "0", "--log-messages", "off", ...args);
  const logger = new QuietLogger();
  const messageTrace = new MessageTrace(logger, options.logMessages);
  const broker = new MemoryBroker();
  const manager = new Manager("manager", options, { broker, logger, messageTrace, auth, protocols });
  const processor = new Processor("processor", options, { handle: handler }, broker, logger, messageTrace);
  const url = manager.listen();
  broker.start();
  return {
    url,
    wsUrl: (path: string) => new URL(path, url).href.replace(/^http/, "ws"),
    logger,
    manager,
    processor,
    broker,
    async [Symbol.asyncDispose]() {
      await manager.close();
      processor.close();
      await broker.close();
      auth?.close();
    },
  };
}

export type System = ReturnType<typeof startSystem>;

/** `warren --role manager` within this process, ready. It comes back sooner than in production. */
export async function startManager(id: string, url: string, ...args: string[]) {
  const options = optionsOf("--role", "manager", "--port", "0", "--log-messages", "off", ...args);
  const logger = new QuietLogger();
  const logRetention =
    options.log === "off"
      ? "off"
      : ({ maxBytes: options.logMaxBytes, maxAgeMs: options.logMaxAgeMs } as const);
  const timing = { ...defaultTiming, backoff: { firstMs: 20, mostMs: 200 } };
  const broker = new RabbitmqBroker({ urls: [url], name: id, logger, logRetention, timing });
  const manager = new Manager(id, options, { broker, logger, messageTrace: new MessageTrace(logger, "off") });
  const listening = manager.listen();
  broker.start((error) => logger.error(String(error)));
  await until(() => broker.status().state === "ready", "the manager is connected");
  return {
    logger,
    broker,
    wsUrl: (path: string) => new URL(path, listening).href.replace(/^http/, "ws"),
    async [Symbol.asyncDispose]() {
      await manager.close();
      await broker.close();
    },
  };
}
