import { UsageError } from "../errors.ts";
import { memoryBroker } from "./kinds/checks.ts";
import { variableOf } from "./names.ts";
import { parseCommand } from "./parse.ts";
import type { Options } from "./table.ts";

/** The flags with which commands connect to RabbitMQ, the same as for roles. */
const brokerFlags = ["broker", "broker-password-file", "broker-ca", "broker-cert", "broker-key"] as const;
type BrokerFlag = (typeof brokerFlags)[number];

const text = { type: "string", multiple: true } as const;

/** The flags of the broker, in the form that `parseArgs` takes. */
export const brokerArgs: Readonly<Record<BrokerFlag, typeof text>> = {
  broker: text,
  "broker-password-file": text,
  "broker-ca": text,
  "broker-cert": text,
  "broker-key": text,
};

/** The flags among these that were given, as arguments again. */
export function brokerArgsOf(
  values: Readonly<Partial<Record<BrokerFlag, readonly string[] | undefined>>>,
): readonly string[] {
  return brokerFlags.flatMap((flag) => (values[flag] ?? []).flatMap((value) => [`--${flag}`, value]));
}

/**
 * The options with which a command connects to RabbitMQ.
 *
 * @param what why the embedded broker cannot be used: "dead letters lie in RabbitMQ"
 * @throws UsageError
 */
export function brokerOptionsOf(
  args: readonly string[],
  env: Readonly<Record<string, string | undefined>>,
  what: string,
): Options {
  const where = [...args, env[variableOf("broker")] ?? ""].flatMap((each) => each.split(","));
  if (where.includes(memoryBroker)) throw new UsageError(`${what}: name it with --broker amqp://…`);
  const asProcessor = parseCommand(["processor", ...args], env);
  if (asProcessor.do !== "run") throw new UsageError("the flags of --broker are not understood");
  return asProcessor.options;
}
