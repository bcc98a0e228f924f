import type { Broker } from "./broker/broker.ts";
import { eventsGroup } from "./broker/events.ts";
import { MemoryBroker } from "./broker/memory.ts";
import { brokerMetrics } from "./broker/metrics.ts";
import { accessBy } from "./broker/rabbitmq/access.ts";
import { RabbitmqBroker } from "./broker/rabbitmq/rabbitmq.ts";
import { readinessOf } from "./broker/readiness.ts";
import { FatalError, UsageError } from "./errors.ts";
import type { Auth } from "./gateway/auth/auth.ts";
import { Manager } from "./manager/manager.ts";
import type { Operations } from "./ops/http.ts";
import { levels, StreamLogger } from "./ops/logger.ts";
import { LoopLag } from "./ops/loop-lag.ts";
import { MessageTrace } from "./ops/message-trace.ts";
import { buildInfo, processMetrics } from "./ops/metrics.ts";
import { Tracing } from "./ops/tracing.ts";
import { endOnUncaught } from "./ops/uncaught.ts";
import { WatchedAdmin } from "./ops/watched-admin.ts";
import { memoryBroker } from "./options/checks.ts";
import { completionFor } from "./options/completion.ts";
import { helpText } from "./options/help.ts";
import { manual } from "./options/manual.ts";
import { type Command, parseCommand } from "./options/parse.ts";
import { settingsOf } from "./options/settings.ts";
import type { Options } from "./options/table.ts";
import { eventWork, keysFor } from "./processor/event-work.ts";
import { echoProcessed, type Work } from "./processor/handler.ts";
import { Processor } from "./processor/processor.ts";
import { Quarantine, quarantineCommand } from "./processor/quarantine.ts";
import { quarantinedFlag, serveQuarantined } from "./processor/quarantined.ts";
import { withoutPassword } from "./redact.ts";
import { version } from "./version.ts";

/** How much longer than `--stop-timeout` it may take to close what clients and RabbitMQ are connected by, in milliseconds. */
const partingAfterStopTimeoutMs = 300;

// The reader of the log has gone (`warren | head`): serving goes on without it.
for (const output of [process.stdout, process.stderr]) output.on("error", () => undefined);

try {
  if (process.argv[2] === quarantinedFlag) await serveQuarantined(process.argv[3]!, process.argv[4]);
  const command = parseCommand(process.argv.slice(2), process.env);
  if (command.do === "help") process.stdout.write(`${helpText()}\n`);
  else if (command.do === "handler-types") process.stdout.write(await handlerTypes());
  else if (command.do === "version") process.stdout.write(`warren ${version}\n`);
  else if (command.do === "completion") process.stdout.write(completionFor(command.shell));
  else if (command.do === "manual") process.stdout.write(manual());
  else if (command.do === "dead-letters") process.exitCode = await deadLetters(command.args);
  else
    process.exitCode = command.options.role === "bench" ? await bench(command.options) : await serve(command);
} catch (error) {
  if (!(error instanceof UsageError || error instanceof FatalError)) throw error;
  process.stderr.write(`warren: ${error.message}\n`);
  process.exitCode = error instanceof UsageError ? 2 : 1;
}
// Whatever is still open (a handler's timer, say) must not keep a stopped process alive.
process.exit();

type Run = Extract<Command, { readonly do: "run" }>;

