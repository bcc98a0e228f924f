import type { Client } from "./client.ts";

/** Is told which clients come and go, for programs that want to know. */
export interface Announcements {
  /** A client has come, and is known by its id or is to be named (`nameOf`). */
  connected(client: Client): void;
  /** Nothing happens if it was not announced. @param reason a close code, or what is known of the end */
  disconnected(client: Client, reason: string): void;
  /** It subscribes to a topic or a pattern now. */
  subscribed(client: Client, topic: string): void;
  /** It has unsubscribed. */
  unsubscribed(client: Client, topic: string): void;
  /** The id under which a client was announced that had none; undefined if nobody was told of it. */
  nameOf(client: Client): string | undefined;
}

/** Nobody can hear of clients. */
export const nobodyTold: Announcements = {
  connected: () => undefined,
  disconnected: () => undefined,
  subscribed: () => undefined,
  unsubscribed: () => undefined,
  nameOf: () => undefined,
};
