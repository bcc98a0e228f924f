import type { Copies, Envelope } from "../../../envelope/envelope.ts";
import { isPropertyName } from "../../../properties.ts";

/** While other programs listen, the interval between two questions whether they still do, in milliseconds. */
const askEveryMs = 1000;
/** A message that reaches nobody comes back whole, so copies with a larger body do not ask. In bytes. */
const askingBytesMax = 4096;

/** If fewer copies than this are written together, all are published without asking: waiting for an answer would cost more than it saves. */
const fewCopies = 8;

/**
 * At least this part of the copies that are written together has to be withheld. Among a thousand senders hardly any two copies have the
 * same one, so nearly all copies would ask. A copy that asks costs as much as three others, and only one write could be made in each round
 * trip.
 */
const leastShare = 0.5;

/** A copy that RabbitMQ returns if it reaches nobody, and the copies that would reach the same queues. */
interface Question {
  readonly copy: Envelope;
  readonly tag: number;
  readonly key: string;
  isReturned: boolean;
  isSettled: boolean;
}

/** A copy, by its pack and its number in it. */
type Member = readonly [copies: Copies, part: number];

/** Copies with the same sender and topic. */
interface Alike {
  readonly isRequest: boolean;
  readonly members: Member[];
  /** Whether RabbitMQ routes all of them alike, whatever another program has bound. */
  areUniform: boolean;
}

/** The result for copies that were withheld. */
export interface Answered {
  /** Copies that no program would have got. */
  readonly passed: ReadonlyMap<Copies, readonly number[]>;
  /** Copies that a program may get. */
  readonly wanted: ReadonlyMap<Copies, readonly number[]>;
}

/**
 * Finds out whether any other program listens. A plain copy costs RabbitMQ CPU time even if it reaches nobody, and where Warren alone uses
 * the exchanges no copy does (docs/decisions.md has figures). So while nobody listens, only one copy for each sender and topic is published
 * of those that are written together, as mandatory: RabbitMQ returns it if it reached no queue. Then the others would have reached none
 * either, and are not published. If it does not come back, they are published next, in order, and so are all later copies. If few copies
 * are written together, or few of them are alike, all are published, since nothing more may be written before the answer.
 *
 * This is exact. A message's route depends on its topic and its headers, which these copies have in common. A program that has bound its
 * queue gets everything that is sent after that: the copies that one copy answers for were sent before it was published. Copies with
 * headers of the application, by which another program may select, are always published. No I/O, no clock.
 */
export class Listening {
  #isHeard = true;
  #askedAtMs = Number.NEGATIVE_INFINITY;
  #questions: Question[] = [];
  /** The index of the first question that is not settled. */
  #first = 0;
  #open = 0;
  /** Whether copies are withheld until the questions are answered. */
  #isWithholding = false;
  /** The withheld copies, in order. */
  #withheld: (readonly [copies: Copies, part: number])[] = [];

  /** Whether nothing more may be written before RabbitMQ has answered. */
  get isWaiting(): boolean {
    return this.#isWithholding;
  }

  readonly #fewCopies: number;

  /** @param few if fewer copies than this are written together, all are published without asking */
  constructor(few = fewCopies) {
    this.#fewCopies = few;
  }

