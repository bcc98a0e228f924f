import type { ChannelModel } from "amqplib";
import type { Logger } from "../../../ops/logger.ts";
import type { Exchange } from "../../broker.ts";
import type { Needed } from "../frames/check-frames.ts";
import { declareAtOnce } from "./at-once.ts";
import type { Declarations } from "./declarations.ts";
import { Declaring } from "./declaring.ts";
import { exchanges } from "./exchanges.ts";
import { LiveGroups } from "./live-groups.ts";
import { OneAlone } from "./one-alone.ts";
import {
  bindGroupQueue,
  declareLogStream,
  declareTopology,
  groupQueue,
  type LogRetention,
  neededBy,
  type Topology,
} from "./topology.ts";

/** The options that decide which exchanges and queues exist. */
export interface LayoutOptions {
  readonly logger: Logger;
  /** What the log keeps; `off`: there is no log. */
  readonly logRetention: LogRetention | "off";
  /** What a new queue of a group, or of dead letters, may hold. In bytes. */
  readonly queueBytesMax: number;
  /** How long something that has gone stays missing before it is declared again, in milliseconds. */
  readonly missedForMs: number;
  /** Called when a group of another process has lost its queue. */
  onGone(group: string): void;
}

/** If more than so many things are missing one after another, all are declared step by step. */
const mendedMax = 3;

/** Everything that this process relies on in RabbitMQ, as far as it is known now. */
export class Layout {
  readonly #options: LayoutOptions;
  readonly #known = new Set<string>();
  readonly #needed = new Map<Exchange, { readonly key: string; readonly needed: Needed }>();
  #lastDeclared: Promise<void> = Promise.resolve();
  /** This process's groups. */
  readonly ownGroups: string[] = [];
  /** The groups of other processes, as managers hear of them. */
  readonly liveGroups: LiveGroups;
  /** Whether nothing of Warren's existed when it was first looked for, so that nobody can have published to it. */
  #isNew = false;

  constructor(options: LayoutOptions) {
    this.#options = options;
    this.liveGroups = new LiveGroups((group) => options.onGone(group));
  }

  /** Everything is declared and attached. Others may publish from now on, so something that is missing later has gone. */
  allDeclared(): void {
    this.#isNew = false;
  }

  /**
   * Declares something: at once if all that it relies on exists; after what is missing was missed and declared; or step by step if RabbitMQ
   * is new, or says no for another reason.
   */
  async declare(
    connection: ChannelModel,
    declare: (declarations: Declarations) => Promise<void>,
  ): Promise<void> {
    let answer = await declareAtOnce(connection, this.#known, declare);
    if (answer.is === "done") return;
    const declaring = await this.#declaringOn(connection);
    for (let one = 0; one < mendedMax && answer.missing !== undefined && !this.#isNew; one++) {
      await declare(new OneAlone(answer.missing, declaring));
      answer = await declareAtOnce(connection, this.#known, declare);
      if (answer.is === "done") return await declaring.done();
    }
    await declare(declaring);
    await declaring.done();
  }

  async #declaringOn(connection: ChannelModel): Promise<Declaring> {
    const declaring = new Declaring(connection, {
      logger: this.#options.logger,
      known: this.#known,
      oneAtATime: (declare) => {
        const declared = this.#lastDeclared.then(declare);
        this.#lastDeclared = declared.catch(() => undefined);
        return declared;
      },
      missedForMs: () => (this.#isNew ? 0 : this.#options.missedForMs),
    });
    const { fromClients, toClients } = exchanges;
    if (!(await declaring.hasExchange(fromClients)) && !(await declaring.hasExchange(toClients)))
      this.#isNew = true;
    return declaring;
  }

  /** Declares everything that publishing to these exchanges relies on. */
  async declareFor(publishedTo: readonly Exchange[], connection: ChannelModel): Promise<void> {
    const isForDead = publishedTo.every((exchange) => exchange === exchanges.dead);
    const topology: Topology = {
      publishedTo,
      log: isForDead ? "off" : this.#options.logRetention,
      groups: isForDead ? [] : this.#groups(publishedTo),
      queueBytesMax: this.#options.queueBytesMax,
    };
    await this.declare(connection, (declarations) => declareTopology(declarations, topology));
    if (publishedTo.includes(exchanges.fromClients)) await this.#bindAbandoned(connection);
  }

  /** Binds the queues of abandoned groups, as far as they exist. */
  async #bindAbandoned(connection: ChannelModel): Promise<void> {
    const { abandoned } = this.liveGroups;
    if (abandoned.length === 0) return;
    const declaring = await this.#declaringOn(connection);
    for (const group of abandoned)
      if (!(await bindGroupQueue(declaring, group))) this.liveGroups.removed(group);
    await declaring.done();
  }

  /** Declares the log, if there is to be one. */
  async declareLog(connection: ChannelModel): Promise<void> {
    const { logRetention } = this.#options;
    if (logRetention === "off") return;
    await this.declare(connection, (declarations) => declareLogStream(declarations, logRetention));
  }

  /** What has to exist so that a publish to this exchange reaches everybody: the same object as long as nothing changes. */
  needed(exchange: Exchange): Needed {
    const groups = this.#groups([exchange]);
    const key = groups.join(" ");
    const known = this.#needed.get(exchange);
    if (known?.key === key) return known.needed;
    const { logger, logRetention } = this.#options;
    logger.debug("publishing relies on groups", { exchange, groups });
    const needed = neededBy(exchange, { log: logRetention, groups });
    this.#needed.set(exchange, { key, needed });
    return needed;
  }

  /**
   * The queues that may be full when RabbitMQ refuses what is published to this exchange, including those that nobody consumes.
   *
   * @param inLedger all groups that were ever recorded
   */
  mayBeFull(exchange: Exchange, inLedger: readonly string[]): readonly string[] {
    const { queues } = this.needed(exchange);
    if (exchange !== exchanges.fromClients) return queues;
    const others = [...this.liveGroups.abandoned, ...inLedger].map(groupQueue);
    return [...new Set([...queues, ...others])];
  }

  #groups(publishedTo: readonly Exchange[]): readonly string[] {
    if (!publishedTo.includes(exchanges.fromClients)) return this.ownGroups;
    return [...new Set([...this.ownGroups, ...this.liveGroups.live()])];
  }
}
