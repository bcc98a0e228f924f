import { type Book, placeText } from "./book.ts";
import { type Era, judgeDurable, placesOf } from "./durable-judge.ts";
import { Findings } from "./findings.ts";
import { judgeLive } from "./live-judge.ts";
import { judgeReceipts } from "./receipt-judge.ts";

/** Within this time, the messages of a lost processor are delivered again. In milliseconds. */
const shakenMs = 30_000;
/** Within this time, a deleted log is declared again. In milliseconds. */
const onTheWayMs = 2000;

export interface Verdict {
  readonly findings: Findings;
  /** Different messages in the log, answers among them. */
  readonly inLog: number;
  readonly delivered: number;
  /** Messages that a manager published again, with the same id. */
  readonly publishedTwice: number;
  /** Messages that a processor answered twice. */
  readonly answeredTwice: number;
  /** Where that may happen: after a processor, or its connection, was lost. */
  readonly answersReordered: number;
  readonly gapsToldAgain: number;
  /** Messages with a receipt that went with a queue that was deleted. */
  readonly deleted: number;
}

/** Judges whether each reader got everything that it had to get, and each receipt was right. No I/O. */
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

/** Checks that in each log a sender's messages are in order, apart from repeats, which are counted. */
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
