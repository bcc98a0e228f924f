import type { Body, Message, OutgoingMessage } from "../../message.ts";
import { messageTail, type TailOptions, withHead } from "../stomp/message-frame.ts";
import { type Topic, Topics } from "../text/topics.ts";
import { Audiences, type Route } from "./audiences.ts";

/** What a relayed message needs besides its body. */
export type Relayed = Pick<OutgoingMessage, "body" | "topic" | "headers" | "clientId" | "timestamp">;

/** Sends to all clients that subscribe to a key. */
export interface Outlet {
  publish(key: string, body: Body): void;
}

/**
 * From a topic to its clients, always by Bun's native publish: plain-text clients get the body, and STOMP clients a MESSAGE
 * frame, which is made once for each subscription id in use, never for each client.
 */
export class Relay {
  /** Plain-text clients. */
  readonly topics = new Topics();
  /** STOMP clients' subscriptions. */
  readonly audiences = new Audiences();
  #outlet: Outlet | undefined;

  /** Messages that clients sent. Protocols count them here. */
  receivedCount = 0;
  /** Messages sent to clients: one to a thousand clients counts a thousand. */
  deliveredCount = 0;

  serveBy(outlet: Outlet): void {
    this.#outlet = outlet;
  }

  /** To every client of the message's topic. */
  toAll(message: Relayed, id: string): void {
    const topic = this.topics.find(message.topic);
    if (topic !== undefined) {
      this.#outlet?.publish(topic.key, message.body);
      this.deliveredCount += topic.listenerCount;
    }
    const route = this.audiences.route(message.topic);
    if (route.length > 0) this.toStomp(route, message, id);
  }

  /** The STOMP subscriptions that match a plain-text topic. Nothing is looked up unless subscriptions have changed. */
  routeOf(topic: Topic): Route {
    const { generation } = this.audiences;
    if (topic.routeGeneration === generation && topic.route !== undefined) return topic.route;
    const route = this.audiences.route(topic.name);
    topic.route = isSmall(route) ? route : undefined;
    topic.routeGeneration = generation;
    return route;
  }

  /** To the STOMP clients of a route. */
  toStomp(route: Route, message: Relayed, id: Message["id"], options?: TailOptions): void {
    let version = route[0]!.version;
    let tail = messageTail(message, id, version, options);
    for (const group of route) {
      if (group.version !== version) {
        version = group.version;
        tail = messageTail(message, id, version, options);
      }
      const frame = withHead(group.head, tail);
      for (const audience of group.audiences) {
        // Before it is published: whoever has to leave for it has got it.
        audience.lastPosition = options?.position;
        this.deliveredCount += audience.clientCount;
        this.#outlet?.publish(audience.key, frame);
      }
    }
  }
}

/** Audiences of a route that every topic may hold on to for itself. To send to more costs more than to look them up. */
const heldAudiencesMax = 4;

function isSmall(route: Route): boolean {
  let count = 0;
  for (const { audiences } of route) count += audiences.length;
  return count <= heldAudiencesMax;
}
