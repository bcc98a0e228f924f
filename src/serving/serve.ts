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

type Run = Extract<Command, { readonly do: "run" }>;

/** Why a process stops. */
interface Stop {
  /** The cause, such as `SIGTERM`. */
  readonly signal: string;
  /** Before that, the clients leave evenly over this time, in milliseconds. */
  readonly overMs: number;
}

/** Runs a manager, a processor or both until it is told to stop. Returns the exit code. */
export async function serve({ options, warnings }: Run): Promise<number> {
  const signalled = stopSignal().then((signal): Stop => ({ signal, overMs: options.drainTimeMs }));
  const format = options.logFormat === "auto" ? (process.stdout.isTTY ? "text" : "json") : options.logFormat;
  const logger = new StreamLogger(process.stdout, format, options.logLevel);
  endOnUncaught(logger);
  changeLevelOnSignal(logger);
  for (const warning of warnings) logger.warn(warning);

  const id = crypto.randomUUID().slice(-12);
  const roles = await Roles.open(id, options, logger);
  const urls = await roles.listen();
  const fatal = Promise.withResolvers<never>();
  roles.start(fatal.reject);
  logStarted(logger, id, options, urls);
  const { manager } = roles;
  const asked = manager === undefined ? [] : [steered(manager, options, logger)];

  const { signal, overMs } = await Promise.race([signalled, fatal.promise, ...asked]);
  logger.info("stopping", { signal, ...(overMs > 0 ? { drainMs: overMs } : {}) });
  if (overMs > 0) await manager?.leave(overMs);
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

/** Connects a manager to the process, for the control API. Resolves when the control API asks for a stop. */
async function steered(manager: Manager, options: Options, logger: StreamLogger): Promise<Stop> {
  const asked = Promise.withResolvers<Stop>();
  manager.onDrain = (overMs) => asked.resolve({ signal: "the control API", overMs });
  reloadOnHangUp(manager, options);
  manager.logLevel = logger;
  if (options.broker[0] !== memoryBroker) {
    const { DeadLetterDesk } = await import("../dead-letters/desk.ts");
    const { connectOnce } = await import("../broker/rabbitmq/connection/connect-once.ts");
    manager.deadLetters = new DeadLetterDesk(() => connectOnce(options, "dead-letters"));
  }
  return await asked.promise;
}
