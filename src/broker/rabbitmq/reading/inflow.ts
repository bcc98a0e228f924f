import { repliesQueue } from "../../../requests.ts";
import type { Consumer, Follower } from "../../broker.ts";
import type { OnLeft } from "../../leavers.ts";
import type { Life } from "../connection/life.ts";
import { declareEventsQueue } from "../events/events-topology.ts";
import type { Declaring } from "../topology/declaring.ts";
import type { Layout } from "../topology/layout.ts";
import { hearLeft } from "../topology/leaving.ts";
import {
  declareGroupQueue,
  declareLogStream,
  declareOwnQueue,
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
    const declare = (declaring: Declaring) => declareGroupQueue(declaring, group, this.#queueBytesMax);
    this.#consumers.push(new Consuming({ queue, declare, prefetch, consumer, cancelled }));
    this.#layout.ownGroups.push(group);
  }

  /** @param group a name from `eventsGroup` */
  attachEventConsumer(group: string, keys: readonly string[], prefetch: number, consumer: Consumer): void {
    const queue = groupQueue(group);
    const declare = (declaring: Declaring) => declareEventsQueue(declaring, group, keys, this.#queueBytesMax);
    this.#consumers.push(new Consuming({ queue, declare, prefetch, consumer, cancelled: () => undefined }));
  }

  attachReplyConsumer(prefetch: number, consumer: Consumer): void {
    const declare = (declaring: Declaring) => declareReplies(declaring, this.#queueBytesMax);
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
    const declaring = await this.#layout.declaringOn(life.connection);
    for (const { options } of consumers) await options.declare(declaring);
    await this.#setUpFollowing(life, declaring);
    if (this.onLeft !== undefined) await hearLeft(life, declaring, this.onLeft);
    await declaring.done();
    for (const consuming of consumers) await consuming.start(life);
  }

  /** Each resolves when RabbitMQ has read the acknowledgements so far. */
  settled(): readonly Promise<void>[] {
    return this.#consumers.map((consuming) => consuming.settled());
  }

  async #setUpFollowing(life: Life, declaring: Declaring): Promise<void> {
    if (this.#followers.length === 0) return;
    if (this.#logRetention === "off") {
      const followers: readonly Follower[] = this.#followers.map(({ options }) => options.follower);
      for (const follower of followers)
        await followOwnQueue(life, await declareOwnQueue(declaring), follower);
      return;
    }
    await declareLogStream(declaring, this.#logRetention);
    for (const following of this.#followers) await following.start(life);
    this.#layout.liveGroups.opened();
    this.readings.opened(life.connection);
    life.onLoss(() => this.readings.closed());
  }
}
