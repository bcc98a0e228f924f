import { eventKeys } from "../broker/events.ts";
import { type Asked, askingIn, Question } from "./asking.ts";
import { clientBatchesOf } from "./client-batches.ts";
import { withoutCancelled } from "./coalescing.ts";
import type { ClientEvent } from "./event.ts";
import { eventText } from "./event-text.ts";
import { FlushTimer } from "./flush-timer.ts";
import { Gathered } from "./gathered.ts";
import type { Outgoing } from "./outgoing.ts";
import { eventOf, type PendingEvent } from "./pending-event.ts";

/** How many events may wait for the broker's confirm. More wait to be published, so that other work gets its turn. */
export const unconfirmedMax = 1000;
/** When this many events wait, those that cancel one another are removed. */
export const coalescedFromEvents = 20_000;
/** When many clients are announced at once, fewer events than this may wait. */
const roomyBelowEvents = 1000;
/** How long events are gathered for programs that listen, in milliseconds: a write and its confirms cost as much as the connecting of a client. */
const heardGatherMs = 50;
/** The same while no program listens, in milliseconds. If the manager dies, these events are lost. */
const unheardGatherMs = 1000;
/** The most events that are gathered, however little time has passed. */
export const gatheredMax = 5000;
/** For how long it is assumed that a program listens, in milliseconds. */
const believedMs = 10_000;

/** How events are gathered. The defaults suit production. */
export interface EventPublisherOptions {
  /** Makes the timer that calls `flush`. */
  readonly later: (flush: () => void) => Pick<FlushTimer, "flush" | "close">;
  /** For how long it is assumed that a program listens, in milliseconds. */
  readonly believedMs: number;
}

/**
 * Publishes events in order, as fast as the broker takes them, and finds out whether any program listens. While none does, only short
 * records go into the log of events, and nothing goes to the programs' exchange.
 *
 * The question is the first gathered event of each kind, published only to programs. RabbitMQ returns it if it reaches none. The other
 * events wait for that answer. A program that binds its queue meanwhile has not missed any of them, since they happened before.
 *
 * | nobody listens                                  | somebody listens                                |
 * |-------------------------------------------------|-------------------------------------------------|
 * | each time something was gathered, it is asked   | it is told, to programs and the log at once     |
 * | unheard: the others go into the log             | after `believedMs` it is asked again            |
 * | heard: the others are told; somebody listens    | nobody hears of clients that come: nobody listens |
 */
export class EventPublisher {
  readonly #manager: string;
  readonly #outgoing: Outgoing;
  readonly #later: Pick<FlushTimer, "flush" | "close">;
  readonly #believedMs: number;
  #waiting = new Gathered();
  /** The events that wait for the answer to the open question, and those that ask it. */
  #asked = new Gathered();
  #coalescedAt = coalescedFromEvents;
  #isHeard = false;
  /** Whether nobody listened at the last question, so that nobody waits for new events. */
  #isUnheard = false;
  #believedUntilMs = 0;
  /** Whether the broker has to confirm something before more is published. */
  #isHeldBack = false;
  #open: (Asked & { readonly question: Question }) | undefined;
  #onRoomy: (() => void)[] = [];
  #onTold: (() => void)[] = [];

  constructor(manager: string, outgoing: Outgoing, options: Partial<EventPublisherOptions> = {}) {
    this.#manager = manager;
    this.#outgoing = outgoing;
    this.#believedMs = options.believedMs ?? believedMs;
    const later = options.later ?? ((flush) => new FlushTimer(flush));
    this.#later = later(() => this.#flush());
  }

