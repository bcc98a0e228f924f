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

/** What waits in a group's queue, with all that it takes in memory, in bytes, before publishers are blocked, as RabbitMQ's memory alarm would. */
export const queueBytesMax = 64 * 1024 ** 2;
/** Publishers are let in again when a full queue has sunk to this. */
const queueBytesRelieved = queueBytesMax / 2;

/** Messages that are routed in one turn of the event loop: thousands may be published at once, and each takes time with all that hears it. */
const routedMax = 256;

/** What a publisher has published at once. */
interface Accepted {
  readonly exchange: Exchange;
  readonly publisher: Publisher;
  readonly envelopes: readonly Envelope[];
  /** How many of them are routed and confirmed. */
  routed: number;
}

/**
 * The embedded broker: the guarantees of `broker.ts` within one process, and for its lifetime.
 *
 * Deliveries and confirms happen in a later turn of the event loop than the publish, as with a real broker, so
 * that nobody comes to rely on anything else.
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
  /** Microseconds since 1970 at first: what an earlier process called a place in its log lies before all of this one's. */
  #nextOffset = Date.now() * 1000;
  /** The fingerprint of its marks, which no other process has. */
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

  /** Nobody else publishes here. */
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

  /** What its followers keep is all that there is: they have got every record since the process began. */
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

  /** A group lives as long as its processor does, in the same process. */
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

  /** @returns whether anybody is to hear of it */
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
      // Nobody waits for an event, so nobody can be held back for it.
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

  /** Blocks and unblocks publishers by what waits for the slowest group. */
  #weigh(): void {
    const bytes = Math.max(0, ...[...this.#groups.values()].map((queue) => queue.bytes));
    const isBlocked = this.#isBlocked ? bytes > queueBytesRelieved : bytes >= queueBytesMax;
    if (isBlocked === this.#isBlocked) return;
    this.#isBlocked = isBlocked;
    for (const { exchange, publisher } of this.#publishers) {
      // Only what feeds the queue is held back: the answers that empty it must get out.
      if (exchange === "wsmanager") publisher.blocked(isBlocked);
    }
  }
}
