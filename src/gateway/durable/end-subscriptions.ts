import type { Audience } from "../fan-out/audience.ts";
import { Audiences } from "../fan-out/audiences.ts";
import { direct } from "../fan-out/encoding.ts";
import type { Route } from "../fan-out/routes.ts";
import type { DurableSubscription } from "./subscription.ts";

/** The subscriptions at the log's end, by what they want. */
export class EndSubscriptions {
  readonly #audiences = new Audiences("durable");
  readonly #directs = new Map<string, Set<DurableSubscription>>();
  /** Each subscription with its audience; undefined for a subscription to messages that are addressed to its client. */
  readonly #all = new Map<DurableSubscription, Audience | undefined>();

  get count(): number {
    return this.#all.size;
  }

  all(): Iterable<DurableSubscription> {
    return this.#all.keys();
  }

  join(subscription: DurableSubscription): void {
    const { pattern, subscriptionId, encoding, socket, clientId } = subscription;
    if (pattern === direct) {
      if (this.#directs.get(clientId)?.add(subscription) === undefined)
        this.#directs.set(clientId, new Set([subscription]));
      this.#all.set(subscription, undefined);
      return;
    }
    const audience = this.#audiences.join(pattern, encoding, subscriptionId);
    socket.subscribe(audience.key);
    this.#all.set(subscription, audience);
  }

  /** @param isConnected false if the socket is closed: then Bun has forgotten its subscriptions */
  leave(subscription: DurableSubscription, isConnected: boolean): void {
    const audience = this.#all.get(subscription);
    this.#all.delete(subscription);
    if (audience !== undefined) {
      if (isConnected) subscription.socket.unsubscribe(audience.key);
      this.#audiences.leave(audience);
      return;
    }
    const directs = this.#directs.get(subscription.clientId);
    directs?.delete(subscription);
    if (directs?.size === 0) this.#directs.delete(subscription.clientId);
  }

  /** The position of the last message that was published to it; undefined if there is none, or if its messages are sent to it alone. */
  lastPositionOf(subscription: DurableSubscription): string | undefined {
    return this.#all.get(subscription)?.lastPosition;
  }

  /** Whether the audiences of a topic are known, so that it does not have to be compared with all patterns. */
  remembers(topic: string): boolean {
    return this.#audiences.remembers(topic);
  }

  /** The audiences of a topic. */
  route(topic: string): Route {
    return this.#audiences.route(topic);
  }

  /** Those that want what is addressed to a client; undefined if there are none. */
  directTo(clientId: string): Iterable<DurableSubscription> | undefined {
    return this.#directs.get(clientId);
  }
}
