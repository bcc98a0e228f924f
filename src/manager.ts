import type { Broker } from "./broker/broker.ts";
import { Feed } from "./broker/feed.ts";
import { Outbox } from "./broker/outbox.ts";
import { outboxMetrics } from "./broker/outbox-metrics.ts";
import { Gateway } from "./gateway/gateway.ts";
import { readinessOf } from "./ops/health.ts";
import type { Log } from "./ops/log.ts";
import type { MessageLog } from "./ops/message-log.ts";
import { type Metric, processMetrics } from "./ops/metrics.ts";
import type { Options } from "./options/table.ts";

export type ManagerOptions = Pick<
  Options,
  "host" | "port" | "packed" | "maxMessageBytes" | "clientBufferBytes" | "outboxMaxBytes" | "stopTimeout"
>;

/**
 * The manager: gateway → outbox → broker, and broker → feed → gateway.
 *
 * Its clients hear one another at once, whatever the broker is doing.
 */
export class Manager {
  readonly #options: ManagerOptions;
  readonly #log: Log;
  readonly #outbox: Outbox;
  readonly #gateway: Gateway;
  #isStopping = false;

  /** @param id unique to this process: other managers tell its messages from theirs by it */
  constructor(id: string, options: ManagerOptions, broker: Broker, log: Log, messageLog: MessageLog) {
    this.#options = options;
    this.#log = log;
    const outbox = new Outbox(id, options.packed, { bytesMax: options.outboxMaxBytes });
    const gateway = new Gateway({
      ...options,
      readiness: () => readinessOf(broker.status(), this.#isStopping, outbox.isFull),
      metrics: [...outboxMetrics(outbox), ...brokerMetrics(broker), ...processMetrics],
      onMessage(body, client) {
        outbox.append({ body, topic: client.topic.name, clientId: client.id });
        if (messageLog.wants())
          messageLog.print("client sent", body, { client: client.id, topic: client.topic.name });
        return !outbox.isFull;
      },
    });
    outbox.onRelieved = () => gateway.relieve();
    broker.publish("wsmanager", outbox);
    broker.follow(new Feed(id, gateway, log, messageLog));
    this.#outbox = outbox;
    this.#gateway = gateway;
  }

  /**
   * Starts to serve clients, whether the broker is there or not.
   *
   * @throws FatalError if it cannot listen
   */
  listen(): URL {
    return this.#gateway.listen();
  }

  /** Stops taking messages in and waits until the broker has confirmed those it took. True if all are. */
  async drain(): Promise<boolean> {
    this.#isStopping = true;
    this.#gateway.stopReading();
    const isDrained = await this.#outbox.drain(this.#options.stopTimeout);
    if (!isDrained) {
      this.#log.error("stopped before the broker confirmed everything", { bytesLost: this.#outbox.bytes });
    }
    return isDrained;
  }

  /** Closes the clients and the port. After `drain`. */
  async close(): Promise<void> {
    await this.#gateway.close();
    this.#outbox.close();
  }
}

function brokerMetrics(broker: Broker): readonly Metric[] {
  return [
    {
      name: "warren_broker_connected",
      type: "gauge",
      help: "1 if the broker is connected and takes messages.",
      read: () => (broker.status().state === "ready" ? 1 : 0),
    },
  ];
}
