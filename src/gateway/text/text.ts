import type { Server } from "bun";
import { Deque } from "../../collections/deque.ts";
import { bodyCostBytes, messageOverheadBytes } from "../../costs.ts";
import type { Share } from "../../envelope/share.ts";
import { type Body, isLongerThan, isName, type Message } from "../../message.ts";
import type { AnyMetric } from "../../ops/metrics.ts";
import { isPattern } from "../../topics/pattern.ts";
import { type CloseCode, closeCodes } from "../../wire/close-codes.ts";
import type { Grant } from "../auth/grant.ts";
import { Lease } from "../auth/lease.ts";
import { everything, nothing } from "../auth/permissions.ts";
import { TokenRefusal } from "../auth/token-refusal.ts";
import type { Client, ClientSocket } from "../clients/client.ts";
import type { Audience } from "../fan-out/audiences.ts";
import type { Objection, Sender } from "../fan-out/ingress.ts";
import type { Speaker } from "../fan-out/relay.ts";
import type { Seat } from "../limits/seat.ts";
import type { LateEntry, Newcomer, Protocol, Surroundings } from "../protocol.ts";
import { admitAsking } from "./app.ts";
import { plain } from "./encoding.ts";
import { handOver, lateEntryFor } from "./hand-over.ts";
import { Undecided } from "./undecided.ts";

const expired = new TokenRefusal("expired", "the token has expired");
const mayNotPublish = "the token does not allow to publish to this topic";
const mayNothing = "the token allows neither to publish to this topic nor to subscribe to it";

export interface TextOptions {
  /** How long a client without a right to speak plain text may take to begin another protocol. In milliseconds. */
  readonly handshakeTimeoutMs: number;
}

type TextSurroundings = Surroundings & TextOptions;

/** Plain text: every WebSocket message is a message to the client's one topic, and back. */
export class TextProtocol implements Protocol {
  readonly subprotocols = [];
  readonly lateEntry = undefined;
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

  /** A client of another protocol has no topic in its address: until it sends something, nobody can tell the two apart. */
  takesTokenLater(url: URL): boolean {
    return !url.searchParams.has("topic") && !url.searchParams.has("app");
  }

