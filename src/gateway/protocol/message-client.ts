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
import type { ExcludedSender } from "../fan-out/audience.ts";
import type { Objection, Sender } from "../fan-out/ingress.ts";
import type { Surroundings } from "./protocol.ts";

const mayNotPublish = "the token gives no right to publish to this topic";

/**
 * A client of a protocol in which each WebSocket message is one piece of input. Its input is handled in its turn, and waits until then. It
 * is closed when its token expires, and when it does something that it may not do.
 */
export abstract class MessageClient implements Client, Sender {
  id: string | undefined;
  abstract readonly protocol: string | undefined;
  readonly seat: Seat;
  socket: ClientSocket | undefined;
  share: Share | undefined;
  hasPublished = false;
  isClosed = false;
  protected readonly grant: Grant;
  protected readonly surroundings: Surroundings;
  /** Messages that were read from it and are still to be handled. Most clients never have any. */
  protected waiting: Deque<string | Buffer> | undefined;
  /** How many bytes `waiting` takes. */
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

  /** Itself, if it gets no copy of what it publishes. It gets one, unless its protocol overrides this. */
  get excluded(): ExcludedSender | undefined {
    return undefined;
  }

  abstract topics(): Iterable<string>;

  /** Handles one WebSocket message of the client, in its turn. */
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
    if (!turns.isWaiting(socket) && turns.mayContinue(socket)) {
      this.obey(socket, body);
      return;
    }
    this.waiting ??= new Deque();
    this.waiting.push(body);
    this.#keep(1, bodyCostBytes(body));
    turns.wait(socket);
  }

  resumeInput(socket: ClientSocket): boolean {
    const { turns } = this.surroundings;
    while (this.waiting !== undefined && turns.mayContinue(socket)) {
      const body = this.waiting.shift()!;
      this.#keep(-1, -bodyCostBytes(body));
      if (this.waiting.length === 0) this.waiting = undefined;
      this.obey(socket, body);
    }
    // The message may have handed the socket over to another protocol.
    return socket.data === this ? this.waiting !== undefined : socket.data.resumeInput(socket);
  }

  get isPatient(): boolean {
    return false;
  }

  fallBehind(_waitingBytes: number): void {
    // Nothing can fall behind: a client for which too much waits is closed.
  }

  drained(): void {
    // Nothing waits here: a client for which too much waits is closed.
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
   * Publishes a message, or closes the client if that is not allowed.
   *
   * @param bytes how many bytes count towards the client's rate
   * @param waiter hears whether the message is confirmed or set aside
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

  /** Closes the client because its message cannot be published. */
  protected refuse(objection: Objection): void {
    if (objection === "not allowed") this.forbid("publish", mayNotPublish);
    else this.close(this.socket!, closeCodes.tooLarge);
  }

  /** Closes the client because its token does not allow this. */
  protected forbid(what: "publish" | "subscribe", reason: string): void {
    this.surroundings.auth?.refusals.add(what);
    this.close(this.socket!, { code: closeCodes.forbidden.code, reason });
  }

  /** Sends something to this client only. */
  protected send(socket: ClientSocket, body: Body): void {
    socket.send(body);
    this.surroundings.relay.delivered(1);
    this.surroundings.sent(body.length);
  }

  /** Closes the client. Its further input is not handled. */
  protected close(socket: ClientSocket, { code, reason }: Pick<CloseCode, "code" | "reason">): void {
    // A paused client could not answer the close frame.
    this.surroundings.holds.resumeForClose(socket);
    socket.close(code, reason);
  }

  /** More or less input waits, which will soon be in the outbox. In messages and bytes. */
  #keep(messages: number, bytes: number): void {
    this.#waitingBytes += bytes;
    this.surroundings.shares.unobeyedBytes += bytes + messages * messageOverheadBytes;
    if (bytes > 0) this.surroundings.kept(bytes);
  }
}
