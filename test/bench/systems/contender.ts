import type { BenchBroker } from "./broker.ts";

/** What is measured: processes that were started for it, and where clients connect. */
export interface System {
  readonly url: string;
  /** The process that the clients are connected to; undefined if it is RabbitMQ itself. */
  readonly pid: number | undefined;
  /** What the load generator must speak, as flags of its own. */
  readonly speaks: readonly string[];
  /** Whether somebody answers. */
  readonly hasProcessor: boolean;
  /** Messages published that are not confirmed; undefined where nothing is confirmed. */
  unconfirmed(): Promise<number | undefined>;
  /** Ends it at once and removes what it left in RabbitMQ. */
  stop(): Promise<void>;
}

/** One of those that are compared. */
export interface Contender {
  readonly name: string;
  /** One line that says what it is. */
  readonly what: string;
  /** Whether an overload leaves nothing behind, so that it need not be started again. */
  readonly isStateless?: boolean;
  /** Starts it afresh, with a processor or without. */
  start(broker: BenchBroker, options: { readonly withProcessor: boolean }): Promise<System>;
}

/** Starts it, uses it, and ends it. */
export async function withSystem<Result>(
  broker: BenchBroker,
  contender: Contender,
  { withProcessor = false },
  use: (system: System) => Promise<Result>,
): Promise<Result> {
  const system = await contender.start(broker, { withProcessor });
  try {
    return await use(system);
  } finally {
    await system.stop();
  }
}

/** A contender that this machine lacks something for. It is reported with the reason, and left out. */
export class NotHere extends Error {}
