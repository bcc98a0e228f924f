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
    deleted,
  };
}

/** In each log what one sender says is in order the first time, which is when clients get it. What comes again is counted. */
function checkLogOrder(book: Book, eras: readonly Era[], findings: Findings) {
  let publishedTwice = 0;
  let answeredTwice = 0;
  let answersReordered = 0;
  for (const [index, era] of eras.entries()) {
    const begunAt = book.logLosses[index - 1]?.to ?? Number.NEGATIVE_INFINITY;
    const told = new Map<string, { readonly numbers: Set<number>; last: number; lastPlace: number }>();
    for (const place of placesOf(era)) {
      const { said, at } = era.get(place)!;
      const { kind, sender, number, key } = said;
      const before = told.get(`${kind}/${sender}`);
      if (before?.numbers.has(number) === true) {
        if (kind === "relayed") publishedTwice++;
        else answeredTwice++;
        continue;
      }
      // It was on its way when the log before this one went: what followed it got here before it was published again.
      if (book.sentAt(sender, number) < begunAt + onTheWayMs) continue;
      if (before === undefined) {
        told.set(`${kind}/${sender}`, { numbers: new Set([number]), last: number, lastPlace: place });
        continue;
      }
      before.numbers.add(number);
      if (number > before.last) {
        before.last = number;
        before.lastPlace = place;
      } else if (kind !== "relayed" && isShaken(book, at)) answersReordered++;
      else
        findings.reordered(
          { name: "the log" },
          `${key} at ${placeText(place)} after ${before.last} at ${placeText(before.lastPlace)}`,
        );
    }
  }
  return { publishedTwice, answeredTwice, answersReordered };
}

/** Answers may change places where RabbitMQ takes for alive what is not, and where a backlog comes back twice: docs/reliability.md. */
function isShaken({ processorLosses }: Book, at: number): boolean {
  return processorLosses.some(({ from, to }) => at > from && at < to + shakenMs);
}
