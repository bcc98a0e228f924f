import { eventKeys } from "../broker/events.ts";
import { type Asked, askingIn, Question } from "./asking.ts";
import { withoutCancelled } from "./coalescing.ts";
import type { ClientEvent } from "./event.ts";
import { eventText } from "./event-text.ts";
import { Gathered } from "./gathered.ts";
import { Later } from "./later.ts";
import type { Outgoing } from "./outgoing.ts";
import { passagesOf } from "./passages.ts";
import { eventOf, type Untold } from "./untold.ts";

/** Events that may wait for the broker's confirm at a time. More wait to be published, so that clients have their turn. */
export const unconfirmedMax = 1000;
/** When this many events wait, those that cancel one another are left out. */
export const coalescedFromEvents = 20_000;
/** Fewer than that may wait when many clients are told of at once. */
const roomyBelowEvents = 1000;
/** How long events are gathered for programs that listen, in milliseconds: a write and its confirms cost as much as the connecting of a client. */
const heardGatherMs = 50;
/** How long they are gathered while no program listens, in milliseconds. What a manager that dies had gathered is told to nobody. */
const unheardGatherMs = 1000;
/** Events that are gathered at most, however little time has passed. */
export const gatheredMax = 5000;
/** How long it is believed that a program listens, in milliseconds. */
const believedMs = 10_000;

/** How events are gathered; the defaults suit production. */
export interface TellingOptions {
  /** Makes what calls `flush` when gathered events are to go. */
  readonly later: (flush: () => void) => Pick<Later, "flush" | "close">;
  /** How long it is believed that a program listens, in milliseconds. */
  readonly believedMs: number;
}

/**
 * Tells events in order, as fast as the broker takes them, and asks whether any program listens: while none does, what clients do is written
 * into the log of events in short, and reaches no exchange of programs.
 *
 * The question is the first event of each kind that was gathered, published to programs alone; RabbitMQ gives it back if it reaches none. The
 * others wait for that answer. A program that binds its queue meanwhile has not missed any of them: they happened before.
 *
 * | nobody listens                                  | somebody listens                                |
 * |-------------------------------------------------|-------------------------------------------------|
 * | each time something was gathered, it is asked   | it is told, to programs and the log at once     |
 * | unheard: the others go into the log             | after `believedMs` it is asked again            |
 * | heard: the others are told; somebody listens    | nobody hears of clients that come: nobody listens |
 */
export class Telling {
  readonly #manager: string;
  readonly #outgoing: Outgoing;
  readonly #later: Pick<Later, "flush" | "close">;
  readonly #believedMs: number;
  #waiting = new Gathered();
  /** What waits for the answer to the question that is open, and what asks it. */
  #asked = new Gathered();
  #coalescedAt = coalescedFromEvents;
  #isHeard = false;
  /** Nobody listened when it was asked last: nobody waits for what comes. */
  #isUnheard = false;
  #believedUntilMs = 0;
  /** The broker has to confirm something before more is told. */
  #isHeldBack = false;
  #open: (Asked & { readonly question: Question }) | undefined;
  #onRoomy: (() => void)[] = [];
  #onTold: (() => void)[] = [];

  constructor(manager: string, outgoing: Outgoing, options: Partial<TellingOptions> = {}) {
    this.#manager = manager;
    this.#outgoing = outgoing;
    this.#believedMs = options.believedMs ?? believedMs;
    const later = options.later ?? ((flush) => new Later(flush));
    this.#later = later(() => this.#flush());
  }

  /**
   * Tells an event when it is its turn.
   *
   * @param detail the protocol where a client connected, the reason where it disconnected, and otherwise the topic
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
    // Otherwise the answer or the confirm that is waited for goes on.
    if (this.#open === undefined && !this.#isHeldBack)
      this.#later.flush(this.#waiting.length < gatheredMax ? this.#gatherMs : 0, this.#isUnheard);
  }

  /** A probe with this key reached nobody. */
  unheard(key: string): void {
    this.#open?.question.unheard(key);
  }

  /** The broker has confirmed something. */
  confirmed(): void {
    if (this.#isHeldBack && this.#outgoing.unconfirmed <= unconfirmedMax / 2) this.#flush();
  }

  /** The link was lost: what waits is not told any more. */
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
  get pending(): readonly Untold[] {
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
    // An end that is told to programs is in the log by the same message, so that none of them hears of it twice: it does not ask while somebody listens.
    const asking = askingIn(this.#waiting, !this.#isHeard);
    if (asking.first.size === 0) {
      this.#tellAll();
      return;
    }
    const question = new Question();
    [this.#waiting, this.#asked] = [this.#asked, this.#waiting];
    this.#open = { ...asking, question };
    // The log has it first: what programs hear of always has an end.
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
      // Nobody was asked about some of the ends.
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

  /** What waited for the answer waits to be told, before what came meanwhile. */
  #waitAgain(): void {
    const pending = this.pending;
    this.#open = undefined;
    this.#asked.clear();
    this.#waiting.clear();
    this.#waiting.addAll(pending);
  }

  /** Writes into the log alone who came and went. @param isOfThem which of the events are meant */
  #record(events: Gathered, isOfThem: (at: number) => boolean): void {
    for (const passage of passagesOf(this.#manager, events, isOfThem))
      this.#outgoing.publish(eventKeys.clients, JSON.stringify(passage));
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
