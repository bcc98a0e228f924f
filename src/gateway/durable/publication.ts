import type { Position } from "../../log/position.ts";
import type { LogRecord } from "../../log/record.ts";
import type { Message } from "../../message.ts";
import { isExpired } from "../../properties.ts";
import type { Relay } from "../fan-out/relay.ts";
import { nowhere, partsOf, type Route } from "../fan-out/routes.ts";
import type { EndSubscriptions } from "./end-subscriptions.ts";
import type { DurableSubscription } from "./subscription.ts";

/** A publish counts once more for each so many bytes of its body; text counts in UTF-16 units. */
const bytesPerUnit = 16 * 1024;
/** To compare a topic with all patterns counts as many publishes as take about this long. */
const unitsPerMs = 256;
/** To how many audiences at most is published in one step, each of them counting once. */
const partMax = 32;
/** For how long a pack's topics are compared with all patterns to find out whether anybody wants one. In milliseconds. */
const lookMs = 1;

/** What publications need. */
export interface PublicationParts {
  readonly relay: Relay;
  readonly subscriptions: EndSubscriptions;
  /** The time in milliseconds. */
  now(): number;
  /** The client has no room for a message that is addressed to it: the subscription has to leave. */
  slow(subscription: DurableSubscription): void;
}

/** A record that is being published to the subscriptions at the log's end, step by step: a step takes no longer than some milliseconds. */
export class Publication {
  /** Does the next step, and tells how much it counts: each publish is one, or more. */
  readonly steps: Iterator<number, void>;
  readonly #record: LogRecord;
  readonly #parts: PublicationParts;
  /** The index of the message that is being published, or was published last; undefined if none was yet. */
  #index: number | undefined;
  /** Its position, as clients see it. */
  #position: string | undefined;

  constructor(record: LogRecord, parts: PublicationParts) {
    this.#record = record;
    this.#parts = parts;
    this.steps = this.#publish();
  }

  get offset(): number {
    return this.#record.offset;
  }

  /** What a subscription has got of the record, even while a message is being published; undefined if nothing was published yet. */
  placeOf(subscription: DurableSubscription): Position | undefined {
    const index = this.#index;
    if (index === undefined) return undefined;
    const hasGot = this.#parts.subscriptions.lastPositionOf(subscription) === this.#position;
    return { offset: this.#record.offset, index: hasGot ? index : index - 1 };
  }

  *#publish(): Generator<number, void> {
    const record = this.#record;
    const { subscriptions, now } = this.#parts;
    if (record.repeated === "all" || !this.#mayBeWanted()) return;
    for (const [index, head] of record.heads.entries()) {
      if (isExpired(head) || record.isRepeat(index)) continue;
      // Messages that clients sent are looked up by topic, messages for one client by that client's id.
      const recipient = record.recipientOf(head);
      const directs = recipient === undefined ? undefined : subscriptions.directTo(recipient);
      let route = nowhere;
      if (recipient === undefined) {
        // Most topics are used again and again.
        const comparedMs = subscriptions.remembers(head.topic) ? undefined : now();
        route = subscriptions.route(head.topic);
        if (comparedMs !== undefined) yield (now() - comparedMs) * unitsPerMs;
      }
      if (directs === undefined && route.length === 0) continue;
      const position = record.positionOf(index);
      this.#index = index;
      this.#position = position;
      if (directs === undefined) yield* this.#publishTo(route, record.at(index), position);
      else yield* this.#sendTo(directs, record.at(index), position, { offset: record.offset, index });
    }
  }

  /** Whether anybody may want some of it. Of a pack, only the line that lists its topics is read. */
  #mayBeWanted(): boolean {
    const record = this.#record;
    const topics = record.isFromClients ? record.topics : undefined;
    if (topics === undefined) return true;
    const { subscriptions, now } = this.#parts;
    const untilMs = now() + lookMs;
    // If it takes long to tell, it is found out for each message, by turns.
    return topics.some((topic) => subscriptions.route(topic).length > 0 || now() >= untilMs);
  }

  *#publishTo(route: Route, message: Message, position: string): Generator<number, void> {
    const { relay } = this.#parts;
    const units = unitsOf(message);
    for (const part of partsOf(route, Math.max(1, Math.floor(partMax / units)))) {
      const before = relay.publishedCount;
      relay.send(part, message, message.id, { position });
      yield units * (relay.publishedCount - before);
    }
  }

  /** Nobody joins meanwhile, but some may leave. */
  *#sendTo(
    directs: Iterable<DurableSubscription>,
    message: Message,
    position: string,
    place: Position,
  ): Generator<number, void> {
    const units = unitsOf(message);
    for (const subscription of directs) {
      if (subscription.isRoomy) {
        subscription.add(subscription.encoding.tailOf(message, message.id, { position, isForOne: true }));
        subscription.reached(place);
        subscription.flush();
        this.#parts.relay.delivered(1);
      } else this.#parts.slow(subscription);
      yield units;
    }
  }
}

/** How much one publish of the message counts. */
function unitsOf({ body }: Message): number {
  return 1 + Math.floor(body.length / bytesPerUnit);
}
