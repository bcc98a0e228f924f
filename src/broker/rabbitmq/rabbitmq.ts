import type { ChannelModel } from "amqplib";
import type { Log } from "../../ops/log.ts";
import { withoutPassword } from "../../ops/redact.ts";
import type {
  Broker,
  BrokerStatus,
  Consumer,
  Exchange,
  Followed,
  Follower,
  LogReader,
  LogReading,
  LogStart,
  Publisher,
} from "../broker.ts";
import { type Access, urlsAlone } from "./access.ts";
import { type Consuming, startConsumer } from "./consuming.ts";
import { type Following, startFollower, startOwnFollower } from "./following.ts";
import { defaultTiming, Link, type LinkTiming } from "./link.ts";
import { LogPosition } from "./log-position.ts";
import { LogReadings } from "./log-readings.ts";
import { Marks } from "./marks.ts";
import { Outage } from "./outage.ts";
import { openPublishChannel } from "./publish-channel.ts";
import { publishLink } from "./publish-link.ts";
import {
  declareDeadLetters,
  declareExchange,
  declareGroupQueue,
  declareLogStream,
  declareOwnQueue,
  exchanges,
  groupQueue,
  type LogRetention,
  tryLog,
} from "./topology.ts";
import type { Drop } from "./watch.ts";

export interface RabbitmqOptions {
  /** The nodes of one cluster. */
  readonly urls: readonly string[];
  /** Shown in RabbitMQ's management page. */
  readonly name: string;
  readonly log: Log;
  /** What the shared log keeps; `off` goes without one. */
  readonly logRetention: LogRetention | "off";
  /** Undefined: the URLs have all that is needed. */
  readonly access?: Access;
  readonly timing?: LinkTiming;
}

/**
 * RabbitMQ through amqplib, which only this folder imports.
 *
 * It publishes and consumes on separate connections: RabbitMQ stops reading from a connection that publishes when it
 * is short of memory or disk, and acknowledgements on the same connection would be stuck behind that. Dead letters have a
 * third: a full `wsmanager.dead` refuses them, and the outbox gives up a link that refuses.
 */
export class RabbitmqBroker implements Broker {
  readonly #options: RabbitmqOptions;
  readonly #publishers: { readonly exchange: Exchange; readonly publisher: Publisher }[] = [];
  readonly #consumers: Consuming[] = [];
  readonly #followers: Following[] = [];
  readonly #links: Link[] = [];
  readonly #readings = new LogReadings();
  /** Ends what a connection has opened; each runs once, when the connection is lost. */
  readonly #atLoss: Record<Purpose, (() => void)[]> = { publishing: [], "dead letters": [], consuming: [] };
  readonly #blockedWhy = new Map<Purpose, string>();
  #isClosed = false;
  #isAnnounced = false;

  constructor(options: RabbitmqOptions) {
    this.#options = options;
  }

  publish(exchange: Exchange, publisher: Publisher): void {
    this.#publishers.push({ exchange, publisher });
  }

  consume(group: string, prefetch: number, consumer: Consumer): void {
    this.#consumers.push({ group, prefetch, consumer, isStopped: false });
  }

  get hasLog(): boolean {
    return this.#options.logRetention !== "off";
  }

