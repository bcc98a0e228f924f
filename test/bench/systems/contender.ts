import type { BenchBroker } from "./broker.ts";

/** What is measured: processes that were started for it, and where clients connect. */
export interface System {
  readonly url: string;
  /** The process that the clients are connected to; undefined if it is RabbitMQ itself. */
  readonly pid: number | undefined;
  /** Which protocol the load generator must speak. */
  readonly speaks: "text" | "stomp";
  /** The vhost to name to a STOMP server. */
  readonly vhost?: string;
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

/** A contender that this machine lacks something for. It is reported with the reason, and left out. */
export class NotHere extends Error {}
