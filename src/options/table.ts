import type { Kind } from "./kinds/kinds.ts";
import { anyRoleOptions } from "./sections/any-role.ts";
import { benchOptions } from "./sections/bench.ts";
import { clientLimitOptions } from "./sections/client-limits.ts";
import { gatewayLimitOptions } from "./sections/gateway-limits.ts";
import { listeningOptions } from "./sections/listening.ts";
import { messageLogOptions } from "./sections/message-log.ts";
import { processorOptions } from "./sections/processor.ts";
import { rabbitmqOptions } from "./sections/rabbitmq.ts";
import { runningOptions } from "./sections/running.ts";
import { tokenOptions } from "./sections/tokens.ts";

/** The headings under which `--help` lists the options, in their order, with the options of each. */
export const sections = {
  "Any role": anyRoleOptions,
  "RabbitMQ (manager, processor)": rabbitmqOptions,
  Processor: processorOptions,
  "Manager: where it listens": listeningOptions,
  "Manager: tokens": tokenOptions,
  "Manager: limits of one client": clientLimitOptions,
  "Manager: limits of all clients": gatewayLimitOptions,
  "Manager: message log": messageLogOptions,
  "Messages in the log, traces, and stopping (manager, processor)": runningOptions,
  Bench: benchOptions,
} as const;

/**
 * Every option there is. Types, parsing, validation, `--help`, the manual page and docs/options.md all come from here.
 * Times are in milliseconds and sizes in bytes once parsed.
 */
export const optionTable = {
  ...anyRoleOptions,
  ...rabbitmqOptions,
  ...processorOptions,
  ...listeningOptions,
  ...tokenOptions,
  ...clientLimitOptions,
  ...gatewayLimitOptions,
  ...messageLogOptions,
  ...runningOptions,
  ...benchOptions,
} as const;

/** The table's type, from which the options' types follow. */
export type OptionTable = typeof optionTable;
/** An option's name in the code: `--max-clients` is `maxClients`. */
export type OptionName = keyof OptionTable;

type ValueOf<O> = O extends { readonly kind: Kind<infer T>; readonly default: infer D }
  ? undefined extends D
    ? T | undefined
    : T
  : never;

/** All options, parsed. An option without a fixed default is undefined if it was not given, except `broker`. */
export type Options = {
  readonly [N in OptionName]: N extends "broker" ? readonly string[] : ValueOf<OptionTable[N]>;
};
