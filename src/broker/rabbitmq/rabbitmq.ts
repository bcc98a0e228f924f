import type { ChannelModel } from "amqplib";
import type { Envelope } from "../../envelope/envelope.ts";
import type { Logger } from "../../ops/logger.ts";
import { withoutPassword } from "../../redact.ts";
import { repliesQueue } from "../../requests.ts";
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
import { type Access, urlsAlone } from "./access.ts";
import { Announcing } from "./announcing.ts";
import { type Consuming, queuedIn, startConsumer } from "./consuming.ts";
import type { Declaring } from "./declaring.ts";
import { EventsConnection } from "./events/events-connection.ts";
import { type Following, startFollower, startOwnFollower } from "./following.ts";
import { Layout } from "./layout.ts";
import { defaultTiming, Link, type LinkTiming } from "./link.ts";
import { LogPosition } from "./log-position.ts";
import { LogReadings } from "./log-readings.ts";
import { MarkWriter } from "./mark-writer.ts";
import { Marks } from "./marks.ts";
import { Outage } from "./outage.ts";
import { type Publishing, PublishingConnection } from "./publishing.ts";
import {
  declareGroupQueue,
  declareLogStream,
  declareOwnQueue,
  declareReplies,
  groupQueue,
  type LogRetention,
  logStream,
} from "./topology.ts";
import type { Drop } from "./watch.ts";

export interface RabbitmqOptions {
  /** The nodes of one cluster. */
  readonly urls: readonly string[];
  /** Shown in RabbitMQ's management page. */
  readonly name: string;
  readonly logger: Logger;
  /** What the shared log keeps; `off` goes without one. */
  readonly logRetention: LogRetention | "off";
  /** Whether other programs get plain copies of what Warren's roles say to one another: they do where it is not given. */
  readonly plainCopies?: boolean;
  /** What a new queue of a group, or of dead letters, may hold, in bytes: 1 GiB where it is not given. */
  readonly queueBytesMax?: number;
  /** Undefined: the URLs have all that is needed. */
  readonly access?: Access;
  readonly timing?: LinkTiming;
}

/**
 * RabbitMQ through amqplib, which only this folder imports.
 *
 * It publishes and consumes on separate connections: RabbitMQ stops reading from a connection that publishes when it
 * is short of memory or disk, and acknowledgements on the same connection would be stuck behind that. So the one that consumes
 * publishes nothing at all, and marks have one too. Each exchange has a connection
 * of its own to publish to it: a full `wsmanager.dead` refuses dead letters, and the outbox gives up a link that refuses; and when
 * RabbitMQ closes a connection over a message, only one publisher can have sent it.
 */
