import { repliesQueue } from "../../../requests.ts";
import type { Consumer, Follower } from "../../broker.ts";
import type { OnLeft } from "../../leavers.ts";
import type { Life } from "../connection/life.ts";
import { declareEventsQueue, keepEventsQueue } from "../events/events-topology.ts";
import type { Declarations } from "../topology/declarations.ts";
import { declareExchange, exchanges } from "../topology/exchanges.ts";
import type { Layout } from "../topology/layout.ts";
import { declareLeft, hearLeft } from "../topology/leaving.ts";
import {
  declareGroupQueue,
  declareLogStream,
  declareReplies,
  groupQueue,
  type LogRetention,
} from "../topology/topology.ts";
import { Consuming } from "./consuming.ts";
import { Following, type FollowingOptions, followOwnQueue } from "./following.ts";
import { LogReadings } from "./log-readings.ts";

/** Everything that comes from RabbitMQ over the consuming connection: groups' queues, answers of other programs, and the log. */
export class Inflow {
  readonly #layout: Layout;
  readonly #logRetention: LogRetention | "off";
  readonly #queueBytesMax: number;
  readonly #consumers: Consuming[] = [];
  readonly #followers: Following[] = [];
  /** What else is kept up over each connection. */
  readonly #kept: ((life: Life) => Promise<void>)[] = [];
  /** Called for clients that asked requests and have disconnected; undefined: not wanted here. */
  onLeft: OnLeft | undefined;
  readonly readings = new LogReadings(() => this.#followers.every(({ position }) => position.isSure));

  constructor(layout: Layout, logRetention: LogRetention | "off", queueBytesMax: number) {
    this.#layout = layout;
    this.#logRetention = logRetention;
    this.#queueBytesMax = queueBytesMax;
  }

  /** @param cancelled called when the group's queue has gone */
  attachConsumer(group: string, prefetch: number, consumer: Consumer, cancelled: () => void): void {
    const queue = groupQueue(group);
    const declare = (declaring: Declarations) => declareGroupQueue(declaring, group, this.#queueBytesMax);
    this.#consumers.push(new Consuming({ queue, declare, prefetch, consumer, cancelled }));
    this.#layout.ownGroups.push(group);
  }

  /** @param group a name from `eventsGroup` */
  attachEventConsumer(group: string, keys: readonly string[], prefetch: number, consumer: Consumer): void {
    const queue = groupQueue(group);
    const declare = (declaring: Declarations) =>
      declareEventsQueue(declaring, group, keys, this.#queueBytesMax);
    this.#consumers.push(new Consuming({ queue, declare, prefetch, consumer, cancelled: () => undefined }));
    this.#kept.push((life) => keepEventsQueue(life, group, keys));
  }

  attachReplyConsumer(prefetch: number, consumer: Consumer): void {
    const declare = (declaring: Declarations) => declareReplies(declaring, this.#queueBytesMax);
    const cancelled = () => undefined;
    this.#consumers.push(new Consuming({ queue: repliesQueue, declare, prefetch, consumer, cancelled }));
  }

  attachFollower(options: FollowingOptions): void {
    this.#followers.push(new Following(options));
  }

  get followers(): readonly Following[] {
    return this.#followers;
  }

  get isEmpty(): boolean {
    return this.#consumers.length + this.#followers.length === 0;
  }

  queuedIn(group: string): number | undefined {
    return this.#consumers.find(({ options }) => options.queue === groupQueue(group))?.queued;
  }

  async setUp(life: Life): Promise<void> {
    const consumers = this.#consumers.filter(({ isStopped }) => !isStopped);
    await this.#layout.declare(life.connection, async (declaring) => {
      for (const { options } of consumers) await options.declare(declaring);
      await this.#declareFollowed(declaring);
      if (this.onLeft !== undefined) await declareLeft(declaring);
    });
    await Promise.all([
      this.#setUpFollowing(life),
      this.onLeft === undefined ? undefined : hearLeft(life, this.onLeft),
      ...consumers.map((consuming) => consuming.start(life)),
      ...this.#kept.map((keep) => keep(life)),
    ]);
  }

  /** Each resolves when RabbitMQ has read the acknowledgements so far. */
  settled(): readonly Promise<void>[] {
    return this.#consumers.map((consuming) => consuming.settled());
  }

  async #declareFollowed(declaring: Declarations): Promise<void> {
    if (this.#followers.length === 0) return;
    if (this.#logRetention === "off") {
      await declareExchange(declaring, exchanges.fromClients);
      await declareExchange(declaring, exchanges.toClients);
    } else await declareLogStream(declaring, this.#logRetention);
  }

  async #setUpFollowing(life: Life): Promise<void> {
    if (this.#followers.length === 0) return;
    if (this.#logRetention === "off") {
      const followers: readonly Follower[] = this.#followers.map(({ options }) => options.follower);
      await Promise.all(followers.map((follower) => followOwnQueue(life, follower)));
      return;
    }
    for (const following of this.#followers) await following.start(life);
    this.#layout.liveGroups.opened();
    this.readings.opened(life.connection);
    life.onLoss(() => this.readings.closed());
  }
}
