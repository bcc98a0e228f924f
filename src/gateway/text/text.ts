import type { Server } from "bun";
import { type Body, isLongerThan, isName, type Message } from "../../message.ts";
import type { AnyMetric } from "../../ops/metrics.ts";
import type { Query } from "../../query.ts";
import { isPattern } from "../../topics/pattern.ts";
import type { Grant } from "../auth/grant.ts";
import { everything, nothing } from "../auth/permissions.ts";
import { TokenRefusal } from "../auth/token-refusal.ts";
import type { Client, ClientSocket } from "../clients/client.ts";
import type { Seat } from "../clients/seat.ts";
import type { Audience, ExcludedSender } from "../fan-out/audience.ts";
import { invalid, type Refused } from "../guards/refusals.ts";
import { MessageClient } from "../protocol/message-client.ts";
import type { LateEntry, Newcomer, Protocol, Surroundings } from "../protocol/protocol.ts";
import { admitAsking } from "./app.ts";
import { plain } from "./encoding.ts";
import { handOver, lateEntryFor } from "./hand-over.ts";
import { Undecided } from "./undecided.ts";

const mayNothing = "the token allows neither to publish to this topic nor to subscribe to it";

/** The options of plain text. */
export interface TextOptions {
  /** How long a client that may not use plain text has to begin another protocol. In milliseconds. */
  readonly handshakeTimeoutMs: number;
}

type TextSurroundings = Surroundings & TextOptions;

/** Plain text: every WebSocket message is a message on the client's one topic. */
export class TextProtocol implements Protocol {
  readonly subprotocols = [];
  readonly metrics: readonly AnyMetric[] = [
    {
      name: "warren_topics",
      type: "gauge",
      help: "Topics that have plain-text clients.",
      read: () => this.#surroundings.relay.audiences.countOf(plain),
    },
  ];
  readonly #surroundings: TextSurroundings;

  constructor(surroundings: TextSurroundings) {
    this.#surroundings = surroundings;
  }

  /** A client without a topic in its URL may turn out to use another protocol, in which its token comes later. */
  takesTokenLater(query: Query): boolean {
    return !query.has("topic") && !query.has("app");
  }

  admit(newcomer: Newcomer): Client | Refused {
    const { id, query, grant, seat } = newcomer;
    if (grant === undefined) return this.#undecided(id, undefined, seat, this.#missing);
    const app = query.get("app");
    if (app !== undefined) return admitAsking(app, newcomer, grant, this.#surroundings);
    const name = query.get("topic") ?? "";
    if (!isName(name)) return invalid("a topic has at most 255 bytes and no control characters");
    if (isPattern(name))
      return invalid("a plain-text client is on one topic, which is no pattern: leave out * and #");
    const client = new TextClient(newcomer, name, grant, this.#surroundings);
    if (client.mayHear || client.maySpeak) return client;
    client.closed();
    client.left();
    const refusal = new TokenRefusal("subscribe", `${mayNothing}${grant.permissions.note}`);
    return this.takesTokenLater(query) ? this.#undecided(id, grant, seat, refusal) : refusal;
  }

  #undecided(asked: string | undefined, grant: Grant | undefined, seat: Seat, refusal: TokenRefusal): Client {
    const { handshakeTimeoutMs: timeoutMs } = this.#surroundings;
    return new Undecided({ refusal, grant, asked, timeoutMs }, seat, this.#surroundings);
  }

  get #missing(): TokenRefusal {
    const places = this.#surroundings.protocols.flatMap(({ lateEntry }) => lateEntry?.tokenPlace ?? []);
    return new TokenRefusal("missing", `a token is needed: ${["in the handshake", ...places].join(", or ")}`);
  }
}

class TextClient extends MessageClient {
  readonly protocol = "text";
  /** Its one topic and its rights never change, so this is decided once. */
  readonly maySpeak: boolean;
  readonly mayHear: boolean;
  readonly #topic: string;
  /** Undefined if it may not subscribe to its topic. */
  readonly audience: Audience | undefined;
  readonly #server: Server<Client>;
  /** How many deliveries there had been when this client came. */
  readonly #deliveredBefore: number;

  /** @param newcomer if it has no id, it gets one with its first message: very many clients only listen, and then nobody could know their id */
  constructor(
    { id, seat, server }: Pick<Newcomer, "id" | "seat" | "server">,
    topic: string,
    grant: Grant,
    surroundings: TextSurroundings,
  ) {
    super(id, seat, grant, surroundings);
    this.#server = server;
    this.maySpeak = grant.permissions.mayPublish(topic);
    this.mayHear = grant.permissions.maySubscribe(topic);
    this.#topic = topic;
    this.audience = this.mayHear ? surroundings.relay.audiences.join(topic, plain, "") : undefined;
    this.#deliveredBefore = surroundings.relay.deliveredCount;
  }

  override opened(socket: ClientSocket): void {
    super.opened(socket);
    if (this.audience === undefined) return;
    socket.subscribe(this.audience.key);
    this.surroundings.announcements.subscribed(this, this.#topic);
  }

  topics(): Iterable<string> {
    return this.audience === undefined ? [] : [this.#topic];
  }

  /** The hot path: nothing is copied. */
  protected obey(socket: ClientSocket, body: string | Buffer): void {
    if (!this.hasPublished && this.#begins(socket, body)) return;
    const timestamp = Math.floor(Date.now() / 1000);
    const message = { body, topic: this.#topic, clientId: this.id, timestamp };
    this.publishFor(message, this.maySpeak ? everything : nothing, body.length);
  }

  /** Bun publishes nothing for a closed socket, so messages that were read before it closed go to all. */
  override get excluded(): ExcludedSender | undefined {
    return this.audience === undefined || this.isClosed ? undefined : (this as ExcludedSender);
  }

  /** Publishes to all others of its audience. */
  publish(body: Body): void {
    this.surroundings.listeners.publishFrom(this.socket!, this.#server, this.audience!.key, body);
  }

  direct(socket: ClientSocket, { body }: Message): void {
    this.send(socket, body);
  }

  override closed(): void {
    if (this.isClosed) return;
    super.closed();
    if (this.audience !== undefined) this.surroundings.relay.audiences.leave(this.audience);
  }

  /** Handles its first message. Returns true if that shows another protocol, to which the client was handed over. */
  #begins(socket: ClientSocket, body: string | Buffer): boolean {
    const { protocols, maxMessageBytes } = this.surroundings;
    if (isLongerThan(body, maxMessageBytes)) return false;
    const entry = lateEntryFor(protocols, body);
    if (entry !== undefined) {
      this.#handOver(socket, entry, body);
      return true;
    }
    if (!this.maySpeak) return false;
    this.hasPublished = true;
    if (this.id !== undefined) return false;
    this.id = this.surroundings.announcements.nameOf(this) ?? crypto.randomUUID();
    this.surroundings.identified(socket);
    return false;
  }

  #handOver(socket: ClientSocket, entry: LateEntry, first: string | Buffer): void {
    const { relay, announcements, identified } = this.surroundings;
    announcements.disconnected(this, `it speaks ${entry.name}`);
    if (this.audience !== undefined) socket.unsubscribe(this.audience.key);
    // It may have received messages of its topic that its library does not understand.
    const hasHeard = relay.deliveredCount !== this.#deliveredBefore;
    const waiting = this.waiting;
    const newcomer = { id: this.id, grant: this.grant, seat: this.seat };
    handOver(socket, entry, first, { newcomer, hasHeard, identified });
    for (let body = waiting?.shift(); body !== undefined; body = waiting?.shift())
      socket.data.message(socket, body);
  }
}