export class RabbitmqBroker implements Broker {
  readonly #options: RabbitmqOptions;
  readonly #timing: LinkTiming;
  readonly #layout: Layout;
  readonly #publishings: Publishing[] = [];
  readonly #publishingConnections: PublishingConnection[] = [];
  readonly #consumers: Consuming[] = [];
  readonly #followers: Following[] = [];
  readonly #links: Link[] = [];
  /** What messages do not need: nobody is held back when one of them is away. */
  readonly #besides: Link[] = [];
  readonly #readings = new LogReadings(() => this.#followers.every(({ position }) => position.isSure));
  /** Ends what a connection has opened; each runs once, when the connection is lost. */
  readonly #atLoss: Record<Purpose, (() => void)[]> = {
    publishing: [],
    answers: [],
    "dead letters": [],
    marks: [],
    consuming: [],
    events: [],
  };
  readonly #markWriter: MarkWriter;
  #announcing: Announcing | undefined;
  #events: EventsConnection | undefined;
  #isClosed = false;
  #isAnnounced = false;

  constructor(options: RabbitmqOptions) {
    this.#options = options;
    const { logger, logRetention, queueBytesMax = defaultQueueBytesMax, timing = defaultTiming } = options;
    this.#timing = timing;
    this.#markWriter = new MarkWriter(logger);
    this.#markWriter.onFree = () => {
      for (const { marks } of this.#followers) marks.writable();
    };
    const onGone = (group: string) => this.#missed(groupQueue(group));
    this.#layout = new Layout({
      logger,
      logRetention,
      queueBytesMax,
      missedForMs: timing.missedForMs,
      onGone,
    });
  }

  publish(exchange: Exchange, publisher: Publisher): void {
    this.#publishings.push({ exchange, publisher });
  }

  consume(group: string, prefetch: number, consumer: Consumer): void {
    const cancelled = () => void this.#groupGone(group);
    const queue = groupQueue(group);
    const declare = (declaring: Declaring) => declareGroupQueue(declaring, group, this.#queueBytesMax);
    this.#consumers.push({ queue, declare, prefetch, consumer, cancelled, isStopped: false });
    this.#layout.ownGroups.push(group);
  }

  consumeReplies(prefetch: number, consumer: Consumer): void {
    const declare = (declaring: Declaring) => declareReplies(declaring, this.#queueBytesMax);
    const cancelled = () => undefined;
    this.#consumers.push({ queue: repliesQueue, declare, prefetch, consumer, cancelled, isStopped: false });
  }

  get hasLog(): boolean {
    return this.#options.logRetention !== "off";
  }

  follow(follower: Follower): void {
    const marks = new Marks(this.#markWriter, this.#timing.markAgainAfterMs);
    const heard = (mark: Envelope) =>
      this.#layout.liveGroups.take(mark, performance.now(), Date.now() / 1000);
    const cancelled = () => this.#missed(logStream);
    const silent = (drop: Drop) => {
      const why = `"${logStream}" does not show what is written to it`;
      drop(why);
      this.#markWriter.giveUp(why);
    };
    this.#followers.push({ follower, position: new LogPosition(), marks, heard, cancelled, silent });
  }

  mark(then: (offset: number) => void): void {
    this.#followers[0]?.marks.ask(then);
  }

  read(start: LogStart, reader: LogReader): LogReading {
    return this.#readings.read(start, reader);
  }

  attachEvents(peer: EventsPeer): boolean {
    if (this.hasLog) this.#events = new EventsConnection(peer);
    return this.hasLog;
  }

  start(onFatal: (error: Error) => void): void {
    const { urls, name, logger, access = urlsAlone } = this.#options;
    const timing = this.#timing;
    const outage = new Outage(logger, () =>
      this.#publishings.reduce((sum, { publisher }) => sum + publisher.waitingCount, 0),
    );
    const open = (what: Purpose, setUp: SetUp, links = this.#links) => {
      const lost = () => {
        for (const end of this.#atLoss[what].splice(0)) end();
      };
      const opened = () => this.#announce();
      const link = new Link({
        name: `${name} ${what}`,
        urls,
        access,
        timing,
        logger,
        outage,
        setUp,
        opened,
        lost,
        onFatal,
      });
      links.push(link);
      link.start();
    };
    if (this.hasLog && this.#layout.ownGroups.length > 0)
      this.#announcing = new Announcing(name, this.#layout.ownGroups);
    let announcing = this.#announcing;
    for (const purpose of ["publishing", "answers", "dead letters"] as const) {
      const publishings = this.#publishings.filter(({ exchange }) => purposeOf[exchange] === purpose);
      if (publishings.length === 0) continue;
      const publishing = new PublishingConnection({
        publishings,
        layout: this.#layout,
        hasLog: this.hasLog,
        hasCopies: this.#options.plainCopies ?? true,
        logger,
        timing,
        announcing: purpose === "dead letters" ? undefined : announcing,
      });
      announcing = undefined;
      this.#publishingConnections.push(publishing);
      open(purpose, (connection, drop) => publishing.setUp(connection, this.#atLoss[purpose], drop));
    }
    if (this.hasLog && this.#followers.length > 0)
      open("marks", (connection, drop) => this.#setUpMarks(connection, drop));
    if (this.#consumers.length + this.#followers.length > 0) {
      open("consuming", (connection, drop) => this.#setUpConsuming(connection, drop));
    }
    const events = this.#events;
    if (events !== undefined) {
      const setUp: SetUp = async (connection, drop) =>
        events.setUp(connection, await this.#layout.declaringOn(connection), this.#atLoss.events, drop);
      open("events", setUp, this.#besides);
    }
  }

  status(): BrokerStatus {
    if (this.#isClosed) return { state: "closed" };
    if (this.#links.length === 0) return { state: "connecting", why: "not started" };
    const states = this.#links.map(({ state }) => state);
    if (states.some(({ is }) => is === "closed")) return { state: "closed" };
    const connecting = states.filter((state) => state.is === "connecting");
    // What one link has heard is true for the others, which may be trying still.
    if (connecting.length > 0)
      return { state: "connecting", why: connecting.find(({ why }) => why)?.why ?? "connecting" };
    for (const { blockedWhy } of [...this.#publishingConnections, this.#markWriter])
      if (blockedWhy !== undefined) return { state: "blocked", why: blockedWhy };
    return { state: "ready" };
  }

  get fullQueues(): readonly string[] {
    return this.#publishingConnections.flatMap(({ fullQueue }) => fullQueue ?? []);
  }

  queuedIn(group: string): number | undefined {
    return queuedIn(this.#consumers.find(({ queue }) => queue === groupQueue(group)));
  }

  settle(): Promise<void> {
    return Promise.resolve();
  }

  async close(timeoutMs = 2 * this.#timing.closeTimeoutMs): Promise<void> {
    this.#isClosed = true;
    const deadlineMs = performance.now() + timeoutMs;
    // amqplib writes the frames of several channels in turns: the farewell would overtake acknowledgements.
    const farewells = [...this.#consumers.map(({ settled }) => settled?.()), this.#announcing?.leave()];
    await settledWithin(farewells, Math.min(timeoutMs / 2, this.#timing.closeTimeoutMs));
    const leftMs = Math.max(0, deadlineMs - performance.now());
    await Promise.all([...this.#links, ...this.#besides].map((link) => link.close(leftMs)));
  }

  get #queueBytesMax(): number {
    return this.#options.queueBytesMax ?? defaultQueueBytesMax;
  }

  /** Says once that everything is in force; later losses and returns are the links' to tell. */
  #announce(): void {
    if (this.status().state !== "ready") return;
    this.#layout.inForce();
    if (this.#isAnnounced) return;
    this.#isAnnounced = true;
    this.#options.logger.info("connected to RabbitMQ", {
      broker: this.#options.urls.map(withoutPassword).join(","),
    });
  }

  #missed(queue: string): void {
    for (const publishing of this.#publishingConnections) publishing.missed(queue);
  }

  /** The others hear of it first, since their word goes over a connection that is given up then. */
  async #groupGone(group: string): Promise<void> {
    const told = this.#announcing?.gone(group).catch(() => undefined);
    await Promise.race([told, Bun.sleep(this.#timing.missedForMs / 2)]);
    this.#missed(groupQueue(group));
  }

  async #setUpMarks(connection: ChannelModel, drop: Drop): Promise<void> {
    await this.#layout.declareLog(connection);
    await this.#markWriter.setUp(connection, this.#atLoss.marks, drop);
  }

  async #setUpConsuming(connection: ChannelModel, drop: Drop): Promise<void> {
    const consumers = this.#consumers.filter(({ isStopped }) => !isStopped);
    const declaring = await this.#layout.declaringOn(connection);
    for (const { declare } of consumers) await declare(declaring);
    await this.#setUpFollowing(connection, declaring, drop);
    await declaring.done();
    for (const consuming of consumers)
      await startConsumer(connection, consuming, this.#atLoss.consuming, drop);
  }

  async #setUpFollowing(connection: ChannelModel, declaring: Declaring, drop: Drop): Promise<void> {
    const { logRetention } = this.#options;
    const { markAfterMs } = this.#timing;
    const atLoss = this.#atLoss.consuming;
    if (this.#followers.length === 0) return;
    if (logRetention === "off") {
      for (const { follower } of this.#followers)
        await startOwnFollower(connection, await declareOwnQueue(declaring), follower, drop);
      return;
    }
    await declareLogStream(declaring, logRetention);
    for (const following of this.#followers)
      await startFollower(connection, following, markAfterMs, atLoss, drop);
    this.#layout.liveGroups.opened(performance.now());
    atLoss.push(() => this.#layout.liveGroups.closed());
    this.#readings.opened(connection);
    atLoss.push(() => this.#readings.closed());
  }
}

const defaultQueueBytesMax = 1024 ** 3;

/** What a connection is for, as the logs and RabbitMQ's management page show it. */
type Purpose = "publishing" | "answers" | "dead letters" | "marks" | "consuming" | "events";
const purposeOf: Record<Exchange, Purpose> = {
  wsmanager: "publishing",
  towsmanager: "answers",
  "wsmanager.dead": "dead letters",
};
type SetUp = (connection: ChannelModel, drop: Drop) => Promise<void>;

async function settledWithin(promises: readonly (Promise<unknown> | undefined)[], ms: number): Promise<void> {
  const timeout = Promise.withResolvers<void>();
  const timer = setTimeout(timeout.resolve, ms);
  await Promise.race([Promise.allSettled(promises), timeout.promise]);
  clearTimeout(timer);
}
