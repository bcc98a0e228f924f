import { MemoryBroker } from "../src/broker/memory.ts";
import { brokerMetrics } from "../src/broker/metrics.ts";
import { Auth } from "../src/gateway/auth/auth.ts";
import { Manager } from "../src/manager/manager.ts";
import type { Logger } from "../src/ops/logger.ts";
import { LoopLag } from "../src/ops/loop-lag.ts";
import { MessageTrace } from "../src/ops/message-trace.ts";
import { type AnyMetric, buildInfo, processMetrics } from "../src/ops/metrics.ts";
import { Tracing } from "../src/ops/tracing.ts";
import { parseCommand } from "../src/options/parse.ts";
import { echoProcessed } from "../src/processor/handler.ts";
import { Processor } from "../src/processor/processor.ts";

/** Every metric that there is, by the role that shows it. A manager with tokens and a processor are made for that, and never started. */
export async function allMetrics(): Promise<
  Readonly<Record<"manager" | "processor" | "every", readonly AnyMetric[]>>
> {
  const secret = `${import.meta.dir}/metrics.ts`;
  const command = parseCommand(["--auth", "jwt", "--jwt-secret-file", secret], {});
  if (command.do !== "run") throw new Error("the options of a manager are not understood");
  const { options } = command;
  const broker = new MemoryBroker();
  const trace = new MessageTrace(quiet, "off");
  const auth = await Auth.open(options, quiet);
  const manager = new Manager("manager", options, { broker, logger: quiet, messageTrace: trace, auth });
  const processor = new Processor("processor", options, { handle: echoProcessed }, broker, quiet, trace);
  const lag = new LoopLag();
  const tracing = new Tracing("http://localhost:4318", "warren", quiet);
  const every = [
    buildInfo("all"),
    ...processMetrics,
    ...lag.metrics,
    ...brokerMetrics(broker),
    ...tracing.metrics,
  ];
  const names = new Set(every.map(({ name }) => name));
  const all = {
    every,
    manager: manager.metrics.filter(({ name }) => !names.has(name)),
    processor: processor.metrics,
  };
  lag.close();
  processor.close();
  await manager.close();
  auth.close();
  return all;
}

const quiet: Logger = {
  wants: () => false,
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
};
