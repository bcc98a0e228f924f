import type { Broker } from "../broker/broker.ts";
import { MemoryBroker } from "../broker/memory.ts";
import { brokerMetrics } from "../broker/metrics.ts";
import { accessBy } from "../broker/rabbitmq/connection/access.ts";
import { RabbitmqBroker } from "../broker/rabbitmq/rabbitmq.ts";
import { readinessOf } from "../broker/readiness.ts";
import type { Auth } from "../gateway/auth/auth.ts";
import type { Operations } from "../ops/http.ts";
import type { Logger } from "../ops/logger.ts";
import { LoopLag } from "../ops/loop-lag.ts";
import type { LoopTime } from "../ops/loop-time.ts";
import { buildInfo, processMetrics } from "../ops/metrics.ts";
import type { Tracing } from "../ops/tracing.ts";
import { WatchedAdmin } from "../ops/watched-admin.ts";
import { memoryBroker } from "../options/kinds/checks.ts";
import type { Options } from "../options/table.ts";
import { echoProcessed, type Work } from "../processor/handler.ts";
import type { Processor } from "../processor/processor.ts";

/**
 * @param id the name of its connections in RabbitMQ
 * @param loop shares out the event loop's time
 */
export function brokerFor(options: Options, id: string, logger: Logger, loop: LoopTime): Broker {
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
    loop,
  });
}

/** A manager without tokens need not load what checks them. */
export async function authFor(options: Options, logger: Logger): Promise<Auth | undefined> {
  if (options.role === "processor" || options.auth === "none") return undefined;
  const { Auth } = await import("../gateway/auth/auth.ts");
  return Auth.open(options, logger);
}

/** A handler's file that takes so long to load is told of each time, in milliseconds: nothing listens yet that could be asked. */
const loadingMsMax = 5000;

/** The loader comes with the transpiler for TypeScript, so it is loaded only if there is a handler. */
export async function workFor(
  { handler, role }: Pick<Options, "handler" | "role">,
  logger: Logger,
  loadingMs = loadingMsMax,
): Promise<Work> {
  if (handler === undefined || role === "manager") return { handle: echoProcessed };
  const { loadWork } = await import("../processor/load.ts");
  const warning = setInterval(
    () => logger.warn("the handler's file is still being loaded, and nothing is served before", { handler }),
    loadingMs,
  );
  try {
    return await loadWork(handler);
  } finally {
    clearInterval(warning);
  }
}

/** The admin port of a process with a processor and no manager; undefined if it has none. */
export function adminOf(
  processor: Processor,
  broker: Broker,
  tracing: Tracing | undefined,
  { adminPort, adminHost, allowHost, role }: Options,
  logger: Logger,
): WatchedAdmin | undefined {
  if (adminPort === undefined) return undefined;
  const own = [buildInfo(role), ...processMetrics, ...new LoopLag().metrics, ...brokerMetrics(broker)];
  const operations: Operations = {
    readiness: () => readinessOf(broker.status(), processor.isStopping, processor.isFull),
    metrics: () => [...own, ...processor.metrics, ...(tracing?.metrics ?? [])],
  };
  return new WatchedAdmin({ adminPort, adminHost, allowHost }, operations, logger);
}
