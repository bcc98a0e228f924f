import { type ChannelModel, type ConsumeMessage, connect } from "amqplib";
import type { ClientEvent } from "../../src/events/event.ts";
import { until } from "../support/wait.ts";

const queue = "events-book";
const againAfterMs = 200;
/** Within this time after the last disconnect all events must have come. It is longer than a frozen manager is waited for. */
const settleMs = 30_000;
/** How many connections that never ended are described. */
const describedMax = 3;

/** The events of one connection. */
interface Entry {
  readonly client: string;
  readonly manager: string;
  /** When what was told of it, by the clock of the manager that says so. */
  readonly told: string[];
  /** How many `disconnected` events it has had. */
  ends: number;
  /** When it ended, by the clock of the manager that says so, in milliseconds since 1970. */
  endedAt: number;
}

/** A program that tracks the connected clients by the events on `wsmanager.events`. */
export class EventsBook implements AsyncDisposable {
  readonly #urls: readonly string[];
  readonly #entries = new Map<string, Entry>();
  readonly #faults: string[] = [];
  readonly #reading: Promise<void>;
  #connection: ChannelModel | undefined;
  #isClosed = false;
  connected = 0;

  /** @param urls of the vhost, one for each node */
  constructor(urls: readonly string[]) {
    this.#urls = urls;
    this.#reading = this.#read();
  }

  /** How many connections are open, according to the events. */
  get open(): number {
    return this.#count(({ ends }) => ends === 0);
  }

  /** The same for one manager. */
  openOn(manager: string): number {
    return this.#count((entry) => entry.manager === manager && entry.ends === 0);
  }

  /** Connections to one manager that have ended. */
  endedOn(manager: string): number {
    return this.#count((entry) => entry.manager === manager && entry.ends > 0);
  }

  /** How many of a manager's clients left in the busiest second, by its own clock. */
  mostEndsInASecond(manager: string): number {
    const times = [...this.#entries.values()]
      .filter((entry) => entry.manager === manager && entry.ends > 0)
      .map(({ endedAt }) => endedAt)
      .sort((one, other) => one - other);
    let first = 0;
    let most = 0;
    for (const [last, at] of times.entries()) {
      while (times[first]! <= at - 1000) first++;
      most = Math.max(most, last - first + 1);
    }
    return most;
  }

  /** How many connections each client has had whose id has this prefix. */
  connectionsOf(prefix: string): ReadonlyMap<string, { connections: number; ended: number }> {
    const found = new Map<string, { connections: number; ended: number }>();
    for (const { client, ends } of this.#entries.values()) {
      if (!client.startsWith(prefix)) continue;
      const { connections, ended } = found.get(client) ?? { connections: 0, ended: 0 };
      found.set(client, { connections: connections + 1, ended: ended + (ends > 0 ? 1 : 0) });
    }
    return found;
  }

  #count(fits: (entry: Entry) => boolean): number {
    let count = 0;
    for (const entry of this.#entries.values()) if (fits(entry)) count++;
    return count;
  }

  /** Call it when all clients have gone. Returns the faults. */
  async findings(): Promise<readonly string[]> {
    const nobody = await until(() => this.open === 0, "everybody to be told of", settleMs).then(
      () => true,
      () => false,
    );
    return nobody
      ? this.#faults
      : [...this.#faults, `${this.open} of ${this.connected} never ended: ${this.#openOnes()}`];
  }

  /** The open connections, with all that was told of their clients. */
  #openOnes(): string {
    const entries = [...this.#entries];
    const open = entries.filter(([, { ends }]) => ends === 0).slice(0, describedMax);
    const story = ([connection, { client, told }]: [string, Entry]) => {
      const others = entries.filter(([, other]) => other.client === client).length - 1;
      return `${connection} of ${client} (${told.join(", ")}; ${others} other connections of this client)`;
    };
    return open.map(story).join("; ");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isClosed = true;
    // RabbitMQ may have gone first.
    await this.#connection?.close().catch(() => undefined);
    await this.#reading;
  }

  async #read(): Promise<void> {
    for (let attempt = 0; !this.#isClosed; attempt++) {
      try {
        await this.#live(this.#urls[attempt % this.#urls.length]!);
      } catch {
        // The scenarios kill RabbitMQ.
      }
      if (!this.#isClosed) await Bun.sleep(againAfterMs);
    }
  }

  async #live(url: string): Promise<void> {
    const connection = await connect(url);
    this.#connection = connection;
    const { promise: lost, resolve } = Promise.withResolvers<void>();
    connection.on("error", () => resolve());
    connection.on("close", () => resolve());
    const channel = await connection.createChannel();
    channel.on("error", () => resolve());
    await channel.assertExchange("wsmanager.events", "topic", { durable: true });
    await channel.assertQueue(queue, { durable: true, arguments: { "x-queue-type": "quorum" } });
    for (const key of ["client.connected", "client.disconnected"])
      await channel.bindQueue(queue, "wsmanager.events", key);
    await channel.consume(queue, (message) => {
      if (message === null) resolve();
      else this.#note(message);
      if (message !== null) channel.ack(message);
    });
    await lost;
  }

  #note(message: ConsumeMessage): void {
    const said = JSON.parse(message.content.toString()) as ClientEvent;
    const { event, client, connection, manager, at, reason = "" } = said;
    const entry = this.#entries.get(connection);
    // RabbitMQ redelivers what this program had not acknowledged.
    if (message.fields.redelivered && entry !== undefined && (event === "connected" || entry.ends > 0))
      return;
    const told = entry?.told ?? [];
    told.push(`${event} ${new Date(at).toISOString()}`);
    if (event === "connected") {
      this.connected++;
      if (entry !== undefined) this.#faults.push(`${connection} connected again`);
      else this.#entries.set(connection, { client, manager, told, ends: 0, endedAt: 0 });
      return;
    }
    // RabbitMQ brings what was not confirmed when a node died to some queues and not to others: this one may have missed the beginning.
    const { ends } = entry ?? { ends: 0 };
    if (ends > 0) this.#faults.push(`${connection} ended ${ends + 1} times (${reason})`);
    this.#entries.set(connection, { client, manager, told, ends: ends + 1, endedAt: at });
  }
}
