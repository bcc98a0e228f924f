import { type Book, placeText } from "./book.ts";
import { type Era, judgeDurable, placesOf } from "./durable-judge.ts";
import { Findings } from "./findings.ts";
import { judgeLive } from "./live-judge.ts";
import { judgeReceipts } from "./receipt-judge.ts";

/** What a processor held when it was lost has come again by then, in milliseconds. */
const shakenMs = 30_000;
/** The log that was deleted is there again by then, in milliseconds. */
const onTheWayMs = 2000;

export interface Verdict {
  readonly findings: Findings;
  /** Different messages in the log, answers among them. */
  readonly inLog: number;
  readonly delivered: number;
  /** What a manager published twice, with the same id: once each more. */
  readonly publishedTwice: number;
  /** What a processor answered twice. */
  readonly answeredTwice: number;
  /** Where that may happen: after a processor, or its connection, was lost. */
  readonly answersReordered: number;
  readonly gapsToldAgain: number;
  /** What durable readers got twice over one connection since it was not known to have been there. */
  readonly repeatsUnknown: number;
  /** Messages with a receipt that went with a queue that was deleted. */
  readonly deleted: number;
}

/** Whether each reader saw what it must have seen, and each receipt held. No I/O. */
export function judge(book: Book): Verdict {
  const findings = new Findings();
  for (const { name, faults } of book.views) for (const fault of faults) findings.fault(name, fault);
  const eras = judgeDurable(book, findings);
  const counts = checkLogOrder(book, eras, findings);
  judgeLive(book, eras, findings);
  const deleted = judgeReceipts(book, eras, findings);
  return {
    findings,
    inLog: new Set(eras.flatMap((era) => [...era.values()].map(({ said }) => said.key))).size,
    delivered: book.views.reduce((sum, { seen }) => sum + seen.length, 0),
    ...counts,
    gapsToldAgain: findings.gapsToldAgain,
    repeatsUnknown: findings.repeatsUnknown,
    deleted,
  };
}

/** Each log has the messages of one sender in order, apart from those that come again. */
function checkLogOrder(book: Book, eras: readonly Era[], findings: Findings) {
  let publishedTwice = 0;
  let answeredTwice = 0;
  let answersReordered = 0;
  for (const [index, era] of eras.entries()) {
    const begunAt = book.logLosses[index - 1]?.to ?? Number.NEGATIVE_INFINITY;
    const comesAgain = index === 0 ? new Map<string, number>() : lastPlaces(era);
    const told = new Map<string, { readonly numbers: Set<number>; last: number }>();
    for (const place of placesOf(era)) {
      const { said, at } = era.get(place)!;
      const { kind, sender, number, key } = said;
      if (place < (comesAgain.get(key) ?? place)) {
        if (kind === "relayed") publishedTwice++;
        else answeredTwice++;
        continue;
      }
      // It was on its way when the log before this one went: here it comes before what it followed, and nobody sees it again.
      if (book.sentAt(sender, number) < begunAt + onTheWayMs) continue;
      const before = told.get(`${kind}/${sender}`);
      if (before === undefined) {
        told.set(`${kind}/${sender}`, { numbers: new Set([number]), last: number });
        continue;
      }
      if (before.numbers.has(number)) {
        if (kind === "relayed") publishedTwice++;
        else answeredTwice++;
      } else if (number < before.last) {
        if (kind !== "relayed" && isShaken(book, at)) answersReordered++;
        else findings.reordered({ name: "the log" }, `${key} at ${placeText(place)} after ${before.last}`);
      }
      before.numbers.add(number);
      before.last = Math.max(before.last, number);
    }
  }
  return { publishedTwice, answeredTwice, answersReordered };
}

/** Answers may change places where RabbitMQ takes for alive what is not, and where a backlog comes back twice: docs/reliability.md. */
function isShaken({ processorLosses }: Book, at: number): boolean {
  return processorLosses.some(({ from, to }) => at > from && at < to + shakenMs);
}

/**
 * Where each message was last. Of what is published while the log is deleted, some goes, and what was behind it gets into the new
 * one: the publisher publishes all of it again, in order.
 */
function lastPlaces(era: Era): Map<string, number> {
  return new Map(placesOf(era).map((place) => [era.get(place)!.said.key, place]));
}
