import type { Copies, Envelope } from "../../../envelope/envelope.ts";
import { isPropertyName } from "../../../properties.ts";

/** While other programs listen, it is asked this often whether they still do, in milliseconds. */
const askEveryMs = 1000;
/** What comes back if it reaches nobody comes back whole: a larger body does not ask. In bytes. */
const askingBytesMax = 4096;

/** Fewer copies than this, written together, are published without asking: what that would save is not worth the wait for an answer. */
const fewCopies = 8;

/**
 * The share of the copies written together that is withheld, at least: of a thousand senders, hardly any two have the same one. To wait
 * for an answer then would make everything go one write for each round trip, and a copy that asks costs as much as three that do not.
 */
const leastShare = 0.5;

/** A copy that RabbitMQ gives back if it reaches nobody, and those that would have reached the same. */
interface Question {
  readonly copy: Envelope;
  readonly tag: number;
  readonly key: string;
  isReturned: boolean;
  isSettled: boolean;
}

/** A copy among those of its pack. */
type Member = readonly [copies: Copies, part: number];

/** Copies of one sender and topic. */
interface Alike {
  readonly isRequest: boolean;
  readonly members: Member[];
  /** Whether all of them are routed alike, whatever another program has bound. */
  areUniform: boolean;
}

/** What becomes of copies that were withheld. */
export interface Answered {
  /** Nobody would have got these. */
  readonly passed: ReadonlyMap<Copies, readonly number[]>;
  /** Somebody may get these. */
  readonly wanted: ReadonlyMap<Copies, readonly number[]>;
}

/**
 * Whether any other program listens. A plain copy costs RabbitMQ CPU time also when it reaches nobody, and where Warren alone uses the
 * exchanges all of them do that (docs/decisions.md has figures). So while nobody listens, of the copies that are written together one of each sender and topic is published, mandatory:
 * RabbitMQ gives it back if it reached no queue. Then the others would have reached none, and are not published. If it does not come
 * back they are published next, in order, and all copies from then on. Where few are written together, or few of them are alike, all are
 * published, since nothing more may be written before the answer.
 *
 * This is exact: what decides where a message goes is its topic and its headers, which those have in common. And a program that has
 * bound its queue gets all that is sent from then on: what one copy answers for was there when that was published, so it was sent
 * before. Copies with headers of the application's own, by which another program may choose, are always published. No I/O, no clock.
 */
export class Listening {
  #isHeard = true;
  #askedAtMs = Number.NEGATIVE_INFINITY;
  #questions: Question[] = [];
  /** The first of them that is not settled. */
  #first = 0;
  #open = 0;
  /** Whether it withholds copies until the questions are answered. */
  #isWithholding = false;
  /** The copies that are withheld, in order. */
  #withheld: (readonly [copies: Copies, part: number])[] = [];

  /** Whether nothing more may be written before RabbitMQ has answered. */
  get isWaiting(): boolean {
    return this.#isWithholding;
  }

  readonly #fewCopies: number;

  /** @param few fewer copies that are written together are all published, without asking */
  constructor(few = fewCopies) {
    this.#fewCopies = few;
  }

  /** Decides which copies are published, which of them ask, and which are withheld. Not while it is waiting. */
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

  /** An envelope with such copies is written, the first of its parts that are due with this delivery tag. */
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

  /** RabbitMQ has given back a copy. Its confirm comes afterwards. */
  returned(messageId: unknown, routingKey: string): void {
    for (let index = this.#first; index < this.#questions.length; index++) {
      const question = this.#questions[index]!;
      const { copy, isReturned } = question;
      if (isReturned || copy.messageId !== messageId || copy.routingKey !== routingKey) continue;
      question.isReturned = true;
      return;
    }
  }

  /** RabbitMQ has settled this tag; with `multiple`, all up to it. Returns what becomes of those that were withheld, once that is known. */
  settled(tag: number, multiple: boolean): Answered | undefined {
    if (this.#open === 0) return undefined;
    for (let index = this.#first; index < this.#questions.length; index++) {
      const question = this.#questions[index]!;
      if (question.tag > tag) break;
      if (question.isSettled || (question.tag !== tag && !multiple)) continue;
      question.isSettled = true;
      this.#open--;
      // Those that are to come say no more.
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
    // What the answers would save is not worth the wait for them otherwise.
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

/** Whether one of them tells where all of them go. One that is like no other is published in any case. */
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

/** Neither a topic nor a client id has a NUL. */
function keyOf({ routingKey, clientId = "" }: Envelope): string {
  return `${routingKey}\0${clientId}`;
}

/** Whether it has headers, beside those that Warren gives every copy: properties are none. */
function hasOwnHeaders({ headers }: Envelope): boolean {
  for (const name in headers) if (!isPropertyName(name)) return true;
  return false;
}
