import { isLongerThan, isName, type Message } from "../message.ts";
import type { Client, ClientSocket } from "./client.ts";
import { closeCodes } from "./close-codes.ts";
import type { Protocol, Surroundings } from "./protocol.ts";
import { isPattern } from "./topic-trie.ts";
import type { Topic } from "./topics.ts";

/** Plain text: every WebSocket message is a message to the client's one topic, and back. */
export class TextProtocol implements Protocol {
  readonly subprotocols = [];
  readonly #surroundings: Surroundings;

  constructor(surroundings: Surroundings) {
    this.#surroundings = surroundings;
  }

  admit(id: string, url: URL): Client | string {
    const name = url.searchParams.get("topic") ?? "";
    if (!isName(name)) return "a topic has at most 255 bytes and no control characters";
    if (isPattern(name)) return "a plain-text client is on one topic, which is no pattern: leave out * and #";
    return new TextClient(id, this.#surroundings.relay.topics.join(name), this.#surroundings);
  }
}

class TextClient implements Client {
  readonly id: string;
  hasPublished = false;
  readonly #topic: Topic;
  readonly #surroundings: Surroundings;

  constructor(id: string, topic: Topic, surroundings: Surroundings) {
    this.id = id;
    this.#topic = topic;
    this.#surroundings = surroundings;
  }

  opened(socket: ClientSocket): void {
    socket.subscribe(this.#topic.key);
  }

  /** The hot path: Bun's native publish to the neighbours, then the outbox. It copies nothing and looks nothing up. */
  message(socket: ClientSocket, body: string | Buffer): void {
    const topic = this.#topic;
    const { relay, uplink, backpressure, maxMessageBytes } = this.#surroundings;
    if (isLongerThan(body, maxMessageBytes)) {
      socket.close(closeCodes.tooLarge.code, closeCodes.tooLarge.reason);
      return;
    }
    this.hasPublished = true;
    socket.publish(topic.key, body);
    relay.receivedCount++;
    relay.deliveredCount += topic.clientCount - 1;
    const message = { body, topic: topic.name, clientId: this.id };
    const number = uplink.take(message);
    const route = relay.routeOf(topic);
    if (route.length > 0) relay.toStomp(route, message, uplink.idOf(number));
    if (uplink.isFull) backpressure.hold(socket);
  }

  direct(socket: ClientSocket, { body }: Message): void {
    socket.send(body);
    this.#surroundings.relay.deliveredCount++;
  }

  drained(): void {
    // Nothing waits here: what is too much for a client closes it.
  }

  closed(): void {
    this.#surroundings.relay.topics.leave(this.#topic);
  }
}
