import { type ChannelModel, type ConsumeMessage, connect } from "amqplib";
import type { ClientEvent } from "../../src/events/event.ts";
import { until } from "../support/wait.ts";

const queue = "events-book";
const againAfterMs = 200;
/** How long after the last client has gone everybody must have been told of: longer than a frozen manager is waited for. */
const settleMs = 30_000;

/** A program that keeps a book of who is connected, as it is told on `wsmanager.events`. */
export class EventsBook implements AsyncDisposable {
  readonly #urls: readonly string[];
  /** By connection, how often it was told to be at its end. */
  readonly #ends = new Map<string, number>();
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

  /** Connections that are open, as far as was told. */
  get open(): number {
    let count = 0;
    for (const ends of this.#ends.values()) if (ends === 0) count++;
    return count;
  }

  /** What must not be, now that all clients have gone. */
  async findings(): Promise<readonly string[]> {
    const nobody = await until(() => this.open === 0, "everybody to be told of", settleMs).then(
      () => true,
      () => false,
    );
    return nobody ? this.#faults : [...this.#faults, `${this.open} of ${this.connected} never ended`];
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
        // RabbitMQ is what the scenarios kill.
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
    const { event, connection, reason = "" } = JSON.parse(message.content.toString()) as ClientEvent;
    const ends = this.#ends.get(connection);
    // RabbitMQ gives again what this program had read, and had no time to acknowledge.
    if (message.fields.redelivered && ends !== undefined && (event === "connected" || ends > 0)) return;
    if (event === "connected") {
      this.connected++;
      if (ends !== undefined) this.#faults.push(`${connection} connected again`);
      else this.#ends.set(connection, 0);
      return;
    }
    // RabbitMQ brings what was not confirmed when a node died to some queues and not to others: this one may have missed the beginning.
    if ((ends ?? 0) > 0) this.#faults.push(`${connection} ended ${(ends ?? 0) + 1} times (${reason})`);
    this.#ends.set(connection, (ends ?? 0) + 1);
  }
}
