import { destinationOf, direct } from "../../src/wire/stomp/destinations.ts";
import type { Link, LinkMessage } from "./link.ts";
import { Subscription } from "./subscription.ts";
import { topicOfDestination } from "./topic.ts";

/** To which subscription a message belongs. */
export interface Arrival {
  /** The topic that it came on. */
  readonly topic: string;
  /** Whether it was addressed to this client alone. */
  readonly isDirect: boolean;
  /** Whether the log no longer has some messages between the last one and this one. */
  readonly isAfterGap: boolean;
}

/**
 * The page's subscriptions: a topic or pattern, and `/direct`. They outlive the links: on each new link they continue after the last
 * message of the previous one, unless the manager keeps no log.
 */
export class Following {
  #topic: Subscription;
  readonly #direct = new Subscription(direct);
  #link: Link | undefined;
  /** The subscriptions by the receipts that confirm them. */
  readonly #awaited = new Map<string, Subscription>();
  #isDurable = true;
  #topicsOfLink = 0;

  constructor(topic: string) {
    this.#topic = new Subscription(destinationOf(topic));
  }

  get isSubscribed(): boolean {
    return this.#link !== undefined && this.#awaited.size === 0;
  }

  /** Whether the page gets everything through the log, its own messages too. */
  get isDurable(): boolean {
    return this.#isDurable;
  }

  start(link: Link): void {
    this.#link = link;
    this.#topicsOfLink = 0;
    this.#awaited.clear();
    this.#subscribeToTopic(link);
    this.#subscribe(link, this.#direct, "direct");
  }

  /** The link has ended. The next one may be another manager's, so it is asked for durable subscriptions again. */
  end(): void {
    this.#link = undefined;
    this.#awaited.clear();
    this.#isDurable = true;
  }

  /** @param offset where in the log it begins, as `x-stream-offset` says it */
  join(topic: string, offset?: string): void {
    const before = this.#topic;
    this.#topic = new Subscription(destinationOf(topic), offset);
    if (this.#link === undefined) return;
    this.#link.unsubscribe(before.id);
    this.#awaited.delete(receiptOf(before.id));
    this.#subscribeToTopic(this.#link);
  }

  /** Sends nothing without a link. */
  send(destination: string, body: string | Uint8Array, headers: Readonly<Record<string, string>>): void {
    this.#link?.send(destination, body, headers);
  }

  /** Handles a receipt. Returns whether it was for one of these subscriptions. */
  receipt(id: string, position: string | undefined): boolean {
    const subscription = this.#awaited.get(id);
    if (subscription === undefined) return false;
    this.#awaited.delete(id);
    if (this.#isDurable) subscription.began(position);
    return true;
  }

  /** Handles a refusal. Returns whether a durable subscription was refused; the next one is live. */
  refused(receipt: string): boolean {
    if (!(this.#isDurable && this.#awaited.has(receipt))) return false;
    this.#link = undefined;
    this.#awaited.clear();
    this.#isDurable = false;
    this.#topic.forget();
    this.#direct.forget();
    return true;
  }

  /** Handles a message. Returns undefined if it belongs to a topic that the page has left. */
  take(message: LinkMessage): Arrival | undefined {
    const isDirect = message.subscription === this.#direct.id;
    if (!isDirect && message.subscription !== this.#topic.id) return undefined;
    (isDirect ? this.#direct : this.#topic).passed(message);
    return {
      topic: topicOfDestination(message.headers["destination"] ?? ""),
      isDirect,
      isAfterGap: message.headers["x-stream-gap"] === "true",
    };
  }

  /** Subscribes with a new id, which distinguishes late messages of the previous topic. */
  #subscribeToTopic(link: Link): void {
    this.#topicsOfLink += 1;
    this.#subscribe(link, this.#topic, `topic-${this.#topicsOfLink}`);
  }

  #subscribe(link: Link, subscription: Subscription, id: string): void {
    subscription.id = id;
    const receipt = receiptOf(id);
    this.#awaited.set(receipt, subscription);
    const headers = this.#isDurable ? subscription.headers() : {};
    link.subscribe(id, subscription.destination, { ...headers, receipt });
  }
}

function receiptOf(subscriptionId: string): string {
  return `subscribed:${subscriptionId}`;
}
