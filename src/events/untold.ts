import type { ClientEvent } from "./event.ts";

/** An event of one of this manager's clients that waits to be told. */
export interface Untold extends ClientEvent {
  /** The number of its connection. */
  readonly number: number;
}
