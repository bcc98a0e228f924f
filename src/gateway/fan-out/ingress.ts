import { faultInKey, keyHeader } from "../../envelope/idempotency-key.ts";
import type { Unfit } from "../../envelope/set-aside.ts";
import { Share } from "../../envelope/share.ts";
import type { Waiter } from "../../envelope/waiter.ts";
import { isLongerThan, type OutgoingMessage } from "../../message.ts";
import type { Permissions } from "../auth/permissions.ts";
import type { ClientSocket } from "../clients/client.ts";
import type { Holds } from "../clients/holds.ts";
import type { Shares } from "../clients/shares.ts";
import type { Admission } from "./admission.ts";
import type { ExcludedSender } from "./audience.ts";
import type { Once } from "./once.ts";
import type { Relay } from "./relay.ts";
import { includesId, nowhere } from "./routes.ts";
import type { Spread } from "./spread.ts";
import type { Uplink } from "./uplink.ts";

/** Why a message is not accepted. Protocols put it in their own words. */
export type Objection = "too large" | "not allowed" | Unfit;

/** What became of an accepted message: it was published, or it has the idempotency key of an earlier one (see `Admission`). */
export type Taken = "published" | Exclude<Admission["is"], "new">;

/** A client that publishes. */
export interface Sender {
  /** Undefined for a sender without a connection. Nothing can hold it back, so it has to ask `isFull` first. */
  readonly socket: ClientSocket | undefined;
  /** For a sender without a connection: its message is still being published, by turns. */
  spreads?(spread: Spread): void;
  /** The client itself, if it gets no copy of what it sends. */
  readonly excluded: ExcludedSender | undefined;
  /** What it has in the outbox. It is created with the first message that is accepted. */
  share: Share | undefined;
  /** The owner of the idempotency keys; undefined: the client id. */
  readonly keysOf?: string | undefined;
}

/** The parts that a message passes on its way in. */
export interface IngressParts {
  readonly relay: Relay;
  readonly uplink: Uplink;
  /** Tracks what each client has in the outbox. */
  readonly shares: Pick<Shares, "published">;
  readonly once: Once;
  /** Holds a client back while its message waits for keys, or is published by turns. */
  readonly holds: Pick<Holds, "hold" | "release">;
  /** Messages with a larger body are not accepted. In bytes. */
  readonly maxMessageBytes: number;
  /** Counts towards what a client may send in a second, and holds it back when it sends too much. */
  count(socket: ClientSocket, messages: number, bytes: number): void;
}

/**
 * The one way in for messages that clients publish, whatever their protocol. A protocol first asks `objectionTo`, and then calls `take`, at
 * once or later. The message then goes to the outbox, which gives it its id, and to the topic's other clients.
 */
export class Ingress {
  readonly #relay: Relay;
  readonly #uplink: Uplink;
  readonly #shares: IngressParts["shares"];
  readonly #maxMessageBytes: number;
  readonly #count: IngressParts["count"];
  readonly #once: Once;
  readonly #holds: IngressParts["holds"];

  /** How many messages were accepted. */
  takenCount = 0;

  constructor({ relay, uplink, shares, maxMessageBytes, count, once, holds }: IngressParts) {
    this.#once = once;
    this.#holds = holds;
    this.#relay = relay;
    this.#uplink = uplink;
    this.#shares = shares;
    this.#maxMessageBytes = maxMessageBytes;
    this.#count = count;
  }

  /** Whether the outbox is full, or too much waits for clients. A message that is accepted nevertheless is not lost, but goes beyond the cap. */
  get isFull(): boolean {
    return this.#uplink.freeBytes <= 0 || this.#relay.isFull;
  }

