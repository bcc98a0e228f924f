import type { Start } from "../../log/position.ts";
import type { Body, Message } from "../../message.ts";
import { closeCodes } from "../../wire/close-codes.ts";
import type { ClientSocket } from "../clients/client.ts";
import type { Encoding } from "../fan-out/encoding.ts";
import { MessageClient } from "./message-client.ts";
import type { Newcomer, Surroundings } from "./protocol.ts";
import { Subscriptions } from "./subscriptions.ts";

/**
 * A client that subscribes to topics and patterns, live or from a place in the log. A protocol adds how a client asks for that, and the
 * encoding of messages.
 */
export abstract class SubscribingClient extends MessageClient {
  /** How messages are written to it. */
  protected abstract readonly encoding: Encoding;
  protected readonly subscriptions: Subscriptions;

  /** @param newcomer has a grant: its token was checked in the handshake, or none is needed */
  constructor({ id, seat, grant }: Pick<Newcomer, "id" | "seat" | "grant">, surroundings: Surroundings) {
    super(id ?? crypto.randomUUID(), seat, grant!, surroundings);
    this.subscriptions = new Subscriptions(surroundings);
  }

  override get keptBytes(): number {
    return super.keptBytes + this.subscriptions.keptBytes;
  }

  topics(): Iterable<string> {
    return this.subscriptions.patterns();
  }

  /** Publishes the client's message, or closes the client if that is not allowed. @param bytes how many bytes count towards its rate */
  protected publish(said: { readonly topic: string; readonly body: Body }, bytes: number): void {
    this.hasPublished = true;
    this.publishFor({ ...said, clientId: this.id }, this.grant.permissions, bytes);
  }

  /**
   * Subscribes the client to a topic or pattern, which also names the subscription, or closes it if that is not allowed.
   *
   * @param start where in the log it begins; undefined: live, with the next message, and without positions
   * @param onSubscribed called once, with the position after which it begins, if there is one
   */
  protected subscribe(
    pattern: string,
    start: Start | undefined,
    onSubscribed: (after: string | undefined) => void,
  ): void {
    const socket = this.socket!;
    if (!this.grant.permissions.maySubscribe(pattern)) {
      this.forbid("subscribe", closeCodes.forbidden.reason);
      return;
    }
    if (start === undefined) {
      this.subscriptions.addLive(socket, pattern, this.encoding, pattern);
      onSubscribed(undefined);
      return;
    }
    this.subscriptions.addDurable({
      socket,
      clientId: this.id!,
      subscriptionId: pattern,
      encoding: this.encoding,
      pattern,
      start,
      onSubscribed,
      onRefused: (reason) => this.close(socket, { code: closeCodes.unfit.code, reason }),
    });
  }

  /** A message for this client alone comes live. It is not repeated, and has no position. */
  direct(socket: ClientSocket, message: Message): void {
    this.send(socket, this.encoding.tailOf(message, message.id, { isForOne: true }));
  }

  override get isPatient(): boolean {
    return this.subscriptions.arePatient;
  }

  override fallBehind(waitingBytes: number): void {
    this.subscriptions.fallBehind(waitingBytes);
  }

  override drained(): void {
    this.subscriptions.drained();
  }

  override closed(): void {
    super.closed();
    this.subscriptions.clear();
  }
}
