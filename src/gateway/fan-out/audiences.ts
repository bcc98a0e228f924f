import { textCostBytes } from "../../costs.ts";
import type { Body } from "../../message.ts";
import { isPattern } from "../../topics/pattern.ts";
import { TopicTrie } from "../../topics/topic-trie.ts";
import type { Encoding } from "./encoding.ts";

/**
 * The clients that get the same bytes: they share an encoding, a subscription id and a pattern. Clients of one library use the same few
 * ids, so even very many clients form few audiences.
 */
export interface Audience {
  /** Distinguishes it from other kinds of subscriptions. */
  readonly kind: "audience";
  /** The id that its clients gave the subscription. */
  readonly subscriptionId: string;
  /** The topic's name in Bun.serve's publish and subscribe. */
  readonly key: string;
  /** What its clients subscribe to. */
  readonly pattern: string;
  readonly encoding: Encoding;
  /** The head of everything that it gets; see `Encoding`. */
  readonly head: string;
  /** How many clients it has. */
  clientCount: number;
  /** How many live messages wait to be published to it (`Spreads`). */
  waiting: number;
  /** The log position of the last message that it was sent. Only for durable subscriptions. */
  lastPosition: string | undefined;
  /** Takes its frames, if they do not go to the sockets that are subscribed to its key. */
  readonly take: ((topic: string, frame: Body) => void) | undefined;
}

/** A client that gets no copy of what it sends, although it is in the audience (the "No Local" of MQTT). */
export interface ExcludedSender {
  readonly audience: Audience;
  /** Whether its connection has ended. Then `publish` sends nothing. */
  readonly isClosed: boolean;
  /** Sends to all others of its audience. */
  publish(body: Body): void;
}

/** Audiences that get the same bytes for a message, though they may have subscribed to different patterns. */
export interface Group {
  readonly encoding: Encoding;
  /** The head that they share. */
  readonly head: string;
  /** Those with this head. */
  readonly audiences: readonly Audience[];
}

/** The groups that a topic's messages go to. */
export type Route = readonly Group[];

/** Shared, so that a topic without subscribers costs next to nothing. */
export const nowhere: Route = [];

/** What the remembered routes may take together, in bytes. */
const routesBytesMax = 16 * 1024 ** 2;
/** What a route takes besides its topic, and what each of its groups and of their audiences takes, in bytes. */
const routeOverheadBytes = 192;
const groupBytes = 160;
const memberBytes = 16;

/** All subscriptions of one kind, live or durable, and the audiences of each topic. */
export class Audiences {
  readonly #byKey = new Map<string, Audience>();
  readonly #trie = new TopicTrie<Audience>();
  /** Routes by topic. The oldest one is forgotten first. */
  readonly #routes = new Map<string, Route>();
  #routesBytes = 0;
  readonly #counts = new Map<Encoding, number>();
  #aloneCount = 0;
  readonly #prefix: string;

  /** @param prefix distinguishes these keys from those of other `Audiences`; without colons */
  constructor(prefix: string) {
    this.#prefix = prefix;
  }

  get count(): number {
    return this.#byKey.size;
  }

  /** How many audiences have this encoding. */
  countOf(encoding: Encoding): number {
    return this.#counts.get(encoding) ?? 0;
  }

  /** Topics and patterns with the number of their subscribers. */
  topics(): readonly (readonly [topic: string, subscribers: number])[] {
    const counts = new Map<string, number>();
    for (const { pattern, clientCount } of this.#byKey.values())
      counts.set(pattern, (counts.get(pattern) ?? 0) + clientCount);
    return [...counts];
  }

  /** @param subscriptionId empty if the client's subscriptions have no ids */
  join(pattern: string, encoding: Encoding, subscriptionId: string): Audience {
    const key = `${this.#prefix}:${encoding.name}:${subscriptionId.length}:${subscriptionId}:${pattern}`;
    const audience = this.#byKey.get(key) ?? this.#add(key, pattern, encoding, subscriptionId, undefined);
    audience.clientCount++;
    return audience;
  }

  /**
   * Adds an audience of a single client.
   *
   * @param take gets its frames, in place of a socket
   */
  joinAlone(
    pattern: string,
    encoding: Encoding,
    subscriptionId: string,
    take: (topic: string, frame: Body) => void,
  ): Audience {
    const audience = this.#add(`alone:${++this.#aloneCount}`, pattern, encoding, subscriptionId, take);
    audience.clientCount++;
    return audience;
  }

  #add(
    key: string,
    pattern: string,
    encoding: Encoding,
    subscriptionId: string,
    take: Audience["take"],
  ): Audience {
    const audience: Audience = {
      kind: "audience",
      subscriptionId,
      key,
      pattern,
      encoding,
      head: encoding.headOf(subscriptionId),
      clientCount: 0,
      waiting: 0,
      lastPosition: undefined,
      take,
    };
    this.#byKey.set(key, audience);
    this.#counts.set(encoding, this.countOf(encoding) + 1);
    this.#trie.add(pattern, audience);
    this.#forgetRoutes(pattern);
    return audience;
  }

  leave(audience: Audience): void {
    audience.clientCount--;
    if (audience.clientCount > 0) return;
    this.#byKey.delete(audience.key);
    this.#counts.set(audience.encoding, this.countOf(audience.encoding) - 1);
    this.#trie.remove(audience.pattern, audience);
    this.#forgetRoutes(audience.pattern);
  }

  route(topic: string): Route {
    if (this.#byKey.size === 0) return nowhere;
    let route = this.#routes.get(topic);
    if (route === undefined) {
      route = routeTo(this.#trie.match(topic));
      this.#remember(topic, route);
    }
    return route;
  }

  #remember(topic: string, route: Route): void {
    const costBytes = routeCostBytes(topic, route);
    if (costBytes > routesBytesMax / 2) return;
    this.#routesBytes += costBytes;
    this.#routes.set(topic, route);
    for (const oldest of this.#routes.keys()) {
      if (this.#routesBytes <= routesBytesMax) return;
      this.#forget(oldest);
    }
  }

  #forget(topic: string): void {
    const route = this.#routes.get(topic);
    if (route === undefined) return;
    this.#routes.delete(topic);
    this.#routesBytes -= routeCostBytes(topic, route);
  }

  #forgetRoutes(pattern: string): void {
    // Without subscribers no routes are remembered.
    if (!isPattern(pattern) && this.#byKey.size > 0) {
      this.#forget(pattern);
      return;
    }
    this.#routes.clear();
    this.#routesBytes = 0;
  }
}

function routeCostBytes(topic: string, route: Route): number {
  let costBytes = routeOverheadBytes + textCostBytes(topic);
  for (const { audiences } of route) costBytes += groupBytes + memberBytes * audiences.length;
  return costBytes;
}

function routeTo(audiences: readonly Audience[]): Route {
  if (audiences.length === 0) return nowhere;
  const [first] = audiences;
  // Most topics have a single audience.
  if (audiences.length === 1) return [{ encoding: first!.encoding, head: first!.head, audiences }];
  const same = Map.groupBy(audiences, ({ encoding, head }) => `${encoding.name} ${head}`);
  return [...same.values()].map((members) => ({
    encoding: members[0]!.encoding,
    head: members[0]!.head,
    audiences: members,
  }));
}

/** Whether an encoding of the route includes the message's id. */
export function includesId(route: Route): boolean {
  for (const { encoding } of route) if (encoding.includesId) return true;
  return false;
}