  admit(newcomer: Newcomer): Client | TokenRefusal | string {
    const { id, url, grant, server, seat } = newcomer;
    if (grant === undefined) return this.#undecided(id, undefined, seat, this.#missing);
    const app = url.searchParams.get("app");
    if (app !== null) return admitAsking(app, newcomer, grant, this.#surroundings);
    const name = url.searchParams.get("topic") ?? "";
    if (!isName(name)) return "a topic has at most 255 bytes and no control characters";
    if (isPattern(name)) return "a plain-text client is on one topic, which is no pattern: leave out * and #";
    const client = new TextClient(id, seat, name, grant, server, this.#surroundings);
    if (client.mayHear || client.maySpeak) return client;
    client.closed();
    client.left();
    const refusal = new TokenRefusal("subscribe", `${mayNothing}${grant.permissions.note}`);
    return this.takesTokenLater(url) ? this.#undecided(id, grant, seat, refusal) : refusal;
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

class TextClient implements Client, Sender {
  /** Who named none gets one with its first message: very many only listen, and nobody could know theirs. */
  id: string | undefined;
  readonly protocol = "text";
  readonly seat: Seat;
  hasPublished = false;
  /** Most clients only listen. */
  share: Share | undefined;
  /** Its one topic never changes, nor what it may do there, so this is decided once. */
  readonly maySpeak: boolean;
  readonly mayHear: boolean;
  readonly #topic: string;
  /** Undefined where it may not hear its topic. */
  readonly audience: Audience | undefined;
  readonly #surroundings: TextSurroundings;
  readonly #grant: Grant;
  readonly #server: Server<Client>;
  socket: ClientSocket | undefined;
  /** What had been delivered to all clients when this one came. */
  readonly #deliveredBefore: number;
  #lease: Lease | undefined;
  /** What was read from it and has yet to be published. Most clients never have any. */
  #waiting: Deque<string | Buffer> | undefined;
  keptBytes = 0;
  #isClosed = false;

  constructor(
    id: string | undefined,
    seat: Seat,
    topic: string,
    grant: Grant,
    server: Server<Client>,
    surroundings: TextSurroundings,
  ) {
    this.#server = server;
    this.id = id;
    this.seat = seat;
    this.maySpeak = grant.permissions.mayPublish(topic);
    this.mayHear = grant.permissions.maySubscribe(topic);
    this.#topic = topic;
    this.audience = this.mayHear ? surroundings.relay.audiences.join(topic, plain, "") : undefined;
    this.#grant = grant;
    this.#surroundings = surroundings;
    this.#deliveredBefore = surroundings.relay.deliveredCount;
  }

  opened(socket: ClientSocket): void {
    this.socket = socket;
    const { announcements } = this.#surroundings;
    announcements.connected(this);
    if (this.audience !== undefined) {
      socket.subscribe(this.audience.key);
      announcements.subscribed(this, this.#topic);
    }
    this.#lease = Lease.of(this.#grant, this.#surroundings.wheel, () => {
      const { code, reason } = closeCodes.unauthenticated;
      this.#surroundings.auth?.refusals.add(expired.kind);
      this.#close(socket, { code, reason });
    });
  }

  topics(): Iterable<string> {
    return this.audience === undefined ? [] : [this.#topic];
  }

  message(socket: ClientSocket, body: string | Buffer): void {
    const { turns } = this.#surroundings;
    if (!turns.isWaiting(socket) && turns.mayGoOn(socket)) {
      this.#publish(socket, body);
      return;
    }
    this.#waiting ??= new Deque();
    this.#waiting.push(body);
    this.#keep(1, bodyCostBytes(body));
    turns.wait(socket);
  }

  goOn(socket: ClientSocket): boolean {
    const { turns } = this.#surroundings;
    while (this.#waiting !== undefined && turns.mayGoOn(socket)) {
      const body = this.#waiting.shift()!;
      this.#keep(-1, -bodyCostBytes(body));
      if (this.#waiting.length === 0) this.#waiting = undefined;
      this.#publish(socket, body);
    }
    return socket.data === this ? this.#waiting !== undefined : socket.data.goOn(socket);
  }

  /** The hot path: it copies nothing. */
  #publish(socket: ClientSocket, body: string | Buffer): void {
    const { ingress } = this.#surroundings;
    if (!this.hasPublished && this.#begins(socket, body)) return;
    const timestamp = Math.floor(Date.now() / 1000);
    const message = { body, topic: this.#topic, clientId: this.id, timestamp };
    const objection = ingress.objectionTo(message, this.maySpeak ? everything : nothing);
    if (objection === undefined) ingress.take(message, this, body.length);
    else this.#refuse(socket, objection);
  }

  #refuse(socket: ClientSocket, objection: Objection): void {
    if (objection !== "not allowed") {
      this.#close(socket, closeCodes.tooLarge);
      return;
    }
    this.#surroundings.auth?.refusals.add("publish");
    this.#close(socket, { code: closeCodes.forbidden.code, reason: mayNotPublish });
  }

  /** Bun publishes nothing for a socket that is closed: what was read from it before goes to all. */
  get speaker(): Speaker | undefined {
    return this.audience === undefined || this.#isClosed ? undefined : (this as Speaker);
  }

  /** To all others of its audience. */
  publish(body: Body): void {
    this.#surroundings.listeners.publishFrom(this.socket!, this.#server, this.audience!.key, body);
  }

  direct(socket: ClientSocket, { body }: Message): void {
    socket.send(body);
    this.#surroundings.relay.delivered(1);
    this.#surroundings.sent(body.length);
  }

  /** So much more waits of what was read, which is to be in the outbox soon. In messages and bytes. */
  #keep(messages: number, bytes: number): void {
    this.keptBytes += bytes;
    this.#surroundings.shares.unobeyedBytes += bytes + messages * messageOverheadBytes;
    if (bytes > 0) this.#surroundings.sent(bytes);
  }

  fallBehind(): boolean {
    return false;
  }

  drained(): void {
    // Nothing waits here: what is too much for a client closes it.
  }

  closed(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    if (this.audience !== undefined) this.#surroundings.relay.audiences.leave(this.audience);
  }

  left(): void {
    this.#lease?.stop();
    this.#keep(-(this.#waiting?.length ?? 0), -this.keptBytes);
    this.#waiting = undefined;
  }

  /** Its first message. True if that shows it to speak another protocol, to which it has been handed over then. */
  #begins(socket: ClientSocket, body: string | Buffer): boolean {
    const { protocols, maxMessageBytes } = this.#surroundings;
    if (isLongerThan(body, maxMessageBytes)) return false;
    const entry = lateEntryFor(protocols, body);
    if (entry !== undefined) {
      this.#handOver(socket, entry, body);
      return true;
    }
    if (!this.maySpeak) return false;
    this.hasPublished = true;
    if (this.id !== undefined) return false;
    this.id = this.#surroundings.announcements.nameOf(this) ?? crypto.randomUUID();
    this.#surroundings.identified(socket);
    return false;
  }

  #handOver(socket: ClientSocket, entry: LateEntry, first: string | Buffer): void {
    const { relay, announcements, identified } = this.#surroundings;
    announcements.disconnected(this, `it speaks ${entry.name}`);
    if (this.audience !== undefined) socket.unsubscribe(this.audience.key);
    // It may have heard its topic meanwhile, which was nothing that its library understands.
    const hasHeard = relay.deliveredCount !== this.#deliveredBefore;
    const waiting = this.#waiting;
    const newcomer = { id: this.id, grant: this.#grant, seat: this.seat };
    handOver(socket, entry, first, { newcomer, hasHeard, identified });
    for (let body = waiting?.shift(); body !== undefined; body = waiting?.shift())
      socket.data.message(socket, body);
  }

  /** What it has sent besides is not obeyed. */
  #close(socket: ClientSocket, { code, reason }: Pick<CloseCode, "code" | "reason">): void {
    this.#surroundings.holds.letGo(socket);
    socket.close(code, reason);
  }
}
