import { textCostBytes } from "../../costs.ts";
import type { Body } from "../../message.ts";
import { isPattern } from "../../topics/pattern.ts";
import { TopicTrie } from "../../topics/topic-trie.ts";
import { type Audience, Head } from "./audience.ts";
import type { Encoding } from "./encoding.ts";
import { nowhere, type Route, routeTo } from "./routes.ts";

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
  /** The heads of each encoding, by the subscription ids that they are made of. */
  readonly #heads = new Map<Encoding, Map<string, Head>>();
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
    const sharedHead = this.#headOf(encoding, subscriptionId);
    sharedHead.count++;
    const audience: Audience = {
      kind: "audience",
      subscriptionId,
      key,
      pattern,
      encoding,
      head: sharedHead.text,
      sharedHead,
      clientCount: 0,
      waiting: 0,
      lastPosition: undefined,
      take,
      alone: undefined,
    };
    this.#byKey.set(key, audience);
    this.#counts.set(encoding, this.countOf(encoding) + 1);
    this.#trie.add(pattern, audience);
    this.#forgetRoutes(pattern);
    return audience;
  }

  #headOf(encoding: Encoding, subscriptionId: string): Head {
    let heads = this.#heads.get(encoding);
    if (heads === undefined) {
      heads = new Map();
      this.#heads.set(encoding, heads);
    }
    let head = heads.get(subscriptionId);
    if (head === undefined) {
      head = new Head(encoding.headOf(subscriptionId));
      heads.set(subscriptionId, head);
    }
    return head;
  }

  leave(audience: Audience): void {
    audience.clientCount--;
    if (audience.clientCount > 0) return;
    this.#byKey.delete(audience.key);
    this.#counts.set(audience.encoding, this.countOf(audience.encoding) - 1);
    if (--audience.sharedHead.count === 0)
      this.#heads.get(audience.encoding)!.delete(audience.subscriptionId);
    this.#trie.remove(audience.pattern, audience);
    this.#forgetRoutes(audience.pattern);
  }

  /** Whether the route of a topic is known, so that it does not have to be found among all patterns. */
  remembers(topic: string): boolean {
    return this.#byKey.size === 0 || this.#routes.has(topic);
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
