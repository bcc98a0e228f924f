import type { LoopTime, Task } from "../ops/loop-time.ts";
import { type Asked, aboutAll, askingIn, Question, type QuestionLimits, questionLimits } from "./asking.ts";
import { removeCancelled } from "./coalescing.ts";
import type { ClientEvent } from "./event.ts";
import { EventWriter, unconfirmedMax } from "./event-writer.ts";
import { FlushTimer } from "./flush-timer.ts";
import { Gathered } from "./gathered.ts";
import type { Outgoing } from "./outgoing.ts";
import type { PendingEvent } from "./pending-event.ts";

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
  /** Shares out the event loop's time. Called when the first event is told. */
  readonly loop: () => LoopTime;
  /** How much one question may be. */
  readonly questionLimits: QuestionLimits;
}

/**
 * Publishes events in order, as fast as the broker takes them and by turns with everything else, and finds out whether any program listens.
 * While none does, only short records go into the log of events, and nothing goes to the programs' exchange.
 *
 * The question is the first gathered event of each kind, published only to programs. RabbitMQ returns it if it reaches none. The other
 * events wait for that answer. A program that binds its queue meanwhile has not missed any of them, since they happened before. A client can
 * cause thousands of events in a moment, so one question is about a limited number of them, and the next one about the others.
 *
 * | nobody listens                                  | somebody listens                                |
 * |-------------------------------------------------|-------------------------------------------------|
 * | each time something was gathered, it is asked   | it is told, to programs and the log at once     |
 * | unheard: the others go into the log             | after `believedMs` it is asked again            |
 * | heard: the others are told; somebody listens    | nobody hears of clients that come: nobody listens |
 */
export class EventPublisher implements Task {
  readonly #outgoing: Outgoing;
  readonly #later: Pick<FlushTimer, "flush" | "close">;
  readonly #believedMs: number;
  readonly #writer: EventWriter;
  readonly #questionLimits: QuestionLimits;
  /** The events that wait. The first are those that the open question is about, with those that ask it. */
  readonly #waiting = new Gathered();
  #coalescedAt = coalescedFromEvents;
  #isHeard = false;
  /** Whether nobody listened at the last question, so that nobody waits for new events. */
  #isUnheard = false;
  #believedUntilMs = 0;
  /** Whether the broker has to confirm something before more is published. */
  #isHeldBack = false;
  /** Whether it has asked for a turn in which it tells more. */
  #isInTurn = false;
  #open: (Asked & { readonly question: Question }) | undefined;
  #onRoomy: (() => void)[] = [];
  #onTold: (() => void)[] = [];

  constructor(manager: string, outgoing: Outgoing, options: Partial<EventPublisherOptions> = {}) {
    this.#outgoing = outgoing;
    this.#believedMs = options.believedMs ?? believedMs;
    this.#questionLimits = options.questionLimits ?? questionLimits;
    this.#writer = new EventWriter(manager, outgoing, options.loop);
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
    if (this.#waiting.length - this.#askedCount >= this.#coalescedAt) this.#coalesce();
    // Otherwise the awaited answer, confirm or turn continues.
    if (this.#open === undefined && !this.#isHeldBack && !this.#isInTurn)
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
    this.#open = undefined;
    if (this.#isInTurn) this.#writer.loop.forget(this);
    this.#isInTurn = false;
    this.#isUnheard = false;
    this.#isHeldBack = false;
    this.#later.close();
    this.#answerWaiters();
  }

  /** The events that wait, in order. */
  get pending(): readonly PendingEvent[] {
    return [...this.#waiting].filter((_, at) => this.#open?.first.has(at) !== true);
  }

  /** How many events wait. */
  get pendingCount(): number {
    return this.#waiting.length - (this.#open?.first.size ?? 0);
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

  run(untilMs: number): void {
    this.#isInTurn = false;
    this.#flush(untilMs);
  }

  /** @param untilMs when to pause, by the clock of the event loop; undefined: after its share of this turn */
  #flush(untilMs?: number): void {
    this.#isHeldBack = false;
    if (this.#outgoing.link === undefined || this.#open !== undefined || this.#isInTurn) return;
    const { length } = this.#waiting;
    if (length === 0) return;
    if (length < coalescedFromEvents) this.#coalescedAt = coalescedFromEvents;
    if (this.#writer.isFull) this.#isHeldBack = true;
    else if (this.#isHeard && performance.now() < this.#believedUntilMs) this.#tellFirst(length, untilMs);
    else this.#ask(untilMs);
  }

  /** Tells the events that have waited longest, and the others in later turns. @param count how many may be told now */
  #tellFirst(count: number, untilMs?: number): void {
    this.#writer.tell(this.#waiting, count, untilMs);
    const isLeft = this.#waiting.length > 0;
    this.#isHeldBack = isLeft && this.#writer.isFull;
    this.#isInTurn = isLeft && !this.#isHeldBack;
    if (this.#isInTurn) this.#writer.loop.ask(this);
    this.#answerWaiters();
  }

  #ask(untilMs?: number): void {
    // A disconnect for programs goes into the log with the same message, so that no program gets it twice. So it does not ask while
    // somebody listens.
    // A manager that stops waits until all is told, so it does not ask very many times.
    const limits = this.#onTold.length > 0 ? aboutAll(this.#questionLimits) : this.#questionLimits;
    const asking = askingIn(this.#waiting, !this.#isHeard, limits);
    const { count, first } = asking;
    if (first.size === 0) {
      this.#tellFirst(count, untilMs);
      return;
    }
    const question = new Question();
    this.#open = { ...asking, question };
    // The log gets them first, so that every event that programs hear has an end.
    this.#writer.record(this.#waiting, count, (at) => first.has(at));
    for (const at of first) question.asked(this.#writer.probe(this.#waiting, at));
    this.#outgoing.whenConfirmed(() => this.#answered(question));
  }

  #answered(question: Question): void {
    const open = this.#open;
    // Where the link was lost, nothing came back, and nobody may have heard.
    if (open?.question !== question || this.#outgoing.link === undefined) return;
    const { count, first } = open;
    this.#open = undefined;
    const goesOn = this.#isHeard && !question.isOfConnected;
    if (question.isHeard || goesOn) {
      this.#isHeard = true;
      this.#isUnheard = false;
      this.#believedUntilMs = performance.now() + this.#believedMs;
      this.#waiting.remove(count, (at) => first.has(at));
      this.#tellFirst(this.#waiting.length);
    } else if (this.#isHeard || !open.isWhole) {
      // Nobody was asked about some of the disconnects.
      this.#isHeard = false;
      this.#waiting.remove(count, (at) => first.has(at));
      this.#flush();
    } else {
      this.#isUnheard = true;
      this.#writer.record(this.#waiting, count, (at) => !first.has(at));
      this.#waiting.drop(count);
      this.#gatherAgain(open);
    }
    this.#answerWaiters();
  }

  /** Nobody has heard of the events of this question. Those that it left out have been gathered already. */
  #gatherAgain({ isPart }: Asked): void {
    if (this.#waiting.length === 0) return;
    const isDue = isPart || this.#onTold.length > 0 || this.#waiting.length >= gatheredMax;
    this.#later.flush(isDue ? 0 : this.#gatherMs);
  }

  #coalesce(): void {
    removeCancelled(this.#waiting, this.#askedCount);
    this.#coalescedAt = Math.max(coalescedFromEvents, 2 * (this.#waiting.length - this.#askedCount));
  }

  /** How many of the waiting events the open question is about. */
  get #askedCount(): number {
    return this.#open?.count ?? 0;
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
