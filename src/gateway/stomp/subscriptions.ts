import { isShortText, type Message } from "../../message.ts";
import type { ClientSocket } from "../client.ts";
import type { Relay } from "../relay.ts";
import type { Audience } from "./audiences.ts";
import { direct, patternToSubscribe } from "./destinations.ts";
import { type Frame, messageHead, StompFault, type Version } from "./frames.ts";
import { messageTail, withHead } from "./message-frame.ts";

/** A live subscription is a place in an audience, fed by the relay; one to `/direct` is fed message by message. */
type Subscription =
  | { readonly kind: "live"; readonly audience: Audience }
  | { readonly kind: "direct"; readonly head: string };

/** The subscriptions of one client, by the id that it gave them. */
export class Subscriptions {
  readonly #byId = new Map<string, Subscription>();
  readonly #relay: Relay;
  readonly #countMax: number;

  constructor(relay: Relay, countMax: number) {
    this.#relay = relay;
    this.#countMax = countMax;
  }

  /** @throws StompFault */
  add(socket: ClientSocket, { headers }: Frame, id: string, destination: string, version: Version): void {
    const ack = headers.get("ack") ?? "auto";
    if (ack !== "auto")
      throw new StompFault(`ack:${ack.slice(0, 40)} is not supported: leave it out, or say ack:auto`);
    if (headers.has("x-stream-offset") || headers.has("x-stream-after"))
      throw new StompFault("durable subscriptions (x-stream-offset, x-stream-after) are not supported yet");
    if (!isShortText(id)) throw new StompFault("a subscription id has at most 255 bytes");
    if (this.#byId.has(id)) throw new StompFault(`there is a subscription "${id}" already`);
    if (this.#byId.size >= this.#countMax) throw new StompFault(`more than ${this.#countMax} subscriptions`);
    const pattern = patternToSubscribe(destination);
    if (pattern === direct) {
      this.#byId.set(id, { kind: "direct", head: messageHead(id, version) });
      return;
    }
    const audience = this.#relay.audiences.join(pattern, id, version);
    socket.subscribe(audience.key);
    this.#byId.set(id, { kind: "live", audience });
  }

  /** @throws StompFault */
  remove(socket: ClientSocket, id: string): void {
    const subscription = this.#byId.get(id);
    if (subscription === undefined) throw new StompFault(`there is no subscription "${id.slice(0, 100)}"`);
    this.#byId.delete(id);
    if (subscription.kind === "direct") return;
    socket.unsubscribe(subscription.audience.key);
    this.#relay.audiences.leave(subscription.audience);
  }

  /** Sends what is for this client alone to its subscriptions to `/direct`. */
  deliverDirect(socket: ClientSocket, message: Message, version: Version): void {
    for (const subscription of this.#byId.values()) {
      if (subscription.kind !== "direct") continue;
      socket.send(withHead(subscription.head, messageTail(message, message.id, version, direct)));
      this.#relay.deliveredCount++;
    }
  }

  /** The connection has ended, and Bun's subscriptions with it. */
  clear(): void {
    for (const subscription of this.#byId.values()) {
      if (subscription.kind === "live") this.#relay.audiences.leave(subscription.audience);
    }
    this.#byId.clear();
  }
}
