import { Deque } from "../../collections/deque.ts";
import type { Body } from "../../message.ts";
import type { LoopTime, Task } from "../../ops/loop-time.ts";
import { TurnBudget } from "../../ops/turn-budget.ts";
import type { Audience, ExcludedSender } from "./audience.ts";
import type { Relayed } from "./encoding.ts";
import type { Route } from "./routes.ts";
import { Spread } from "./spread.ts";

/** To as many audiences a message is published as it comes. Each publish takes up to five microseconds, most of it at the turn's end. */
export const atOnceMax = 2048;
/** The same where nothing can hold the sender back: it may send the next one in the same turn. */
const atOnceOfUnheldMax = 32;
/** What these publishes may have together, in bytes; text counts in UTF-16 units. */
const atOnceBytesMax = 16 * 1024 ** 2;
/** To how many audiences messages with more of them are published as they come, and to how many at the turn's end. */
const partMax = 1024;
/** What waiting messages may take together. Beyond that the oldest are published at once, however long that takes. In bytes. */
const bytesMax = 64 * 1024 ** 2;
/** From here on no input of clients is handled. In bytes. */
const fullBytes = bytesMax / 2;

/** Publishes a message to one audience. */
type Hand = (audience: Audience, topic: string, frame: Body, excluded?: ExcludedSender) => void;

/**
 * Live messages that are published by turns, since they have thousands of audiences: many clients with subscription ids of their own. They
 * wait in the order in which they came.
 *
 * An audience gets its messages in their order. It counts those that wait for it, and while there are any, what comes next waits, too. All
 * other audiences get what comes at once.
 */
export class Spreads implements Task {
  readonly #loop: LoopTime;
  readonly #hand: Hand;
  readonly #waiting = new Deque<Spread>();
  #bytes = 0;
  /** To how many audiences such messages are published as they come, and to how many at the turn's end. */
  readonly #atOnce: TurnBudget;
  readonly #later: TurnBudget;

  /**
   * @param loop shares out the event loop's time
   * @param hand publishes a message to one audience
   */
  constructor(loop: LoopTime, hand: Hand) {
    this.#loop = loop;
    this.#atOnce = new TurnBudget(loop, partMax, 1);
    this.#later = new TurnBudget(loop, partMax, 1);
    this.#hand = hand;
  }

  /** What the waiting messages take, in bytes. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Whether so much waits that nothing more should come. */
  get isFull(): boolean {
    return this.#bytes >= fullBytes;
  }

  /**
   * Whether a message cannot be published to all audiences of its route at once.
   *
   * @param isUnheld whether nothing holds its sender back
   */
  concerns(route: Route, body: Body, isUnheld: boolean): boolean {
    if (isLarge(route, body, isUnheld)) return true;
    if (this.#waiting.length === 0) return false;
    for (const { audiences } of route) for (const { waiting } of audiences) if (waiting > 0) return true;
    return false;
  }

  /**
   * Publishes a message to some of its audiences now, and to the others by turns.
   *
   * @returns undefined if it was published to all
   */
  add(
    route: Route,
    message: Relayed,
    id: string,
    excluded: ExcludedSender | undefined,
    isUnheld: boolean,
  ): Spread | undefined {
    const spread = new Spread(message, id, excluded);
    const isOfMany = isLarge(route, message.body, isUnheld);
    if (isOfMany) this.#atOnce.join();
    let left = isOfMany ? Math.floor(atOnceBytesMax / message.body.length) : Number.POSITIVE_INFINITY;
    for (const { audiences } of inOrder(route))
      for (const audience of audiences) {
        if (audience.waiting === 0 && left-- > 0 && (!isOfMany || this.#atOnce.take()))
          this.#publish(spread, audience);
        else spread.await(audience);
      }
    if (spread.isDone) return undefined;
    this.#waiting.push(spread);
    this.#bytes += spread.costBytes;
    while (this.#bytes > bytesMax) this.#publishFirst(() => true);
    // It may have been the oldest itself.
    if (spread.isDone) return undefined;
    this.#loop.ask(this);
    return spread;
  }

  /** Publishes to one audience now what waits for it, since a client is about to join it, or to leave it for another one. */
  settle(audience: Audience): void {
    for (let index = 0; audience.waiting > 0; index++) {
      const spread = this.#waiting.at(index)!;
      if (spread.takes(audience)) this.#publish(spread, audience);
    }
  }

  /**
   * Waits until all is published, for at most `timeoutMs`: thousands of clients may have yet to get megabytes.
   *
   * @returns how long it took, in milliseconds
   */
  async finish(timeoutMs: number): Promise<number> {
    const { now } = this.#loop;
    const startedMs = now();
    while (this.#waiting.length > 0 && now() - startedMs < timeoutMs)
      await new Promise((resolve) => setImmediate(resolve));
    return now() - startedMs;
  }

  run(untilMs: number): void {
    this.#later.start(untilMs);
    let bytesLeft = atOnceBytesMax;
    const mayGoOn = (bytes: number) => {
      bytesLeft -= bytes;
      return bytesLeft > 0 && this.#later.goesOn();
    };
    while (this.#waiting.length > 0 && this.#publishFirst(mayGoOn));
    if (this.#waiting.length > 0) this.#loop.ask(this);
  }

  /**
   * Publishes the message that has waited longest, until it has to pause.
   *
   * @param mayGoOn asked after each publish, of this many bytes
   * @returns whether there is time for the next one
   */
  #publishFirst(mayGoOn: (bytes: number) => boolean): boolean {
    const first = this.#waiting.at(0)!;
    let goesOn = true;
    while (goesOn) {
      const audience = first.next();
      if (audience === undefined) break;
      this.#publish(first, audience);
      goesOn = mayGoOn(first.frame.length);
    }
    if (!first.isDone) return goesOn;
    this.#waiting.shift();
    this.#bytes -= first.costBytes;
    first.onDone();
    return goesOn;
  }

  #publish(spread: Spread, audience: Audience): void {
    // If all clients have left an audience, it is no longer known, and another one may have its key.
    if (audience.clientCount === 0) return;
    spread.writeFor(audience);
    this.#hand(audience, spread.message.topic, spread.frame, spread.excluded);
  }
}

function isLarge(route: Route, { length }: Body, isUnheld: boolean): boolean {
  let count = 0;
  for (const { audiences } of route) count += audiences.length;
  const most = isUnheld ? atOnceOfUnheldMax : atOnceMax;
  return count > most || (count > 1 && count * length > atOnceBytesMax);
}

/** The groups of a route, those of one encoding after those of another, so that the tail of each is made once. */
function inOrder(route: Route): Route {
  const [first] = route;
  if (route.every(({ encoding }) => encoding === first!.encoding)) return route;
  return [...Map.groupBy(route, ({ encoding }) => encoding).values()].flat();
}
