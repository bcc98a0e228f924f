import { faultInKey, keyHeader } from "../../envelope/once-id.ts";
import type { Unfit } from "../../envelope/set-aside.ts";
import { Share } from "../../envelope/share.ts";
import type { Waiter } from "../../envelope/waiter.ts";
import { isLongerThan, type OutgoingMessage } from "../../message.ts";
import type { Permissions } from "../auth/permissions.ts";
import type { ClientSocket } from "../clients/client.ts";
import type { Holds } from "../clients/holds.ts";
import type { Shares } from "../clients/shares.ts";
import { nowhere, tellsId } from "./audiences.ts";
import type { Admission, Once } from "./once.ts";
import type { Relay, Speaker } from "./relay.ts";
import type { Uplink } from "./uplink.ts";

/** Why a message is not taken. Protocols say it in their own words. */
export type Objection = "too large" | "not allowed" | Unfit;

/** What became of a message that was taken: it is published, or it has the idempotency key of an earlier one (see `Admission`). */
export type Taken = "published" | Exclude<Admission["is"], "new">;

/** A client that publishes. */
export interface Sender {
  /** Undefined where it has no connection: nobody is held back then, so it asks `isFull` before. */
  readonly socket: ClientSocket | undefined;
  /** Set if it gets no copy of what it sends. */
  readonly speaker: Speaker | undefined;
  /** What it has in the outbox. It is made with its first message that is taken. */
  share: Share | undefined;
  /** Who has the idempotency keys of what it sends; undefined: the client id. */
  readonly keysOf?: string | undefined;
}

/** What a message passes on its way in. */
export interface IngressParts {
  readonly relay: Relay;
  readonly uplink: Uplink;
  /** Notes what each client has in the outbox. */
  readonly shares: Pick<Shares, "published">;
  readonly once: Once;
  /** Keeps a client from going on while its message waits for keys. */
  readonly holds: Pick<Holds, "hold" | "release">;
  /** A larger body is not taken. In bytes. */
  readonly maxMessageBytes: number;
  /** Counts towards what a client may send in a second, and holds it back when that is too much. */
  count(socket: ClientSocket, messages: number, bytes: number): void;
}

/**
 * The one way in for what clients publish, whatever protocol they speak. A message is first asked about, with `objectionTo`, and
 * then taken, at once or later: it goes to the outbox, which gives it its id, and to its neighbours.
 */
export class Ingress {
  readonly #relay: Relay;
  readonly #uplink: Uplink;
  readonly #shares: IngressParts["shares"];
  readonly #maxMessageBytes: number;
  readonly #count: IngressParts["count"];
  readonly #once: Once;
  readonly #holds: IngressParts["holds"];

  /** Messages that were taken. */
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

  /** Whether the outbox takes no more for now. What is taken nevertheless is not lost, but goes beyond its cap. */
  get isFull(): boolean {
    return this.#uplink.freeBytes <= 0;
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
    // Only headers can be too much here.
    if (headers === undefined) return undefined;
    const key = headers[keyHeader];
    const fault = key === undefined ? undefined : faultInKey(key);
    if (fault !== undefined) return { reason: "name", why: `${keyHeader} ${fault}` };
    return this.#uplink.unfitnessOf(message);
  }

  /** Whether keys of the time before the start are still to come, so that what has a key may have to wait. */
  get awaitsKeys(): boolean {
    return !this.#once.past.areKnown;
  }

  /**
   * Whether a message with this key has to wait before it is taken, since the keys of the time before the start are not all known.
   *
   * @param key undefined: it has none
   * @param then called later, once, if it has to
   */
  waitsForKeys(key: string | undefined, then: () => void): boolean {
    return key !== undefined && this.#once.past.waits(then);
  }

  /** Holds a connection whose message has to wait for keys until the message may be taken. Returns whether it has to wait. */
  holdsForKeys(socket: ClientSocket, key: string | undefined): boolean {
    if (!this.waitsForKeys(key, () => this.#holds.release(socket, "check"))) return false;
    this.#holds.hold(socket, "check");
    return true;
  }

  /**
   * Takes a message that nothing was said against, and that need not wait for keys.
   *
   * @param costBytes what it counts towards what its sender may send in a second, as one message; undefined if its protocol counts
   *   frames, and has counted this one
   * @param waiter hears of what becomes of it, unless it is refused: `reused` or `too many`
   * @param waiterBytes what the waiter keeps
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
    const { socket, speaker, share } = sender;
    const number = uplink.take(message, share, waiter, waiterBytes);
    this.takenCount++;
    // A request is for processors alone.
    const route = message.isRequest === true ? nowhere : this.#relay.audiences.route(message.topic);
    // An id that nobody is told is not made.
    if (route.length > 0)
      this.#relay.send(
        route,
        message,
        tellsId(route) ? (message.id ?? uplink.idOf(number)) : "",
        undefined,
        speaker,
      );
    if (socket === undefined) return;
    if (costBytes !== undefined) this.#count(socket, 1, costBytes);
    this.#shares.published(socket, share);
  }
}
