import type { Missed } from "../broker/broker.ts";
import type { Message } from "../message.ts";
import type { LogRecord } from "./record.ts";

/** Where the feed sends what it reads. */
export interface FeedSink {
  /** A processor's message, for the clients of a topic or for one client. */
  deliver(message: Message): void;
  /** An answer of a processor or another program, for the client that asked; see `requests.ts`. */
  answer(message: Message, asker: string): unknown;
  /** A message of another manager's client, for the clients of a topic. */
  relay(message: Message): void;
  /** Whether a client has subscribed to this topic, so that `deliver` and `relay` bring it to somebody. */
  wants(topic: string): boolean;
  /** Whether a client with this id is connected. */
  hasClient(clientId: string): boolean;
  /** Whether the client that asked, by the correlation id, is one of this manager's. */
  hasAsker(asker: string): boolean;
  /** Whether anybody is connected. */
  readonly hasClients: boolean;
  /** What was published to live clients so far: a message counts for each of its audiences. */
  readonly publishedCount: number;
  /** Whether what comes next is for some durable subscription. */
  readonly isFollowed: boolean;
  /** Every record, this manager's own too, once the above have got what is theirs. */
  logged(record: LogRecord): void;
  /** A mark has come by; see `Follower`. */
  marked(offset: number, fingerprint: string | undefined): void;
  /** What comes next does not follow on what came. */
  missed(why: Missed): void;
}

/** What has to know of messages with idempotency keys; see `once.ts`. */
export interface KeyBook {
  /** Returns whether the key was known: then this manager's clients have heard the message. */
  learn(id: string, clientId: string | undefined): boolean;
}