/** Runs a manager, a processor or both until it is told to stop. Returns the exit code. */
async function serve({ options, warnings }: Run): Promise<number> {
  const stop = stopSignal();
  const format = options.logFormat === "auto" ? (process.stdout.isTTY ? "text" : "json") : options.logFormat;
  const logger = new StreamLogger(process.stdout, format, options.logLevel);
  endOnUncaught(logger);
  changeLevelOnSignal(logger);
  for (const warning of warnings) logger.warn(warning);
  const isWatched = options.logMessages !== "auto" || process.stdout.isTTY;
  const messageTrace = new MessageTrace(logger, isWatched ? options.logMessages : "off");
  const fatal = Promise.withResolvers<never>();
  const id = crypto.randomUUID().slice(-12);

  const work = await workFor(options);
  const broker = brokerFor(options, `${options.role}-${id}`, logger);
  const auth = await authFor(options, logger);
  const tracing =
    options.otlpUrl === undefined
      ? undefined
      : new Tracing(options.otlpUrl, `warren-${options.role}`, logger);
  const manager: Manager | undefined =
    options.role === "processor"
      ? undefined
      : new Manager(
          `manager-${id}`,
          options,
          broker,
          logger,
          messageTrace,
          auth,
          () => [buildInfo(options.role), ...(processor?.metrics ?? []), ...(tracing?.metrics ?? [])],
          undefined,
          tracing,
        );
  const quarantine = new Quarantine(
    quarantineCommand(options.group, options.handler),
    options.handlerTimeoutMs,
    logger,
  );
  const processor: Processor | undefined =
    options.role === "manager"
      ? undefined
      : new Processor(`processor-${id}`, options, work, broker, logger, messageTrace, quarantine.handle);

  if (processor !== undefined) processor.tracing = tracing;
  const eventKeys = keysFor(work);
  const eventProcessor =
    processor === undefined || eventKeys.length === 0
      ? undefined
      : new Processor(
          `processor-${id}-events`,
          { ...options, group: eventsGroup(options.group) },
          eventWork(work),
          broker,
          logger,
          messageTrace,
          undefined,
          eventKeys,
        );
  const url = manager?.listen();
  const admin =
    manager === undefined && processor !== undefined
      ? adminOf(processor, broker, options, logger)
      : undefined;
  const adminUrl = manager === undefined ? await admin?.open() : manager.adminUrl;
  broker.start(fatal.reject);
  logger.info(url === undefined ? "processing" : "listening", {
    ...(url === undefined ? { group: options.group } : { url: url.href }),
    admin: adminUrl?.href,
    role: options.role,
    broker: options.broker.map(withoutPassword).join(","),
    auth: manager === undefined ? undefined : options.auth,
    handler: options.role === "manager" ? undefined : withoutPassword(options.handler ?? "built in"),
    id,
    version,
  });

  logger.info("settings", settingsOf(options));
  if (manager !== undefined) reloadOnHangUp(manager, options);

  const asked = Promise.withResolvers<{ readonly signal: string; readonly overMs: number }>();
  if (manager !== undefined) manager.logLevel = logger;
  if (manager !== undefined && options.broker[0] !== memoryBroker) {
    const { DeadLetterDesk } = await import("./dead-letters/desk.ts");
    const { connectOnce } = await import("./dead-letters/connection.ts");
    manager.deadLetters = new DeadLetterDesk(() => connectOnce(options));
  }
  if (manager !== undefined)
    manager.onDrain = (overMs) => asked.resolve({ signal: "the control API", overMs });
  const signalled = stop.then((signal) => ({ signal, overMs: options.drainTimeMs }));
  const { signal, overMs } = await Promise.race([signalled, asked.promise, fatal.promise]);
  logger.info("stopping", { signal, ...(overMs > 0 ? { drainMs: overMs } : {}) });
  if (overMs > 0) await manager?.leave(overMs);
  const deadline = performance.now() + options.stopTimeoutMs;
  const left = () => Math.max(0, deadline - performance.now());
  await manager?.drain(left());
  await broker.settle(left());
  await processor?.drain(left());
  const partingMs = left() + partingAfterStopTimeoutMs;
  const partedBy = performance.now() + partingMs;
  await manager?.close(partingMs / 2);
  // With the embedded broker nobody else would hear that the last clients have gone.
  if (eventProcessor !== undefined) await broker.settle(partingMs / 4);
  await eventProcessor?.drain(partingMs / 4);
  admin?.close();
  auth?.close();
  processor?.close();
  eventProcessor?.close();
  quarantine.close();
  await broker.close(Math.max(0, partedBy - performance.now()));
  messageTrace.close();
  await Promise.race([tracing?.close(), Bun.sleep(partingAfterStopTimeoutMs)]);
  logger.info("stopped");
  return 0;
}

