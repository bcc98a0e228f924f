import type { Start } from "../../log/position.ts";
import type { Message } from "../../message.ts";
import { closeCodes } from "../../wire/close-codes.ts";
import type { Grant } from "../auth/grant.ts";
import { Lease } from "../auth/lease.ts";
import type { Client, ClientSocket } from "../clients/client.ts";
import type { DurableSubscription } from "../durable/subscription.ts";
import type { Audience } from "../fan-out/audiences.ts";
import type { Encoding } from "../fan-out/encoding.ts";
import type { Seat } from "../limits/seat.ts";
import type { Surroundings } from "../protocol.ts";

/** What a client without WebSocket asks for. */
export interface Wish {
  readonly protocol: "sse" | "poll";
  /** A topic, or a pattern. */
  readonly pattern: string;
  readonly start: Start;
  readonly encoding: Encoding;
}

/**
 * A client that only listens, to one topic or pattern, by what is no WebSocket. Where there is a log its subscription is durable:
 * each message has its position, and the client may read as slowly as it likes.
 */
export class Subscriber implements Client {
  readonly id: string;
  readonly seat: Seat;
  readonly hasPublished = false;
  readonly share = undefined;
  readonly #grant: Grant;
  readonly #wish: Wish;
  readonly #surroundings: Surroundings;
  readonly #inForce: (after: string | undefined) => void;
  #subscription: DurableSubscription | undefined;
  #audience: Audience | undefined;
  #lease: Lease | undefined;

  /** @param inForce called once, when its place in the log is known; with the position after which it is, if it has one */
  constructor(
    id: string,
    seat: Seat,
    grant: Grant,
    wish: Wish,
    surroundings: Surroundings,
    inForce: (after: string | undefined) => void = () => undefined,
  ) {
    this.id = id;
    this.seat = seat;
    this.#grant = grant;
    this.#wish = wish;
    this.#surroundings = surroundings;
    this.#inForce = inForce;
  }

  get protocol(): string {
    return this.#wish.protocol;
  }

  get keptBytes(): number {
    return this.#subscription?.keptBytes ?? 0;
  }

  topics(): Iterable<string> {
    return [this.#wish.pattern];
  }

  /** The position after which it goes on; undefined while it has not got all that there is, or where there is no log. */
  get place(): string | undefined {
    return this.#subscription && this.#surroundings.durables?.placeOf(this.#subscription);
  }

  opened(socket: ClientSocket): void {
    const { announcements, durables, relay, wheel, auth } = this.#surroundings;
    const { pattern, encoding, start } = this.#wish;
    announcements.connected(this);
    announcements.subscribed(this, pattern);
    this.#lease = Lease.of(this.#grant, wheel, () => {
      auth?.refusals.add("expired");
      socket.close(closeCodes.unauthenticated.code, closeCodes.unauthenticated.reason);
    });
    if (durables === undefined) {
      this.#audience = relay.audiences.join(pattern, encoding, "");
      socket.subscribe(this.#audience.key);
      this.#inForce(undefined);
      return;
    }
    this.#subscription = durables.add({
      socket,
      clientId: this.id,
      subscriptionId: "",
      encoding,
      pattern,
      start,
      onInForce: this.#inForce,
    });
  }

  message(): void {
    // Nothing comes from it.
  }

  /** What is for it alone comes live, and is not repeated: it has no position. */
  direct(socket: ClientSocket, message: Message): void {
    const tail = this.#wish.encoding.tailOf(message, message.id, { isForOne: true });
    socket.send(tail);
    this.#surroundings.relay.delivered(1);
    this.#surroundings.sent(tail.length);
  }

  fallBehind(): boolean {
    if (this.#subscription === undefined) return false;
    this.#surroundings.durables?.fallBehind(this.#subscription);
    return true;
  }

  drained(): void {
    if (this.#subscription !== undefined) this.#surroundings.durables?.drained(this.#subscription);
  }

  goOn(): boolean {
    return false;
  }

  closed(): void {
    if (this.#subscription !== undefined) this.#surroundings.durables?.remove(this.#subscription, false);
    if (this.#audience !== undefined) this.#surroundings.relay.audiences.leave(this.#audience);
    this.#subscription = this.#audience = undefined;
  }

  left(): void {
    this.#lease?.stop();
  }
}
