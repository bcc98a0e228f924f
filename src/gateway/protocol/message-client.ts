import { Deque } from "../../collections/deque.ts";
import { bodyCostBytes, messageOverheadBytes } from "../../costs.ts";
import type { Share } from "../../envelope/share.ts";
import type { Waiter } from "../../envelope/waiter.ts";
import type { Body, Message, OutgoingMessage } from "../../message.ts";
import { type CloseCode, closeCodes } from "../../wire/close-codes.ts";
import type { Grant } from "../auth/grant.ts";
import { Lease } from "../auth/lease.ts";
import type { Permissions } from "../auth/permissions.ts";
import type { Client, ClientSocket } from "../clients/client.ts";
import type { Seat } from "../clients/seat.ts";
import type { Objection, Sender } from "../fan-out/ingress.ts";
import type { Speaker } from "../fan-out/relay.ts";
import type { Surroundings } from "./protocol.ts";

const mayNotPublish = "the token does not allow to publish to this topic";

/**
 * A client whose WebSocket messages are each one piece of input, as in every protocol whose frames WebSocket delimits. What it
 * sends is obeyed in its turn, and waits until then; it is closed when its token expires; and what it may not do closes it.
 */
export abstract class MessageClient implements Client, Sender {
  id: string | undefined;
  abstract readonly protocol: string | undefined;
  readonly seat: Seat;
  socket: ClientSocket | undefined;
  share: Share | undefined;
  hasPublished = false;
  protected isClosed = false;
  protected readonly grant: Grant;
  protected readonly surroundings: Surroundings;
  /** What was read from it and has yet to be obeyed. Most clients never have any. */
  protected waiting: Deque<string | Buffer> | undefined;
  /** What `waiting` takes, in bytes. */
  #waitingBytes = 0;
  #lease: Lease | undefined;

  constructor(id: string | undefined, seat: Seat, grant: Grant, surroundings: Surroundings) {
    this.id = id;
    this.seat = seat;
    this.grant = grant;
    this.surroundings = surroundings;
  }

  get keptBytes(): number {
    return this.#waitingBytes;
  }

  /** It gets a copy of what it publishes, unless its protocol knows a way around that. */
  get speaker(): Speaker | undefined {
    return undefined;
  }

  abstract topics(): Iterable<string>;

  /** Obeys one WebSocket message: one that the client sent, in its turn. */
  protected abstract obey(socket: ClientSocket, body: string | Buffer): void;

  abstract direct(socket: ClientSocket, message: Message): void;

  opened(socket: ClientSocket): void {
    this.socket = socket;
    const { announcements, wheel, auth } = this.surroundings;
    announcements.connected(this);
    this.#lease = Lease.of(this.grant, wheel, () => {
      auth?.refusals.add("expired");
      this.close(socket, closeCodes.unauthenticated);
    });
  }

  message(socket: ClientSocket, body: string | Buffer): void {
    const { turns } = this.surroundings;
    if (!turns.isWaiting(socket) && turns.mayGoOn(socket)) {
      this.obey(socket, body);
      return;
    }
    this.waiting ??= new Deque();
    this.waiting.push(body);
    this.#keep(1, bodyCostBytes(body));
    turns.wait(socket);
  }

  goOn(socket: ClientSocket): boolean {
    const { turns } = this.surroundings;
    while (this.waiting !== undefined && turns.mayGoOn(socket)) {
      const body = this.waiting.shift()!;
      this.#keep(-1, -bodyCostBytes(body));
      if (this.waiting.length === 0) this.waiting = undefined;
      this.obey(socket, body);
    }
    // What it said may have handed the socket over to another protocol.
    return socket.data === this ? this.waiting !== undefined : socket.data.goOn(socket);
  }

  get isPatient(): boolean {
    return false;
  }

  fallBehind(_waitingBytes: number): void {
    // What is too much for a client closes it.
  }

  drained(): void {
    // Nothing waits here: what is too much for a client closes it.
  }

  closed(): void {
    this.isClosed = true;
  }

  left(): void {
    this.#lease?.stop();
    this.#keep(-(this.waiting?.length ?? 0), -this.#waitingBytes);
    this.waiting = undefined;
  }

  /**
   * Publishes a message, or closes the client if it may not.
   *
   * @param bytes what it counts towards what the client may send in a second
   * @param waiter hears of what becomes of it
   */
  protected publishFor(
    message: OutgoingMessage,
    permissions: Permissions,
    bytes: number,
    waiter?: Waiter,
  ): void {
    const { ingress } = this.surroundings;
    const objection = ingress.objectionTo(message, permissions);
    if (objection === undefined) ingress.take(message, this, bytes, waiter);
    else this.refuse(objection);
  }

  /** Closes the client, which may not publish what it has sent. */
  protected refuse(objection: Objection): void {
    if (objection === "not allowed") this.forbid("publish", mayNotPublish);
    else this.close(this.socket!, closeCodes.tooLarge);
  }

  /** Closes the client, whose token does not allow what it wants. */
  protected forbid(what: "publish" | "subscribe", reason: string): void {
    this.surroundings.auth?.refusals.add(what);
    this.close(this.socket!, { code: closeCodes.forbidden.code, reason });
  }

  /** Sends something to this client alone. */
  protected send(socket: ClientSocket, body: Body): void {
    socket.send(body);
    this.surroundings.relay.delivered(1);
    this.surroundings.sent(body.length);
  }

  /** Closes the client. What it has sent besides is not obeyed. */
  protected close(socket: ClientSocket, { code, reason }: Pick<CloseCode, "code" | "reason">): void {
    // A client that is not read from could not answer the close.
    this.surroundings.holds.letGo(socket);
    socket.close(code, reason);
  }

  /** More of what was read waits, which is to be in the outbox soon. In messages and bytes. */
  #keep(messages: number, bytes: number): void {
    this.#waitingBytes += bytes;
    this.surroundings.shares.unobeyedBytes += bytes + messages * messageOverheadBytes;
    if (bytes > 0) this.surroundings.kept(bytes);
  }
}