/** The admin port of a process that has a processor and no manager. */
function adminOf(
  processor: Processor,
  broker: Broker,
  { adminPort, adminHost, allowHost, role }: Options,
  logger: StreamLogger,
): WatchedAdmin | undefined {
  if (adminPort === undefined) return undefined;
  const own = [buildInfo(role), ...processMetrics, ...new LoopLag().metrics, ...brokerMetrics(broker)];
  const operations: Operations = {
    readiness: () => readinessOf(broker.status(), processor.isStopping, processor.isFull),
    metrics: () => [...own, ...processor.metrics, ...(processor.tracing?.metrics ?? [])],
  };
  return new WatchedAdmin({ adminPort, adminHost, allowHost }, operations, logger);
}

function brokerFor(options: Options, id: string, logger: StreamLogger): Broker {
  const { broker: urls, log: logMode, logMaxBytes: maxBytes, logMaxAgeMs: maxAgeMs } = options;
  if (urls[0] === memoryBroker) return new MemoryBroker();
  if (logMode === "off")
    logger.warn("no shared log (--log off): no durable subscriptions, and gaps when RabbitMQ was away");
  return new RabbitmqBroker({
    urls,
    access: accessBy(options),
    name: id,
    logger,
    queueBytesMax: options.queueMaxBytes,
    plainCopies: options.plainCopies,
    logRetention: logMode === "off" ? "off" : { maxBytes, maxAgeMs },
  });
}

/** Who asks for no tokens need not wait for what checks them. */
async function authFor(options: Options, logger: StreamLogger): Promise<Auth | undefined> {
  if (options.role === "processor" || options.auth === "none") return undefined;
  const { Auth } = await import("./gateway/auth/auth.ts");
  return Auth.open(options, logger);
}

/** The loader comes with the transpiler for TypeScript, which those without a handler need not wait for. */
async function workFor({ handler, role }: Options): Promise<Work> {
  if (handler === undefined || role === "manager") return { handle: echoProcessed };
  const { loadWork } = await import("./processor/load.ts");
  return loadWork(handler);
}

/** The text of the types is the file that Warren itself is checked with. */
async function handlerTypes(): Promise<string> {
  const file: unknown = await import("./processor/handler-types.ts", { with: { type: "text" } });
  return (file as { readonly default: string }).default;
}

async function deadLetters(args: readonly string[]): Promise<number> {
  const { runDeadLetters } = await import("./dead-letters/command.ts");
  const abort = new AbortController();
  void stopSignal().then(() => abort.abort());
  return runDeadLetters(args, process.env, process.stdout, process.stderr, abort.signal);
}

async function bench(options: Options): Promise<number> {
  const { runBench } = await import("./bench/bench.ts");
  const abort = new AbortController();
  void stopSignal().then(() => abort.abort());
  return runBench(options, process.stdout, process.stderr, abort.signal);
}

/** Each SIGUSR2 makes it more talkative, and the last one the least: info, debug, error, warn, info. Windows has no such signal. */
function changeLevelOnSignal(logger: StreamLogger): void {
  if (process.platform === "win32") return;
  process.on("SIGUSR2", () => logger.changeLevel(levels.at(levels.indexOf(logger.level) - 1)!));
}

/** Without files to read again, SIGHUP ends the process as it does by default. */
function reloadOnHangUp(manager: Manager, { tlsCert, jwtSecretFile, jwtPublicKeyFile }: Options): void {
  if (tlsCert ?? jwtSecretFile ?? jwtPublicKeyFile) process.on("SIGHUP", () => void manager.reload());
}

/** Resolves at the first SIGTERM or SIGINT; the second one ends the process at once. */
function stopSignal(): Promise<string> {
  const first = Promise.withResolvers<string>();
  let isStopping = false;
  for (const signal of ["SIGTERM", "SIGINT"] as const) {
    process.on(signal, () => {
      if (isStopping) process.exit(signal === "SIGINT" ? 130 : 143);
      isStopping = true;
      first.resolve(signal);
    });
  }
  return first.promise;
}