  /**
   * Tells an event when it is its turn.
   *
   * @param detail for a connect the protocol, for a disconnect the reason, and otherwise the topic
   */
  tell(
    event: ClientEvent["event"],
    number: number,
    id: string | undefined,
    detail: string | undefined,
    address?: string,
  ): void {
    this.#waiting.add(event, number, id, Date.now(), detail, address);
    if (this.#waiting.length >= this.#coalescedAt) this.#coalesce();
    // Otherwise the awaited answer or confirm continues.
    if (this.#open === undefined && !this.#isHeldBack)
      this.#later.flush(this.#waiting.length < gatheredMax ? this.#gatherMs : 0, this.#isUnheard);
  }

  /** No program got a probe with this key. */
  unheard(key: string): void {
    this.#open?.question.unheard(key);
  }

  /** The broker has confirmed something. */
  confirmed(): void {
    if (this.#isHeldBack && this.#outgoing.unconfirmed <= unconfirmedMax / 2) this.#flush();
  }

  /** The link was lost. Waiting events are dropped. */
  closed(): void {
    this.#waiting.clear();
    this.#asked.clear();
    this.#open = undefined;
    this.#isUnheard = false;
    this.#isHeldBack = false;
    this.#later.close();
    this.#answerWaiters();
  }

  /** The events that wait, in order. */
  get pending(): readonly PendingEvent[] {
    const rest = [...this.#asked].filter((_, at) => this.#open?.first.has(at) !== true);
    return [...rest, ...this.#waiting];
  }

  /** How many events wait. */
  get pendingCount(): number {
    return this.#asked.length - (this.#open?.first.size ?? 0) + this.#waiting.length;
  }

  /** Resolves when few events wait, or the link is lost. */
  roomy(): Promise<void> {
    return new Promise((resolve) => {
      this.#onRoomy.push(resolve);
      this.#answerWaiters();
    });
  }

  /** Resolves when all events so far are published, or the link is lost. */
  told(): Promise<void> {
    return new Promise((resolve) => {
      this.#onTold.push(resolve);
      if (this.#waiting.length > 0 && this.#open === undefined) this.#later.flush(0);
      this.#answerWaiters();
    });
  }

  #flush(): void {
    this.#isHeldBack = false;
    if (this.#outgoing.link === undefined || this.#open !== undefined || this.#waiting.length === 0) return;
    if (this.#waiting.length < coalescedFromEvents) this.#coalescedAt = coalescedFromEvents;
    if (this.#outgoing.unconfirmed >= unconfirmedMax) this.#isHeldBack = true;
    else if (this.#isHeard && performance.now() < this.#believedUntilMs) this.#tellAll();
    else this.#ask();
  }

  #tellAll(): void {
    const waiting = this.#waiting;
    let count = 0;
    while (count < waiting.length && this.#outgoing.unconfirmed < unconfirmedMax) {
      const event = waiting.at(count++);
      this.#outgoing.publish(eventKeys[event.event], eventText(eventOf(this.#manager, event)));
    }
    waiting.drop(count);
    this.#isHeldBack = waiting.length > 0;
    this.#answerWaiters();
  }

  #ask(): void {
    // A disconnect for programs goes into the log with the same message, so that no program gets it twice. So it does not ask while
    // somebody listens.
    const asking = askingIn(this.#waiting, !this.#isHeard);
    if (asking.first.size === 0) {
      this.#tellAll();
      return;
    }
    const question = new Question();
    [this.#waiting, this.#asked] = [this.#asked, this.#waiting];
    this.#open = { ...asking, question };
    // The log gets them first, so that every event that programs hear has an end.
    this.#record(this.#asked, (at) => asking.first.has(at));
    for (const at of asking.first) {
      const event = this.#asked.at(at);
      const key = eventKeys[event.event];
      question.asked(key);
      this.#outgoing.probe(key, eventText(eventOf(this.#manager, event)));
    }
    this.#outgoing.whenConfirmed(() => this.#answered(question));
  }

  #answered(question: Question): void {
    const open = this.#open;
    if (open?.question !== question) return;
    const goesOn = this.#isHeard && !question.isOfConnected;
    if (question.isHeard || goesOn) {
      this.#isHeard = true;
      this.#isUnheard = false;
      this.#believedUntilMs = performance.now() + this.#believedMs;
      this.#waitAgain();
      this.#tellAll();
    } else if (this.#isHeard || !open.isWhole) {
      // Nobody was asked about some of the disconnects.
      this.#isHeard = false;
      this.#waitAgain();
      this.#flush();
    } else {
      this.#open = undefined;
      this.#isUnheard = true;
      this.#record(this.#asked, (at) => !open.first.has(at));
      this.#asked.clear();
      if (this.#waiting.length > 0) this.#later.flush(this.#onTold.length > 0 ? 0 : this.#gatherMs);
    }
    this.#answerWaiters();
  }

  /** Events that waited for the answer go before newer ones. */
  #waitAgain(): void {
    const pending = this.pending;
    this.#open = undefined;
    this.#asked.clear();
    this.#waiting.clear();
    this.#waiting.addAll(pending);
  }

  /** Writes only into the log which clients came and went. @param isOfThem selects the events */
  #record(events: Gathered, isOfThem: (at: number) => boolean): void {
    for (const batch of clientBatchesOf(this.#manager, events, isOfThem))
      this.#outgoing.publish(eventKeys.clients, JSON.stringify(batch));
  }

  #coalesce(): void {
    const different = withoutCancelled([...this.#waiting]);
    this.#waiting.clear();
    this.#waiting.addAll(different);
    this.#coalescedAt = Math.max(coalescedFromEvents, 2 * this.#waiting.length);
  }

  get #gatherMs(): number {
    return this.#isHeard ? heardGatherMs : unheardGatherMs;
  }

  #answerWaiters(): void {
    const length = this.pendingCount;
    if (length < roomyBelowEvents) for (const then of this.#onRoomy.splice(0)) then();
    if (length === 0 && this.#open === undefined) for (const then of this.#onTold.splice(0)) then();
  }
}
