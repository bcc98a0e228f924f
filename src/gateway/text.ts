import type { Server } from "bun";
import { isLongerThan, isName, type Message } from "../message.ts";
import type { Grant } from "./auth/grant.ts";
import { Lease } from "./auth/lease.ts";
import { TokenRefusal } from "./auth/token-refusal.ts";
import type { Client, ClientSocket } from "./client.ts";
import { closeCodes } from "./close-codes.ts";
import type { Seat } from "./limits/seat.ts";
import type { Newcomer, Protocol, Surroundings } from "./protocol.ts";
import { isPattern } from "./topic-trie.ts";
import type { Topic } from "./topics.ts";

const expired = new TokenRefusal("expired", "the token has expired");
const mute = new TokenRefusal("publish", "the token does not allow to publish to this topic");

/** Plain text: every WebSocket message is a message to the client's one topic, and back. */
export class TextProtocol implements Protocol {
  readonly subprotocols = [];
  readonly takesTokenLater = false;
  readonly metrics = [];
  readonly #surroundings: Surroundings;

  constructor(surroundings: Surroundings) {
    this.#surroundings = surroundings;
  }

  admit({ id, url, grant, server, seat }: Newcomer): Client | TokenRefusal | string {
    const name = url.searchParams.get("topic") ?? "";
    if (!isName(name)) return "a topic has at most 255 bytes and no control characters";
    if (isPattern(name)) return "a plain-text client is on one topic, which is no pattern: leave out * and #";
    // Its token was in the handshake, so there is a grant.
    const client = new TextClient(id, seat, name, grant!, server, this.#surroundings);
    if (client.mayHear || client.maySpeak) return client;
    client.closed();
    return new TokenRefusal(
      "subscribe",
      "the token allows neither to publish to this topic nor to subscribe to it",
    );
  }
}

class TextClient implements Client {
  /** Who named none gets one with its first message: very many only listen, and nobody could know theirs. */
  id: string | undefined;
  readonly seat: Seat;
  hasPublished = false;
  /** Its one topic never changes, nor what it may do there, so this is decided once. */
  readonly maySpeak: boolean;
  readonly mayHear: boolean;
  readonly #topic: Topic;
  readonly #surroundings: Surroundings;
  readonly #grant: Grant;
  readonly #server: Server<Client>;
  #lease: Lease | undefined;

  constructor(
    id: string | undefined,
    seat: Seat,
    topic: string,
    grant: Grant,
    server: Server<Client>,
    surroundings: Surroundings,
  ) {
    this.#server = server;
    this.id = id;
    this.seat = seat;
    this.maySpeak = grant.permissions.mayPublish(topic);
    this.mayHear = grant.permissions.maySubscribe(topic);
    this.#topic = surroundings.relay.topics.join(topic, this.mayHear);
    this.#grant = grant;
    this.#surroundings = surroundings;
  }

  opened(socket: ClientSocket): void {
    if (this.mayHear) socket.subscribe(this.#topic.key);
    this.#lease = Lease.of(this.#grant, this.#surroundings.wheel, () => {
      const { code, reason } = closeCodes.unauthenticated;
      this.#surroundings.auth?.refusals.add(expired.kind);
      // A client that is not read from could not answer the close.
      this.#surroundings.holds.letGo(socket);
      socket.close(code, reason);
    });
  }

  /** The hot path: Bun's native publish to the neighbours, then the outbox. It copies nothing and looks nothing up. */
  message(socket: ClientSocket, body: string | Buffer): void {
    const topic = this.#topic;
    const { relay, listeners, uplink, backpressure, maxMessageBytes } = this.#surroundings;
    if (isLongerThan(body, maxMessageBytes)) {
      socket.close(closeCodes.tooLarge.code, closeCodes.tooLarge.reason);
      return;
    }
    if (!this.maySpeak) {
      this.#forbid(socket);
      return;
    }
    if (!this.hasPublished) this.#speaksUp(socket);
    listeners.publishFrom(socket, this.#server, topic.key, body);
    relay.receivedCount++;
    relay.deliveredCount += this.mayHear ? topic.listenerCount - 1 : topic.listenerCount;
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
    this.#lease?.stop();
    this.#surroundings.relay.topics.leave(this.#topic, this.mayHear);
  }

  /** Its first message. */
  #speaksUp(socket: ClientSocket): void {
    this.hasPublished = true;
    if (this.id !== undefined) return;
    this.id = crypto.randomUUID();
    this.#surroundings.identified(socket);
  }

  #forbid(socket: ClientSocket): void {
    const { code } = closeCodes.forbidden;
    this.#surroundings.auth?.refusals.add(mute.kind);
    socket.close(code, mute.why);
  }
}