  follow(follower: Follower): Followed {
    const marks = new Marks((this.#options.timing ?? defaultTiming).markAgainAfterMs);
    this.#followers.push({ follower, position: new LogPosition(), marks });
    return { mark: (then) => marks.ask(then) };
  }

  read(start: LogStart, reader: LogReader): LogReading {
    return this.#readings.read(start, reader);
  }

  start(onFatal: (error: Error) => void): void {
    const { urls, name, log, access = urlsAlone, timing = defaultTiming } = this.#options;
    const outage = new Outage(log);
    const open = (what: Purpose, setUp: SetUp) => {
      const lost = () => {
        for (const end of this.#atLoss[what].splice(0)) end();
      };
      const opened = () => this.#announce();
      const link = new Link({
        name: `${name} ${what}`,
        urls,
        access,
        timing,
        log,
        outage,
        setUp,
        opened,
        lost,
        onFatal,
      });
      this.#links.push(link);
      link.start();
    };
    // A queue of dead letters that refuses ends its connection again and again, which must not delay answers.
    for (const purpose of ["publishing", "dead letters"] as const) {
      if (this.#publishersOn(purpose).length > 0)
        open(purpose, (connection, drop) => this.#setUpPublishing(purpose, connection, drop));
    }
    if (this.#consumers.length + this.#followers.length > 0) {
      open("consuming", (connection, drop) => this.#setUpConsuming(connection, drop));
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
    for (const why of this.#blockedWhy.values()) return { state: "blocked", why };
    return { state: "ready" };
  }

  settle(): Promise<void> {
    return Promise.resolve();
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    // amqplib writes the frames of several channels in turns: the farewell would overtake acknowledgements.
    const { closeTimeoutMs } = this.#options.timing ?? defaultTiming;
    const settled = Promise.allSettled(this.#consumers.map((consuming) => consuming.settled?.()));
    await Promise.race([settled, Bun.sleep(closeTimeoutMs)]);
    await Promise.all(this.#links.map((link) => link.close()));
  }

  /** Says once that everything is in force; later losses and returns are the links' to tell. */
  #announce(): void {
    if (this.#isAnnounced || this.status().state !== "ready") return;
    this.#isAnnounced = true;
    this.#options.log.info("connected to RabbitMQ", {
      broker: this.#options.urls.map(withoutPassword).join(","),
    });
  }

  #publishersOn(purpose: Purpose): readonly { readonly exchange: Exchange; readonly publisher: Publisher }[] {
    const isForDead = purpose === "dead letters";
    return this.#publishers.filter(({ exchange }) => (exchange === exchanges.dead) === isForDead);
  }

  async #setUpPublishing(purpose: Purpose, connection: ChannelModel, drop: Drop): Promise<void> {
    const atLoss = this.#atLoss[purpose];
    const publishers = this.#publishersOn(purpose);
    connection.on("blocked", (reason: string) => {
      this.#blockedWhy.set(purpose, `RabbitMQ does not take messages: ${reason}`);
      this.#options.log.warn("broker blocks publishing", { reason });
      for (const { publisher } of publishers) publisher.blocked(true);
    });
    connection.on("unblocked", () => {
      this.#blockedWhy.delete(purpose);
      this.#options.log.info("broker takes messages again");
      for (const { publisher } of publishers) publisher.blocked(false);
    });
    atLoss.push(() => {
      this.#blockedWhy.delete(purpose);
    });
    if (this.hasLog && purpose === "publishing") await tryLog(connection);
    for (const { exchange, publisher } of publishers) {
      if (exchange === exchanges.dead) await declareDeadLetters(connection, this.#options.log);
      else await declareExchange(connection, exchange);
      await openPublishChannel(connection, publisher, atLoss, drop, (channel, atEnd) =>
        publishLink(connection, channel, exchange, atEnd, drop),
      );
    }
  }

  async #setUpConsuming(connection: ChannelModel, drop: Drop): Promise<void> {
    const consumers = this.#consumers.filter(({ isStopped }) => !isStopped);
    for (const { group } of consumers) await declareGroupQueue(connection, group, this.#options.log);
    await this.#setUpFollowing(connection, drop);
    for (const consuming of consumers)
      await startConsumer(connection, groupQueue(consuming.group), consuming, this.#atLoss.consuming, drop);
  }

  async #setUpFollowing(connection: ChannelModel, drop: Drop): Promise<void> {
    const { log, logRetention, timing = defaultTiming } = this.#options;
    const { markAfterMs } = timing;
    const atLoss = this.#atLoss.consuming;
    if (this.#followers.length === 0) return;
    if (logRetention === "off") {
      for (const { follower } of this.#followers)
        await startOwnFollower(connection, await declareOwnQueue(connection), follower, drop);
      return;
    }
    await declareLogStream(connection, logRetention, log);
    for (const following of this.#followers)
      await startFollower(connection, following, markAfterMs, atLoss, drop);
    this.#readings.opened(connection);
    atLoss.push(() => this.#readings.closed());
  }
}

/** What a connection is for, as the logs and RabbitMQ's management page show it. */
type Purpose = "publishing" | "dead letters" | "consuming";
type SetUp = (connection: ChannelModel, drop: Drop) => Promise<void>;
