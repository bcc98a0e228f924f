import type { Client } from "./client.ts";

/** Is told which clients connect and disconnect, for programs that want to know. */
export interface Announcements {
  /** A client has connected. It is known by its id, or gets a name (`nameOf`). */
  connected(client: Client): void;
  /** A client has disconnected. Nothing happens if it was not announced. @param reason a close code, or what is known of the end */
  disconnected(client: Client, reason: string): void;
  /** The client has subscribed to a topic or a pattern. */
  subscribed(client: Client, topic: string): void;
  /** The client has unsubscribed. */
  unsubscribed(client: Client, topic: string): void;
  /** The name under which a client without an id was announced; undefined if it was not announced. */
  nameOf(client: Client): string | undefined;
  /** The number of the connection that such a name is of; undefined if it is not the name of a connection of this manager. */
  connectionIn(name: string): number | undefined;
}

/** Announces nothing, if nobody can hear of clients. */
export const nobodyTold: Announcements = {
  connected: () => undefined,
  disconnected: () => undefined,
  subscribed: () => undefined,
  unsubscribed: () => undefined,
  nameOf: () => undefined,
  connectionIn: () => undefined,
};
