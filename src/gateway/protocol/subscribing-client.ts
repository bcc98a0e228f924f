import type { Start } from "../../log/position.ts";
import type { Body, Message } from "../../message.ts";
import { closeCodes } from "../../wire/close-codes.ts";
import type { ClientSocket } from "../clients/client.ts";
import type { Encoding } from "../fan-out/encoding.ts";
import { MessageClient } from "./message-client.ts";
import type { Newcomer, Surroundings } from "./protocol.ts";
import { Subscriptions } from "./subscriptions.ts";

/**
 * A client of messages that subscribes to topics and patterns, live or from a place in the log. What a protocol adds is how it is
 * asked for that, and the encoding in which messages come.
 */
export abstract class SubscribingClient extends MessageClient {
  /** How messages are written to it. */
  protected abstract readonly encoding: Encoding;
  protected readonly subscriptions: Subscriptions;

  /** @param newcomer one with a grant: its token was checked in the handshake, or it needs none */
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

  /** Publishes what it says, or closes it if it may not. @param bytes what that counts towards what it may send in a second */
  protected publish(said: { readonly topic: string; readonly body: Body }, bytes: number): void {
    this.hasPublished = true;
    this.publishFor({ ...said, clientId: this.id }, this.grant.permissions, bytes);
  }

  /**
   * Subscribes it to a topic or a pattern, which names the subscription; or closes it if it may not.
   *
   * @param start where in the log it begins; undefined: with what comes from now on, live, and without positions
   * @param onInForce called once; with the position after which it is, if it has one
   */
  protected subscribe(
    pattern: string,
    start: Start | undefined,
    onInForce: (after: string | undefined) => void,
  ): void {
    const socket = this.socket!;
    if (!this.grant.permissions.maySubscribe(pattern)) {
      this.forbid("subscribe", closeCodes.forbidden.reason);
      return;
    }
    if (start === undefined) {
      this.subscriptions.addLive(socket, pattern, this.encoding, pattern);
      onInForce(undefined);
      return;
    }
    this.subscriptions.addDurable({
      socket,
      clientId: this.id!,
      subscriptionId: pattern,
      encoding: this.encoding,
      pattern,
      start,
      onInForce,
      onRefused: (reason) => this.close(socket, { code: closeCodes.unfit.code, reason }),
    });
  }

  /** What is for it alone comes live, and is not repeated: it has no position. */
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
