import type { Logger } from "../../../ops/logger.ts";
import type { Exchange, Publisher } from "../../broker.ts";
import type { Connections, Purpose } from "../connection/connections.ts";
import type { Haste } from "../connection/haste.ts";
import type { LinkTiming } from "../connection/link-timing.ts";
import type { Layout } from "../topology/layout.ts";
import { groupQueue } from "../topology/topology.ts";
import { Announcing } from "./announcing.ts";
import { type Publishing, PublishingConnection } from "./publishing.ts";

/** The options for publishing. */
export interface OutflowOptions {
  /** This process's name. */
  readonly name: string;
  readonly logger: Logger;
  readonly layout: Layout;
  /** Whether there is a log. */
  readonly hasLog: boolean;
  /** Whether other programs get plain copies of what Warren's roles send one another. */
  readonly hasCopies: boolean;
  readonly timing: LinkTiming;
  /** Is told of each write. */
  readonly haste: Haste;
  /** All processor groups that were ever recorded, whether or not anybody consumes them. */
  groupsInLedger(): readonly string[];
}

/**
 * Publishes to RabbitMQ. Each exchange has a publishing connection of its own. A full `wsmanager.dead` refuses dead letters, and the outbox
 * gives up a link that refuses; and when RabbitMQ closes a connection over a message, only one publisher can have sent it.
 */
export class Outflow {
  readonly #options: OutflowOptions;
  readonly #publishings: Publishing[] = [];
  readonly #connections: PublishingConnection[] = [];
  #announcing: Announcing | undefined;

  constructor(options: OutflowOptions) {
    this.#options = options;
  }

  /** Attaches a publisher. Call it before `open`. */
  attachPublisher(exchange: Exchange, publisher: Publisher): void {
    this.#publishings.push({ exchange, publisher });
  }

  /** How many messages of all publishers wait for RabbitMQ. */
  get waitingCount(): number {
    return this.#publishings.reduce((sum, { publisher }) => sum + publisher.waitingCount, 0);
  }

  /** For each connection, why RabbitMQ takes no messages; undefined if it does. */
  get blockedWhys(): readonly (string | undefined)[] {
    return this.#connections.map(({ blockedWhy }) => blockedWhy);
  }

  /** The queues that are full, so that publishing waits for them. */
  get fullQueues(): readonly string[] {
    return this.#connections.flatMap(({ fullQueue }) => fullQueue ?? []);
  }

  /** Opens a connection for each exchange that has publishers. The first of them announces this process's groups. */
  open(connections: Connections): void {
    const { name, layout, hasLog } = this.#options;
    if (hasLog && layout.ownGroups.length > 0) this.#announcing = new Announcing(name, layout.ownGroups);
    let announcing = this.#announcing;
    for (const purpose of ["publishing", "answers", "dead letters"] as const) {
      const publishings = this.#publishings.filter(({ exchange }) => purposeOf[exchange] === purpose);
      if (publishings.length === 0) continue;
      const connection = new PublishingConnection({
        ...this.#options,
        publishings,
        announcing: purpose === "dead letters" ? undefined : announcing,
      });
      announcing = undefined;
      this.#connections.push(connection);
      connections.open(purpose, (life) => connection.setUp(life));
    }
  }

  /** A queue is missing. What is on its way to it is published again. */
  missed(queue: string): void {
    for (const connection of this.#connections) connection.missed(queue);
  }

  /**
   * The queue of a group of this process has gone. The other processes are told first, over a connection that is then given up.
   */
  async groupGone(group: string): Promise<void> {
    const told = this.#announcing?.gone(group).catch(() => undefined);
    await Promise.race([told, Bun.sleep(this.#options.timing.missedForMs / 2)]);
    this.missed(groupQueue(group));
  }
}

const purposeOf: Record<Exchange, Purpose> = {
  wsmanager: "publishing",
  towsmanager: "answers",
  "wsmanager.dead": "dead letters",
};
