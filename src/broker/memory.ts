import { Deque } from "../collections/deque.ts";
import type { Envelope } from "../envelope/envelope.ts";
import { fingerprintOf } from "../envelope/fingerprint.ts";
import type {
  Broker,
  BrokerStatus,
  Consumer,
  Exchange,
  Follower,
  LogReader,
  LogReading,
  LogStart,
  Publisher,
} from "./broker.ts";
import type { EventsPeer } from "./events.ts";
import type { OnLeft } from "./leavers.ts";
import { MemoryEvents } from "./memory-events.ts";
import { GroupQueue } from "./memory-queue.ts";

const noBody = Buffer.alloc(0);

/** When a group's queue takes this much memory, in bytes, publishers are blocked, as by RabbitMQ's memory alarm. */
export const queueBytesMax = 64 * 1024 ** 2;
/** When a full queue has sunk to this, publishers may go on. */
const queueBytesRelieved = queueBytesMax / 2;

/** How many messages are routed in one turn of the event loop: thousands may be published at once, and each takes time. */
const routedMax = 256;

/** The envelopes of one `send`. */
interface Accepted {
  readonly exchange: Exchange;
  readonly publisher: Publisher;
  readonly envelopes: readonly Envelope[];
  /** How many of them were routed and confirmed. */
  routed: number;
}

/**
 * The embedded broker: the guarantees of `broker.ts` within one process, and for its lifetime.
 *
 * Deliveries and confirms happen in a later turn of the event loop than the publish, as with a real broker, so that no code comes to rely
 * on anything else.
 */
export class MemoryBroker implements Broker {
  readonly #publishers: { readonly exchange: Exchange; readonly publisher: Publisher }[] = [];
  readonly #groups = new Map<string, GroupQueue>();
  readonly #eventGroups = new Map<string, { readonly queue: GroupQueue; readonly keys: Set<string> }>();
  readonly #followers = new Set<Follower>();
  readonly #lastTags = new Map<Publisher, number>();
  readonly #accepted = new Deque<Accepted>();
  #routing: NodeJS.Immediate | undefined;
  #state: "declaring" | "ready" | "closed" = "declaring";
  #isBlocked = false;
  #onLeft: OnLeft = () => undefined;
  #events: MemoryEvents | undefined;
  /** Starts as microseconds since 1970, so that positions from an earlier process lie before everything in this one's log. */
  #nextOffset = Date.now() * 1000;
  /** The fingerprint of its marks, which differs from that of any other process. */
  readonly #ofMarks = fingerprintOf({ messageId: crypto.randomUUID(), timestamp: undefined, body: noBody });

  attachPublisher(exchange: Exchange, publisher: Publisher): void {
    this.#publishers.push({ exchange, publisher });
  }

