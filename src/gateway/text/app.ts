import { Deque } from "../../collections/deque.ts";
import { bodyCostBytes } from "../../costs.ts";
import type { Share } from "../../envelope/share.ts";
import { isName, type Message } from "../../message.ts";
import { isPattern } from "../../topics/pattern.ts";
import { type CloseCode, closeCodes } from "../../wire/close-codes.ts";
import type { Grant } from "../auth/grant.ts";
import { Lease } from "../auth/lease.ts";
import { everything } from "../auth/permissions.ts";
import { TokenRefusal } from "../auth/token-refusal.ts";
import type { Client, ClientSocket } from "../clients/client.ts";
import type { Sender } from "../fan-out/ingress.ts";
import type { Seat } from "../limits/seat.ts";
import type { Newcomer, Surroundings } from "../protocol.ts";
import type { Line } from "../requests/requests.ts";

/** All answers come alike: plain text has no room to say of what they are. */
const thread = { replyTo: "", correlationId: undefined } as const;

/**
 * The plain-text client that asks for `?app=NAME`, or why there is none. It is on no topic: what it sends are requests to
 * processors, and what it gets are answers.
 */
export function admitAsking(
  name: string,
  { id, url, seat }: Newcomer,
  grant: Grant,
  surroundings: Surroundings,
): Client | TokenRefusal | string {
  if (url.searchParams.has("topic")) return "a plain-text client has a topic or an app, not both";
  if (name === "" || !isName(name)) return "the name of an app has 1 to 255 bytes and no control characters";
  if (isPattern(name)) return "the name of an app is no pattern: leave out * and #";
  if (!grant.permissions.mayAsk(name))
    return new TokenRefusal("publish", `the token does not allow to ask this app${grant.permissions.note}`);
  return new AskingClient(id ?? crypto.randomUUID(), seat, name, grant, surroundings);
}

/** Plain text to an app: every WebSocket message is a request. */
class AskingClient implements Client, Sender {
  readonly id: string;
  readonly seat: Seat;
  readonly protocol = "text";
  hasPublished = false;
  share: Share | undefined;
  keptBytes = 0;
  readonly #app: string;
  readonly #grant: Grant;
  readonly #surroundings: Surroundings;
  socket: ClientSocket | undefined;
  /** It is on no topic, where it could hear itself. */
  readonly speaker = undefined;
  #lease: Lease | undefined;
  #line: Line | undefined;
  #waiting: Deque<string | Buffer> | undefined;
  #isClosed = false;

  constructor(id: string, seat: Seat, app: string, grant: Grant, surroundings: Surroundings) {
    this.id = id;
    this.seat = seat;
    this.#app = app;
    this.#grant = grant;
    this.#surroundings = surroundings;
  }

  opened(socket: ClientSocket): void {
    this.socket = socket;
    this.#surroundings.announcements.connected(this);
    this.#lease = Lease.of(this.#grant, this.#surroundings.wheel, () => {
      this.#surroundings.auth?.refusals.add("expired");
      this.#close(socket, closeCodes.unauthenticated);
    });
  }

  topics(): Iterable<string> {
    return [];
  }

  message(socket: ClientSocket, body: string | Buffer): void {
    const { turns } = this.#surroundings;
    if (!turns.isWaiting(socket) && turns.mayGoOn(socket)) {
      this.#ask(socket, body);
      return;
    }
    this.#waiting ??= new Deque();
    this.#waiting.push(body);
    this.#keep(bodyCostBytes(body));
    turns.wait(socket);
  }

  goOn(socket: ClientSocket): boolean {
    const { turns } = this.#surroundings;
    while (this.#waiting !== undefined && turns.mayGoOn(socket)) {
      const body = this.#waiting.shift()!;
      this.#keep(-bodyCostBytes(body));
      if (this.#waiting.length === 0) this.#waiting = undefined;
      this.#ask(socket, body);
    }
    return this.#waiting !== undefined;
  }

  #ask(socket: ClientSocket, body: string | Buffer): void {
    const { requests, ingress } = this.#surroundings;
    const timestamp = Math.floor(Date.now() / 1000);
    const message = { body, topic: this.#app, clientId: this.id, isRequest: true, timestamp };
    // Whether it may ask its app was decided when it was admitted.
    if (ingress.objectionTo(message, everything) !== undefined) {
      this.#close(socket, closeCodes.tooLarge);
      return;
    }
    this.hasPublished = true;
    // One that has closed has its question asked, and hears no answer.
    if (this.#line === undefined && !this.#isClosed)
      this.#line = requests.line({ answer: (answer) => this.direct(socket, answer) });
    const headers = this.#line?.headersOf(undefined, thread, this.#app);
    const refused = () =>
      this.#line?.refused(headers, thread, this.#app, "failed", "the request could not be sent on");
    const waiter = { confirmed: () => undefined, setAside: refused };
    ingress.take({ ...message, headers }, this, body.length, waiter);
  }

  direct(socket: ClientSocket, { body }: Message): void {
    socket.send(body);
    this.#surroundings.relay.delivered(1);
    this.#surroundings.sent(body.length);
  }

  /** So much more waits of what was read. In bytes. */
  #keep(bytes: number): void {
    this.keptBytes += bytes;
    this.#surroundings.shares.unobeyedBytes += bytes;
    if (bytes > 0) this.#surroundings.sent(bytes);
  }

  fallBehind(): boolean {
    return false;
  }

  drained(): void {
    // Nothing waits here: what is too much for a client closes it.
  }

  closed(): void {
    this.#isClosed = true;
    this.#line?.close();
    this.#line = undefined;
  }

  left(): void {
    this.#lease?.stop();
    this.#keep(-this.keptBytes);
    this.#waiting = undefined;
  }

  /** What it has sent besides is not obeyed. */
  #close(socket: ClientSocket, { code, reason }: Pick<CloseCode, "code" | "reason">): void {
    this.#surroundings.holds.letGo(this.socket ?? socket);
    socket.close(code, reason);
  }
}
