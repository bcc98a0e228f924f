import { type Book, type Group, groups, isBad, keyText, placeText, type Receipt } from "./book.ts";
import { type Era, judgeDurable, placesOf } from "./durable-judge.ts";
import { Findings } from "./findings.ts";
import { judgeLive } from "./live-judge.ts";

/** What may be on its way to a sender when something is deleted, in milliseconds: a receipt, or what a frozen process had in hand. */
const onTheWayMs = 2000;
/** What a processor held when it was lost has come again by then, in milliseconds. */
const shakenMs = 30_000;
/** A manager may not know a group yet for so long: processors write marks every 10 s. In milliseconds. */
const unawareMs = 12_000;

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

/** What the log holds, whichever log it was. */
type InLog = ReadonlyMap<string, readonly { readonly era: number; readonly place: number }[]>;

/** Whether each reader saw what it must have seen, and each receipt held. No I/O. */
export function judge(book: Book): Verdict {
  const findings = new Findings();
  for (const { name, faults } of book.views) for (const fault of faults) findings.fault(name, fault);
  const eras = judgeDurable(book, findings);
  const inLog = index(eras);
  const counts = checkLogOrder(book, eras, findings);
  judgeLive(book, eras, findings);
  const deleted = checkReceipts(book, inLog, findings);
  return {
    findings,
    inLog: inLog.size,
    delivered: book.views.reduce((sum, { seen }) => sum + seen.length, 0),
    ...counts,
    gapsToldAgain: findings.gapsToldAgain,
    deleted,
  };
}

function index(eras: readonly Era[]): InLog {
  const inLog = new Map<string, { era: number; place: number }[]>();
  for (const [era, map] of eras.entries()) {
    for (const [place, { said }] of map) {
      const places = inLog.get(said.key);
      if (places === undefined) inLog.set(said.key, [{ era, place }]);
      else places.push({ era, place });
    }
  }
  return inLog;
}

/** Each log has the messages of one sender in order, apart from those that come again. */
function checkLogOrder(book: Book, eras: readonly Era[], findings: Findings) {
  let publishedTwice = 0;
  let answeredTwice = 0;
  let answersReordered = 0;
  for (const era of eras) {
    const told = new Map<string, { readonly numbers: Set<number>; last: number }>();
    for (const place of placesOf(era)) {
      const { said, at } = era.get(place)!;
      const { kind, sender, number, key } = said;
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

/** What has a receipt is in the log, and every group has processed it, but for what somebody deleted with its queue. */
function checkReceipts(book: Book, inLog: InLog, findings: Findings): number {
  let deleted = 0;
  const furthest = furthestOf(inLog);
  for (const receipt of book.receipts) {
    const { sender, number, at } = receipt;
    const told = `${sender}:${number}, receipt at ${Math.round(at)} ms`;
    if (!inLog.has(keyText("relayed", sender, number))) {
      if (wentWith(book.logLosses, receipt)) deleted++;
      else findings.receiptNotInLog(sender, told);
    }
    for (const group of groups) {
      if (isProcessed(book, inLog, group, receipt)) continue;
      const isBadHere = group === "first" && isBad(number);
      const losses = [...book.groupLosses[group], ...book.logLosses, ...(isBadHere ? book.deadLosses : [])];
      if (wentWith(losses, receipt) || isUnaware(book, group, receipt)) deleted++;
      else
        findings.receiptNotProcessed(
          sender,
          `${group}: ${told}; the furthest that it has processed is ${furthest.get(`${group}/${sender}`)}`,
        );
    }
  }
  return deleted;
}

function isProcessed({ dead }: Book, inLog: InLog, group: Group, { sender, number }: Receipt): boolean {
  const key = keyText(group, sender, number);
  return inLog.has(key) || dead.has(key);
}

function wentWith(losses: Book["logLosses"], { at }: Receipt): boolean {
  return losses.some(({ to }) => at < to + onTheWayMs);
}

/** A manager that has just started may not know a group whose queue it would have to miss: docs/reliability.md. */
function isUnaware(book: Book, group: Group, { sender, at }: Receipt): boolean {
  const starts = book.managerStarts[book.managerOf(sender)] ?? [];
  return [...book.groupLosses[group], ...book.bindingLosses].some(({ from, to }) =>
    starts.some(
      (start) => start > from - unawareMs && start < to + unawareMs && at > from && at < to + unawareMs,
    ),
  );
}

function furthestOf(inLog: InLog): Map<string, number> {
  const furthest = new Map<string, number>();
  for (const key of inLog.keys()) {
    const [of = "", number] = key.split(":");
    furthest.set(of, Math.max(furthest.get(of) ?? -1, Number(number)));
  }
  return furthest;
}
