import { eventKeys } from "../broker/events.ts";
import { LoopTime } from "../ops/loop-time.ts";
import { TurnBudget } from "../ops/turn-budget.ts";
import { clientBatchesOf } from "./client-batches.ts";
import { eventText } from "./event-text.ts";
import type { Gathered } from "./gathered.ts";
import type { Outgoing } from "./outgoing.ts";
import { eventOf } from "./pending-event.ts";

/** How many events may wait for the broker's confirm. More wait to be published. */
export const unconfirmedMax = 1000;
/** For how long events are told at a time. In milliseconds. */
const tellMs = 2;
/** How many events are told between two looks at the clock. */
const lookEach = 16;

/** Writes gathered events to the broker, in each of the forms that they have there. */
export class EventWriter {
  readonly #manager: string;
  readonly #outgoing: Outgoing;
  readonly #loop: () => LoopTime;
  #budget: TurnBudget | undefined;

  /** @param loop shares out the event loop's time; called when the first event is told */
  constructor(manager: string, outgoing: Outgoing, loop: (() => LoopTime) | undefined) {
    this.#manager = manager;
    this.#outgoing = outgoing;
    const own = new LoopTime();
    this.#loop = loop ?? (() => own);
  }

  /** Shares out the event loop's time. Not to be asked for before there are events. */
  get loop(): LoopTime {
    return this.#loop();
  }

  /** Whether the broker has to confirm something before more is told. */
  get isFull(): boolean {
    return this.#outgoing.unconfirmed >= unconfirmedMax;
  }

  /**
   * Tells programs and the log of the first events, and removes these, until the broker has to confirm something or the time is over.
   *
   * @param count how many may be told
   * @param untilMs when to pause, by the clock of the event loop
   */
  tell(events: Gathered, count: number, untilMs = this.loop.share(tellMs)): void {
    this.#budget ??= new TurnBudget(this.loop, unconfirmedMax, lookEach);
    this.#budget.start(untilMs);
    let told = 0;
    let goesOn = true;
    while (goesOn && told < count && !this.isFull) {
      const event = events.at(told++);
      this.#outgoing.publish(eventKeys[event.event], eventText(eventOf(this.#manager, event)));
      goesOn = this.#budget.goesOn();
    }
    events.drop(told);
  }

  /** Asks by an event whether a program listens. Returns the key that comes back if none does. */
  probe(events: Gathered, at: number): string {
    const event = events.at(at);
    const key = eventKeys[event.event];
    this.#outgoing.probe(key, eventText(eventOf(this.#manager, event)));
    return key;
  }

  /**
   * Writes only into the log which clients came and went.
   *
   * @param count only the first events are looked at
   * @param isOfThem selects events, by their indexes
   */
  record(events: Gathered, count: number, isOfThem: (at: number) => boolean): void {
    for (const batch of clientBatchesOf(this.#manager, events, count, isOfThem))
      this.#outgoing.publish(eventKeys.clients, JSON.stringify(batch));
  }
}