  /** Decides which copies are published, which of them ask, and which are withheld. Must not be called while `isWaiting`. */
  plan(envelopes: readonly Envelope[], nowMs: number): void {
    for (const { copies } of envelopes) copies?.unplan();
    if (!this.#isHeard) {
      const due = dueCopies(envelopes);
      if (due >= this.#fewCopies) this.#withholdAlike(envelopes, due);
    } else if (this.#open === 0 && nowMs - this.#askedAtMs >= askEveryMs) {
      this.#askedAtMs = nowMs;
      for (const { copies } of envelopes) if (copies !== undefined) askAll(copies);
    }
  }

  /** An envelope with these copies was written. @param firstTag the delivery tag of the first part that was due */
  written(copies: Copies, firstTag: number): void {
    let tag = firstTag;
    for (let part = 0; part < copies.length; part++) {
      if (copies.isTaken(part) || copies.isWithheld(part)) continue;
      if (copies.isAsking(part)) {
        const copy = copies.envelopes[part]!;
        this.#questions.push({ copy, tag, key: keyOf(copy), isReturned: false, isSettled: false });
        this.#open++;
      }
      tag++;
    }
  }

  /** RabbitMQ has returned a copy. Its confirm comes afterwards. */
  returned(messageId: unknown, routingKey: string): void {
    for (let index = this.#first; index < this.#questions.length; index++) {
      const question = this.#questions[index]!;
      const { copy, isReturned } = question;
      if (isReturned || copy.messageId !== messageId || copy.routingKey !== routingKey) continue;
      question.isReturned = true;
      return;
    }
  }

  /** RabbitMQ has settled this tag; with `multiple`, all up to it. Returns the result for the withheld copies once it is known. */
  settled(tag: number, multiple: boolean): Answered | undefined {
    if (this.#open === 0) return undefined;
    for (let index = this.#first; index < this.#questions.length; index++) {
      const question = this.#questions[index]!;
      if (question.tag > tag) break;
      if (question.isSettled || (question.tag !== tag && !multiple)) continue;
      question.isSettled = true;
      this.#open--;
      // The answers that are still to come add nothing.
      if (!question.isReturned) return this.#answer(true);
    }
    while (this.#questions[this.#first]?.isSettled) this.#first++;
    return this.#open === 0 ? this.#answer(false) : undefined;
  }

  #answer(isHeard: boolean): Answered {
    const returned = new Set<string>();
    for (const { key, isReturned } of this.#questions) if (isReturned) returned.add(key);
    const [passed, wanted] = [new Map<Copies, number[]>(), new Map<Copies, number[]>()];
    for (const [copies, part] of this.#withheld) {
      const into = returned.has(keyOf(copies.envelopes[part]!)) ? passed : wanted;
      const parts = into.get(copies);
      if (parts === undefined) into.set(copies, [part]);
      else parts.push(part);
    }
    this.#isHeard = isHeard;
    this.#isWithholding = false;
    this.#questions = [];
    this.#first = 0;
    this.#open = 0;
    this.#withheld = [];
    return { passed, wanted };
  }

  #withholdAlike(envelopes: readonly Envelope[], due: number): void {
    const all = new Map<string, Alike>();
    for (const { copies } of envelopes) {
      if (copies === undefined) continue;
      for (let part = 0; part < copies.length; part++) {
        if (copies.isTaken(part)) continue;
        const copy = copies.envelopes[part]!;
        const key = keyOf(copy);
        const isRequest = copy.isRequest === true;
        let alike = all.get(key);
        if (alike === undefined) {
          alike = { isRequest, members: [], areUniform: true };
          all.set(key, alike);
        }
        alike.members.push([copies, part]);
        if (alike.isRequest !== isRequest || hasOwnHeaders(copy)) alike.areUniform = false;
      }
    }
    const answering = [...all.values()].filter(answersForOthers);
    let withheld = 0;
    for (const { members } of answering) withheld += members.length - 1;
    // Otherwise the answers would save less than waiting for them costs.
    if (withheld < leastShare * due) return;
    this.#isWithholding = true;
    for (const { members } of answering) {
      const [[copies, part], ...others] = members as [Member, ...Member[]];
      copies.ask(part);
      for (const [of, other] of others) of.withhold(other);
    }
    for (const { copies } of envelopes)
      if (copies !== undefined && copies.withheldCount > 0)
        for (let part = 0; part < copies.length; part++)
          if (copies.isWithheld(part)) this.#withheld.push([copies, part]);
  }
}

function dueCopies(envelopes: readonly Envelope[]): number {
  let count = 0;
  for (const { copies } of envelopes) count += copies?.length ?? 0;
  return count;
}

/** Whether one of the copies can answer for all. A copy that is like no other is published in any case. */
function answersForOthers({ members, areUniform }: Alike): boolean {
  const [[copies, part]] = members as [Member];
  return members.length > 1 && areUniform && isSmall(copies.envelopes[part]!);
}

function askAll(copies: Copies): void {
  for (let part = 0; part < copies.length; part++) {
    const copy = copies.envelopes[part]!;
    if (!copies.isTaken(part) && isSmall(copy)) copies.ask(part);
  }
}

function isSmall({ body }: Envelope): boolean {
  return body.byteLength <= askingBytesMax;
}

/** Neither a topic nor a client id contains a NUL. */
function keyOf({ routingKey, clientId = "" }: Envelope): string {
  return `${routingKey}\0${clientId}`;
}

/** Whether it has headers besides those that Warren gives every copy. Properties do not count. */
function hasOwnHeaders({ headers }: Envelope): boolean {
  for (const name in headers) if (!isPropertyName(name)) return true;
  return false;
}
