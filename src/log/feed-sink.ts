import type { Missed } from "../broker/broker.ts";
import type { Message } from "../message.ts";
import type { LogRecord } from "./record.ts";

/** Where the feed sends what it reads. */
export interface FeedSink {
  /** A processor's message. @param recipient the only client that it is for; undefined: it is for all on its topic */
  deliver(message: Message, recipient: string | undefined): void;
  /** An answer of a processor or another program, for the client that asked; see `requests.ts`. */
  answer(message: Message, asker: string): unknown;
  /** A message of another manager's client, for the clients of a topic. */
  relay(message: Message): void;
  /** Whether a client of this manager has subscribed to this topic. */
  wants(topic: string): boolean;
  /** Whether a client with this id is connected. */
  hasClient(clientId: string): boolean;
  /** Whether this correlation id is one of this manager's clients'. */
  hasAsker(asker: string): boolean;
  /** Whether anybody is connected. */
  readonly hasClients: boolean;
  /**
   * How many messages were published to live clients so far: a message counts once for each of its audiences, or for each connection of the
   * one client that it is for.
   */
  readonly publishedCount: number;
  /** Whether a message is still being sent to live clients, by turns. The next ones wait. */
  readonly isSpreading: boolean;
  /** Whether a durable subscription at the log's end waits for the next record. */
  readonly isFollowed: boolean;
  /** Every record, including this manager's own, after the methods above were called for it. */
  logged(record: LogRecord): void;
  /** A mark was read; see `Follower`. */
  marked(offset: number, fingerprint: string | undefined): void;
  /** The next record does not follow directly on the last one. */
  missed(why: Missed): void;
}

/** Learns the idempotency keys of messages that come by the log; see `once.ts`. */
export interface KeyBook {
  /** Returns whether the key was known: then this manager's clients have already got the message. */
  learn(id: string, clientId: string | undefined): boolean;
}
