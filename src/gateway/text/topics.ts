import { nowhere, type Route } from "../fan-out/audiences.ts";

/**
 * A topic that plain-text clients are on, and how many. Clients hold on to theirs, so that the hot path looks nothing
 * up: the STOMP subscriptions that match it are kept here too, as of a generation of `Audiences`.
 */
export interface Topic {
  readonly name: string;
  /** The name by which Bun.serve knows it. */
  readonly key: string;
  clientCount: number;
  /** Those of them that hear it. */
  listenerCount: number;
  /** Absent where it is large: then it is looked up. */
  route: Route | undefined;
  routeGeneration: number;
}

/** The topics that have plain-text clients. */
export class Topics {
  readonly #topics = new Map<string, Topic>();

  get count(): number {
    return this.#topics.size;
  }

  find(name: string): Topic | undefined {
    return this.#topics.get(name);
  }

  /** @param listens whether the client hears what is said there, or only speaks */
  join(name: string, listens = true): Topic {
    let topic = this.#topics.get(name);
    if (topic === undefined) {
      topic = {
        name,
        key: `text:${name}`,
        clientCount: 0,
        listenerCount: 0,
        route: nowhere,
        routeGeneration: -1,
      };
      this.#topics.set(name, topic);
    }
    topic.clientCount++;
    if (listens) topic.listenerCount++;
    return topic;
  }

  leave(topic: Topic, listens = true): void {
    topic.clientCount--;
    if (listens) topic.listenerCount--;
    if (topic.clientCount === 0) this.#topics.delete(topic.name);
  }
}
