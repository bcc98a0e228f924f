import type { BenchBroker } from "./broker.ts";

/** A running system: the processes that were started for it, and where clients connect. */
export interface System {
  readonly url: string;
  /** The process that the clients are connected to; undefined if it is RabbitMQ itself. */
  readonly pid: number | undefined;
  /** What the load generator must speak, as flags of its own. */
  readonly speaks: readonly string[];
  /** Whether there is a processor. */
  readonly hasProcessor: boolean;
  /** Messages published that are not confirmed; undefined where nothing is confirmed. */
  unconfirmed(): Promise<number | undefined>;
  /** Ends it at once, and removes everything that it left in RabbitMQ. */
  stop(): Promise<void>;
}

/** A system that is compared. */
export interface Contender {
  readonly name: string;
  /** A description in one line. */
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

/** Thrown if this machine lacks something that a contender needs. The contender is left out, and the reason reported. */
export class NotHere extends Error {}
