import type { Envelope } from "../../envelope/envelope.ts";
import { fingerprintOf } from "../../envelope/fingerprint.ts";
import type { Logger } from "../../ops/logger.ts";
import type { LoopTime } from "../../ops/loop-time.ts";
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
} from "../broker.ts";
import type { EventsPeer } from "../events.ts";
import type { AbandonedGroup } from "../groups.ts";
import type { OnLeft } from "../leavers.ts";
import { type Access, urlsAlone } from "./connection/access.ts";
import { Connections } from "./connection/connections.ts";
import { Haste } from "./connection/haste.ts";
import { defaultTiming, type LinkTiming } from "./connection/link-timing.ts";
import { Outage } from "./connection/outage.ts";
import type { Drop } from "./connection/watch.ts";
import { EventsConnection } from "./events/events-connection.ts";
import { GroupWatch } from "./groups/group-watch.ts";
import { Outflow } from "./publishing/outflow.ts";
import { Inflow } from "./reading/inflow.ts";
import { MarkWriter } from "./reading/mark-writer.ts";
import { Marks } from "./reading/marks.ts";
import { Layout } from "./topology/layout.ts";
import { groupQueue, type LogRetention, logStream } from "./topology/topology.ts";

/** Where RabbitMQ is, and how it is used. */
export interface RabbitmqOptions {
  /** The nodes of one cluster. */
  readonly urls: readonly string[];
  /** Shown in RabbitMQ's management page. */
  readonly name: string;
  readonly logger: Logger;
  /** What the shared log keeps; `off` goes without one. */
  readonly logRetention: LogRetention | "off";
  /** Whether other programs get plain copies of what Warren's roles send one another; true unless given. */
  readonly plainCopies?: boolean;
  /** What a new queue of a group, or of dead letters, may hold, in bytes; 1 GiB unless given. */
  readonly queueBytesMax?: number;
  /** Undefined: the URLs contain everything that is needed. */
  readonly access?: Access;
  readonly timing?: LinkTiming;
  /** Shares out the event loop's time; absent: what RabbitMQ sends has a share of its own. */
  readonly loop?: LoopTime;
}

/**
 * RabbitMQ through amqplib, which only this folder imports.
 *
 * It publishes and consumes on separate connections. When RabbitMQ is short of memory or disk it stops reading from connections that
 * publish, so acknowledgements on the same connection would be stuck. So the consuming connection publishes nothing at all (`Inflow`),
 * marks have a connection of their own, and so has each exchange that is published to (`Outflow`).
 */
export class RabbitmqBroker implements Broker {
  readonly #options: RabbitmqOptions;
  readonly #timing: LinkTiming;
  readonly #layout: Layout;
  readonly #haste = new Haste();
  readonly #inflow: Inflow;
  readonly #outflow: Outflow;
  readonly #markWriter: MarkWriter;
  #events: EventsConnection | undefined;
  readonly #groupWatch: GroupWatch;
  #connections: Connections | undefined;
  #isClosed = false;

