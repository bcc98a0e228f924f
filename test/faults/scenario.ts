import type { Setting, World } from "./world.ts";

/** A fault under load, and the promises that have to hold. */
export interface Scenario {
  readonly name: string;
  readonly setting?: Partial<Setting>;
  /** Causes the fault, and waits for its end. It marks in the load when delivery should resume. */
  fault(world: World): Promise<void>;
  /**
   * Which messages must not be lost: all that were sent; those that the manager had read; or, where it dies without a
   * warning, those that RabbitMQ had; or, where a queue is deleted with what is in it, those that had a receipt after that.
   * The first, unless told.
   */
  readonly safe?: "sent" | "accepted" | "reached RabbitMQ" | "receipted";
  /**
   * What dies, each of which may repeat what was unconfirmed. Nothing, unless told: then nothing may come twice to live listeners.
   * Within one log nothing may come twice to the durable one in any case: handlers are functions of their messages.
   */
  readonly deaths?: Partial<Deaths>;
  /**
   * Live listeners change managers: what they miss meanwhile, or hear from both, says nothing. The durable one has to see everything,
   * once and in order.
   */
  readonly isDurableAlone?: boolean;
  /** Whether a log is deleted, so that a durable subscription may miss what it has not read. */
  readonly isLogLost?: boolean;
  /** Several processors work side by side, or a message is tried again while others of no client go on. */
  readonly answersInAnyOrder?: boolean;
  /** Repairs RabbitMQ's nodes for the next scenario. */
  tidyUp?(world: World): Promise<void>;
  /** Checks further promises. Returns those that do not hold. */
  check?(world: World): Promise<readonly string[]> | readonly string[];
}

/** How many of each part are lost at most. */
export interface Deaths {
  /** The publishing connection of the manager whose clients publish. */
  readonly managerConnections: number;
  /** Both connections of a processor: what it had unacknowledged comes again, and answers that it published already, too. */
  readonly processorConnections: number;
  /** A processor: what it had unacknowledged comes again. */
  readonly processors: number;
}

/** A random time between `from` and `to`. */
export function atRandomMs(from: number, to: number): Promise<void> {
  return Bun.sleep(from + Math.random() * (to - from));
}