  /**
   * Why a message may not be published; undefined if it may.
   *
   * @param permissions the sender's
   */
  objectionTo(message: OutgoingMessage, permissions: Permissions): Objection | undefined {
    if (isLongerThan(message.body, this.#maxMessageBytes)) return "too large";
    const { topic, isRequest } = message;
    const isAllowed = isRequest === true ? permissions.mayAsk(topic) : permissions.mayPublish(topic);
    if (!isAllowed) return "not allowed";
    const { headers } = message;
    // Besides the body, which was checked, only headers can be too large.
    if (headers === undefined) return undefined;
    const key = headers[keyHeader];
    const fault = key === undefined ? undefined : faultInKey(key);
    if (fault !== undefined) return { reason: "name", why: `${keyHeader} ${fault}` };
    return this.#uplink.unfitnessOf(message);
  }

  /** Whether the message would be refused as `reused`. For those that refuse several messages if one of them is refused. */
  isReused(message: OutgoingMessage): boolean {
    const key = message.headers?.[keyHeader];
    return key !== undefined && this.#once.isReused(message, key);
  }

  /** Whether keys from before the start are still being read, so that messages with a key may have to wait. */
  get awaitsKeys(): boolean {
    return !this.#once.past.areKnown;
  }

  /**
   * Whether a message with this key has to wait before it is accepted, because the keys from before the start are not all known.
   *
   * @param key undefined: the message has none
   * @param then called once, when it need not wait any more, if it has to
   */
  waitsForKeys(key: string | undefined, then: () => void): boolean {
    return key !== undefined && this.#once.past.waits(then);
  }

  /** Holds a connection back until its message with a key may be accepted. Returns whether it has to wait. */
  holdsForKeys(socket: ClientSocket, key: string | undefined): boolean {
    if (!this.waitsForKeys(key, () => this.#holds.release(socket, "check"))) return false;
    this.#holds.hold(socket, "check");
    return true;
  }

  /**
   * Accepts a message to which there was no objection and that need not wait for keys.
   *
   * @param costBytes what it counts towards the client's rate, as one message; undefined if the protocol counts frames and has counted this
   *   one
   * @param waiter hears whether the message is confirmed or set aside; not called if it is refused as `reused` or `too many`
   * @param waiterBytes what the waiter keeps in memory
   */
  take(
    message: OutgoingMessage,
    sender: Sender,
    costBytes?: number,
    waiter?: Waiter,
    waiterBytes?: number,
  ): Taken {
    const key = message.headers?.[keyHeader];
    if (key === undefined) {
      this.#publish(message, sender, costBytes, waiter, waiterBytes);
      return "published";
    }
    const admission = this.#once.admit(message, key, waiter, waiterBytes, sender.keysOf);
    if (admission.is === "new") {
      this.#publish(admission.message, sender, costBytes, admission.waiter, waiterBytes);
      return "published";
    }
    if (sender.socket !== undefined && costBytes !== undefined) this.#count(sender.socket, 1, costBytes);
    return admission.is;
  }

  #publish(
    message: OutgoingMessage,
    sender: Sender,
    costBytes?: number,
    waiter?: Waiter,
    waiterBytes?: number,
  ): void {
    const uplink = this.#uplink;
    sender.share ??= new Share();
    const { socket, excluded, share } = sender;
    const number = uplink.take(message, share, waiter, waiterBytes);
    this.takenCount++;
    // Requests go only to processors.
    const route = message.isRequest === true ? nowhere : this.#relay.audiences.route(message.topic);
    // If no encoding includes the id, it is not made.
    const id = includesId(route) ? (message.id ?? uplink.idOf(number)) : "";
    const isUnheld = socket === undefined;
    const spread =
      route.length === 0 ? undefined : this.#relay.spread(route, message, id, excluded, isUnheld);
    if (isUnheld) {
      if (spread !== undefined) sender.spreads?.(spread);
      return;
    }
    if (spread !== undefined) this.#holdFor(socket, spread);
    if (costBytes !== undefined) this.#count(socket, 1, costBytes);
    this.#shares.published(socket, share);
  }

  /** Holds the sender back until all audiences have its message, so that no more than one of each sender waits. */
  #holdFor(socket: ClientSocket, spread: Spread): void {
    this.#holds.hold(socket, "spread");
    spread.onDone = () => this.#holds.release(socket, "spread");
  }
}
