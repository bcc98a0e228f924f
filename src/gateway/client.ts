import type { ServerWebSocket } from "bun";
import type { Topic } from "./topics.ts";

/** What the gateway knows of a connected client. It is kept small: there may be very many. */
export interface Client {
  readonly id: string;
  readonly topic: Topic;
}

export type ClientSocket = ServerWebSocket<Client>;