  constructor(options: RabbitmqOptions) {
    this.#options = options;
    const { logger, logRetention, queueBytesMax = defaultQueueBytesMax, timing = defaultTiming } = options;
    this.#timing = timing;
    const onGone = (group: string) => this.#outflow.missed(groupQueue(group));
    const { missedForMs } = timing;
    this.#layout = new Layout({ logger, logRetention, queueBytesMax, missedForMs, onGone });
    this.#groupWatch = new GroupWatch(logger, timing.groups, this.#layout.liveGroups);
    this.#inflow = new Inflow(this.#layout, logRetention, queueBytesMax);
    this.#outflow = new Outflow({
      name: options.name,
      logger,
      layout: this.#layout,
      hasLog: this.hasLog,
      hasCopies: options.plainCopies ?? true,
      timing,
      haste: this.#haste,
      groupsInLedger: () => this.#groupWatch.known,
    });
    this.#markWriter = new MarkWriter(logger, this.#haste);
    this.#markWriter.onFree = () => {
      for (const { options } of this.#inflow.followers) options.marks.writable();
    };
  }

  attachPublisher(exchange: Exchange, publisher: Publisher): void {
    this.#outflow.attachPublisher(exchange, publisher);
  }

  attachConsumer(group: string, prefetch: number, consumer: Consumer): void {
    this.#inflow.attachConsumer(group, prefetch, consumer, () => void this.#outflow.groupGone(group));
  }

  attachEventConsumer(group: string, keys: readonly string[], prefetch: number, consumer: Consumer): void {
    this.#inflow.attachEventConsumer(group, keys, prefetch, consumer);
  }

  attachReplyConsumer(prefetch: number, consumer: Consumer): void {
    this.#inflow.attachReplyConsumer(prefetch, consumer);
  }

  attachLeavers(onLeft: OnLeft): void {
    this.#inflow.onLeft = onLeft;
  }

  get hasLog(): boolean {
    return this.#options.logRetention !== "off";
  }

  attachFollower(follower: Follower): void {
    const marks = new Marks(this.#markWriter, this.#timing.markAgainAfterMs);
    const { markAfterMs } = this.#timing;
    const { liveGroups } = this.#layout;
    const shown = (nowMs: number) => liveGroups.shown(nowMs);
    const heard = (mark: Envelope) => liveGroups.take(mark, Date.now() / 1000);
    const cancelled = () => this.#outflow.missed(logStream);
    const silent = (drop: Drop) => {
      const why = `"${logStream}" does not show what is written to it`;
      drop(why);
      this.#markWriter.giveUp(why);
    };
    const haste = this.#haste;
    this.#inflow.attachFollower({ follower, marks, markAfterMs, haste, shown, heard, cancelled, silent });
  }

  mark(then: (offset: number, fingerprint: string) => void): () => void {
    const marks = this.#inflow.followers[0]?.options.marks;
    return marks?.ask((offset, mark) => then(offset, fingerprintOf(mark))) ?? (() => undefined);
  }

  read(start: LogStart, reader: LogReader): LogReading {
    return this.#inflow.readings.read(start, reader);
  }

  attachEvents(peer: EventsPeer): boolean {
    if (this.hasLog) this.#events = new EventsConnection(peer);
    return this.hasLog;
  }

  start(onFatal: (error: Error) => void): void {
    const { urls, name, logger, loop, access = urlsAlone } = this.#options;
    const outage = new Outage(logger, () => this.#outflow.waitingCount);
    const connections = new Connections(
      { name, urls, access, timing: this.#timing, logger, outage, loop, onFatal },
      () => [...this.#outflow.blockedWhys, this.#markWriter.blockedWhy],
      () => this.#layout.allDeclared(),
    );
    this.#connections = connections;
    this.#outflow.open(connections);
    if (this.hasLog && this.#inflow.followers.length > 0) {
      connections.open("marks", async (life) => {
        await this.#layout.declareLog(life.connection);
        await this.#markWriter.setUp(life);
      });
    }
    if (!this.#inflow.isEmpty) connections.open("consuming", (life) => this.#inflow.setUp(life));
    const events = this.#events;
    if (events !== undefined) {
      connections.open("events", async (life) => {
        await this.#groupWatch.setUp(life, this.#layout);
        await events.setUp(life, this.#layout);
      });
    }
  }

  status(): BrokerStatus {
    if (this.#isClosed) return { state: "closed" };
    return this.#connections?.status() ?? { state: "connecting", why: "not started" };
  }

  get fullQueues(): readonly string[] {
    return this.#outflow.fullQueues;
  }

  get abandonedGroups(): readonly AbandonedGroup[] {
    return this.#groupWatch.abandoned;
  }

  queuedIn(group: string): number | undefined {
    return this.#inflow.queuedIn(group);
  }

  settle(): Promise<void> {
    return Promise.resolve();
  }

  async close(timeoutMs = 2 * this.#timing.closeTimeoutMs): Promise<void> {
    this.#isClosed = true;
    // amqplib writes the frames of several channels in turns, so closing could overtake acknowledgements. These are awaited first.
    await this.#connections?.close(timeoutMs, () =>
      settledWithin(this.#inflow.settled(), Math.min(timeoutMs / 2, this.#timing.closeTimeoutMs)),
    );
  }
}

const defaultQueueBytesMax = 1024 ** 3;

async function settledWithin(promises: readonly Promise<unknown>[], ms: number): Promise<void> {
  const timeout = Promise.withResolvers<void>();
  const timer = setTimeout(timeout.resolve, ms);
  await Promise.race([Promise.allSettled(promises), timeout.promise]);
  clearTimeout(timer);
}
