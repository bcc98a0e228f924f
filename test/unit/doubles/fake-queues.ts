import type { QueueDepth, QueueInspector } from "../../../src/broker/rabbitmq/topology/queue-inspector.ts";

/** Queues in a RabbitMQ that is asked about them. */
export class FakeQueues implements QueueInspector {
  /** Those that refuse what they are asked. */
  readonly refusing = new Set<string>();
  /** Those that do not answer what they are asked, and what answers for them. */
  readonly silent = new Map<string, PromiseWithResolvers<boolean>>();
  /** The queues that were asked by a message, in order. */
  readonly tried: string[] = [];
  readonly #depths = new Map<string, QueueDepth>();

  get names(): string[] {
    return [...this.#depths.keys()];
  }

  set(queue: string, messages: number, consumers: number): void {
    this.#depths.set(queue, { queue, messages, consumers });
  }

  all(): readonly QueueDepth[] {
    return [...this.#depths.values()];
  }

  depths(queues: readonly string[]): Promise<readonly QueueDepth[]> {
    return Promise.resolve(this.all().filter(({ queue }) => queues.includes(queue)));
  }

  refuses(queue: string): Promise<boolean> {
    this.tried.push(queue);
    return this.silent.get(queue)?.promise ?? Promise.resolve(this.refusing.has(queue));
  }
}
