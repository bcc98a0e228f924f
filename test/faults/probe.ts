import { connect } from "amqplib";
import { until } from "../support/wait.ts";
import { keyOf, type MessageKey } from "./ledger.ts";

/** A queue that shows what has reached RabbitMQ on an exchange. */
export class Probe {
  readonly #url: string;
  readonly #queue: string;

  private constructor(url: string, queue: string) {
    this.#url = url;
    this.#queue = queue;
  }

  static async bind(url: string, exchange: string): Promise<Probe> {
    const queue = `probe.${exchange}`;
    await onChannel(url, async (channel) => {
      await channel.assertExchange(exchange, "fanout", { durable: true });
      await channel.assertQueue(queue, { durable: true });
      await channel.bindQueue(queue, exchange, "");
    });
    return new Probe(url, queue);
  }

  /** Uses a queue that exists already. */
  static of(url: string, queue: string): Probe {
    return new Probe(url, queue);
  }

  /** Consumes everything that is in it. */
  async take(): Promise<MessageKey[]> {
    const keys: MessageKey[] = [];
    await onChannel(this.#url, async (channel) => {
      for (;;) {
        const message = await channel.get(this.#queue, { noAck: true });
        if (message === false) return;
        const key = keyOf(message.content.toString());
        if (key !== undefined) keys.push(key);
      }
    });
    return keys;
  }
}

export type Channel = Awaited<ReturnType<Awaited<ReturnType<typeof connect>>["createChannel"]>>;

/**
 * Does something like another program, on a connection of its own.
 *
 * @param patienceMs how long it tries to connect, in milliseconds. The action is done once
 */
export async function onChannel<T>(
  url: string,
  act: (channel: Channel) => Promise<T>,
  patienceMs?: number,
): Promise<T> {
  const connection = await (patienceMs === undefined
    ? connect(url)
    : until(() => connect(url), "RabbitMQ to accept a connection", patienceMs));
  // The call that failed rejects with the reason.
  connection.on("error", () => undefined);
  try {
    return await act(await connection.createChannel());
  } finally {
    await connection.close().catch(() => undefined);
  }
}
