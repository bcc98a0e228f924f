import type { Manager } from "../manager/manager.ts";
import { StreamLogger } from "../ops/logger.ts";
import { endOnUncaught } from "../ops/uncaught.ts";
import { memoryBroker } from "../options/kinds/checks.ts";
import type { Command } from "../options/parse.ts";
import { settingsOf } from "../options/settings.ts";
import type { Options } from "../options/table.ts";
import { withoutPassword } from "../redact.ts";
import { version } from "../version.ts";
import { Roles, type Urls } from "./roles.ts";
import { changeLevelOnSignal, reloadOnHangUp, stopSignal } from "./signals.ts";
import { leaveAsAsked, type Stop, Stops } from "./stops.ts";

type Run = Extract<Command, { readonly do: "run" }>;

/** Runs a manager, a processor or both until it is told to stop. Returns the exit code. */
export async function serve({ options, warnings }: Run): Promise<number> {
  const stops = new Stops();
  void stopSignal().then((signal) => void stops.ask(signal, options.drainTimeMs));
  const format = options.logFormat === "auto" ? (process.stdout.isTTY ? "text" : "json") : options.logFormat;
  const logger = new StreamLogger(process.stdout, format, options.logLevel);
  endOnUncaught(logger);
  changeLevelOnSignal(logger);
  for (const warning of warnings) logger.warn(warning);

  const id = crypto.randomUUID().slice(-12);
  // A handler's file may take for ever to load.
  const roles = await Promise.race([Roles.open(id, options, logger), stops.first]);
  if (!(roles instanceof Roles)) {
    logger.info("stopped", { signal: roles.signal });
    return 0;
  }
  const urls = await roles.listen();
  const fatal = Promise.withResolvers<never>();
  roles.start(fatal.reject);
  logStarted(logger, id, options, urls);
  const { manager } = roles;
  // A role may fail while the parts that steer it are still being loaded.
  const [stop] = await Promise.all([
    Promise.race([stops.first, fatal.promise]),
    manager === undefined ? undefined : steer(manager, options, logger, stops),
  ]);
  const tell =
    (what: string) =>
    ({ signal, overMs }: Stop) =>
      logger.info(what, { signal, ...(overMs > 0 ? { drainMs: overMs } : {}) });
  tell("stopping")(stop);
  if (manager !== undefined)
    await leaveAsAsked(stop, (overMs) => manager.leave(overMs), tell("stopping sooner"));
  await roles.stop(options.stopTimeoutMs);
  logger.info("stopped");
  return 0;
}

function logStarted(logger: StreamLogger, id: string, options: Options, { url, adminUrl }: Urls): void {
  const { role, group, handler } = options;
  logger.info(url === undefined ? "processing" : "listening", {
    ...(url === undefined ? { group } : { url: url.href }),
    admin: adminUrl?.href,
    role,
    broker: options.broker.map(withoutPassword).join(","),
    auth: role === "processor" ? undefined : options.auth,
    handler: role === "manager" ? undefined : withoutPassword(handler ?? "built in"),
    id,
    version,
  });
  logger.info("settings", settingsOf(options));
}

/** Connects a manager to the process, for the control API. */
async function steer(manager: Manager, options: Options, logger: StreamLogger, stops: Stops): Promise<void> {
  manager.onDrain = (overMs) => stops.ask("the control API", overMs);
  reloadOnHangUp(manager, options);
  manager.logLevel = logger;
  if (options.broker[0] === memoryBroker) return;
  const { DeadLetterDesk } = await import("../dead-letters/desk.ts");
  const { connectOnce } = await import("../broker/rabbitmq/connection/connect-once.ts");
  manager.deadLetters = new DeadLetterDesk(() => connectOnce(options, "dead-letters"));
}