  attachConsumer(group: string, prefetch: number, consumer: Consumer): void {
    let queue = this.#groups.get(group);
    if (queue === undefined) {
      queue = new GroupQueue(() => this.#weigh());
      this.#groups.set(group, queue);
    }
    queue.add(consumer, prefetch);
  }

  attachEventConsumer(group: string, keys: readonly string[], prefetch: number, consumer: Consumer): void {
    let events = this.#eventGroups.get(group);
    if (events === undefined) {
      events = { queue: new GroupQueue(() => undefined), keys: new Set(keys) };
      this.#eventGroups.set(group, events);
    }
    events.queue.add(consumer, prefetch);
  }

  /** No other program can publish here. */
  attachReplyConsumer(): void {
    // Processors answer by `towsmanager`.
  }

  attachLeavers(onLeft: OnLeft): void {
    this.#onLeft = onLeft;
  }

  readonly hasLog = true;
  readonly fullQueues = [];

  attachFollower(follower: Follower): void {
    this.#followers.add(follower);
  }

  mark(then: (offset: number, fingerprint: string) => void): () => void {
    const answering = setImmediate(() => {
      if (this.#state === "ready") then(this.#nextOffset++, this.#ofMarks);
    });
    return () => clearImmediate(answering);
  }

  /** There is nothing older to read: followers have got every record since the process began. */
  read(_start: LogStart, reader: LogReader): LogReading {
    const ending = setImmediate(() => reader.ended("nothing kept"));
    return { handled: () => undefined, stop: () => clearImmediate(ending) };
  }

  attachEvents(peer: EventsPeer): boolean {
    const left = (askers: readonly string[]) => this.#onLeft(askers);
    this.#events = new MemoryEvents(peer, (key, body) => this.#tell(key, body), left);
    return true;
  }

  start(): void {
    this.#state = "ready";
    for (const follower of this.#followers) follower.marked(this.#nextOffset++, this.#ofMarks);
    for (const queue of this.#queues) queue.open();
    this.#events?.open();
    for (const { exchange, publisher } of this.#publishers) {
      publisher.opened({
        send: (envelopes) => this.#accept(exchange, publisher, envelopes),
        isCostly: false,
        headBytesMax: Number.POSITIVE_INFINITY,
        unwritten: 0,
        giveUp: () => undefined,
      });
    }
  }

  status(): BrokerStatus {
    if (this.#state === "declaring")
      return { state: "connecting", why: "the embedded broker has not started" };
    if (this.#state === "closed") return { state: "closed" };
    if (this.#isBlocked)
      return { state: "blocked", why: "the processors' queue is full: the handler is too slow" };
    return { state: "ready" };
  }

  /** A group lives as long as its processor, which is in the same process. */
  readonly abandonedGroups = [];

  queuedIn(group: string): number | undefined {
    return (this.#groups.get(group) ?? this.#eventGroups.get(group)?.queue)?.length;
  }

  async settle(timeoutMs: number): Promise<void> {
    const deadline = performance.now() + timeoutMs;
    const isIdle = () => this.#queues.every((queue) => queue.isIdle);
    while (!isIdle() && performance.now() < deadline) await Bun.sleep(2);
  }

  close(): Promise<void> {
    if (this.#state !== "closed") {
      this.#state = "closed";
      for (const { publisher } of this.#publishers) publisher.closed();
      for (const queue of this.#queues) queue.close();
      this.#events?.close();
    }
    return Promise.resolve();
  }

  get #queues(): readonly GroupQueue[] {
    return [...this.#groups.values(), ...[...this.#eventGroups.values()].map(({ queue }) => queue)];
  }

  /** @returns whether a handler gets it */
  #tell(key: string, body: string): boolean {
    let isHeard = false;
    for (const { queue, keys } of this.#eventGroups.values()) {
      if (!keys.has(key)) continue;
      isHeard = true;
      queue.push({
        body: Buffer.from(body),
        routingKey: key,
        contentType: "application/json",
        messageId: undefined,
        timestamp: undefined,
        appId: undefined,
        clientId: undefined,
        headers: undefined,
      });
      // No client waits for an event, so no publisher can be held back. The oldest events are dropped instead.
      while (queue.bytes > queueBytesMax) queue.dropOldest();
    }
    return isHeard;
  }

  #accept(exchange: Exchange, publisher: Publisher, envelopes: readonly Envelope[]): void {
    this.#accepted.push({ exchange, publisher, envelopes, routed: 0 });
    this.#routing ??= setImmediate(this.#routeSome);
  }

  readonly #routeSome = (): void => {
    this.#routing = undefined;
    if (this.#state !== "ready") return;
    let left = routedMax;
    for (let first = this.#accepted.at(0); first !== undefined && left > 0; first = this.#accepted.at(0)) {
      const { exchange, publisher, envelopes, routed } = first;
      const some = envelopes.slice(routed, routed + left);
      left -= some.length;
      first.routed += some.length;
      if (first.routed === envelopes.length) this.#accepted.shift();
      for (const envelope of some) this.#route(exchange, envelope);
      const tag = (this.#lastTags.get(publisher) ?? 0) + some.length;
      this.#lastTags.set(publisher, tag);
      publisher.confirmed(tag, true);
    }
    if (this.#accepted.length > 0) this.#routing ??= setImmediate(this.#routeSome);
  };

  #route(exchange: Exchange, envelope: Envelope): void {
    if (exchange === "wsmanager") {
      for (const queue of this.#groups.values()) queue.push(envelope);
    }
    if (exchange === "wsmanager" || exchange === "towsmanager") {
      const offset = this.#nextOffset++;
      for (const follower of this.#followers) follower.record(offset, exchange, envelope);
    }
  }

  /** Blocks and unblocks publishers, depending on the fullest queue. */
  #weigh(): void {
    const bytes = Math.max(0, ...[...this.#groups.values()].map((queue) => queue.bytes));
    const isBlocked = this.#isBlocked ? bytes > queueBytesRelieved : bytes >= queueBytesMax;
    if (isBlocked === this.#isBlocked) return;
    this.#isBlocked = isBlocked;
    for (const { exchange, publisher } of this.#publishers) {
      // Only what fills the queue is held back. The answers that empty it must go on.
      if (exchange === "wsmanager") publisher.blocked(isBlocked);
    }
  }
}
