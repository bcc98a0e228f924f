import { type Book, type Group, groups, isBad, keyText, type Loss, type Receipt } from "./book.ts";
import type { Era } from "./durable-judge.ts";
import type { Findings } from "./findings.ts";

/** How long something may be on its way to a sender when something is deleted: a receipt, or what a frozen process holds. In milliseconds. */
const onTheWayMs = 2000;
/**
 * How long a deleted queue, or its binding, may stay away, in milliseconds: everybody that knows the group may be cut off from RabbitMQ for as
 * long as a fault lasts (9 s), and then has to connect again and to declare it.
 */
const undeclaredMs = 12_000;

/**
 * Judges the receipts: what has one is in the log, and every group has processed it or dead-lettered it, but for what somebody
 * deleted with its queue. Returns how many went that way.
 */
export function judgeReceipts(book: Book, eras: readonly Era[], findings: Findings): number {
  let deleted = 0;
  const logs = eras.map((era) => new Set([...era.values()].map(({ said }) => said.key)));
  const known = new Set([...logs.flatMap((log) => [...log]), ...book.dead]);
  const furthest = logs.map(furthestOf);
  const highest = new Map<string, number>();
  for (const { sender, number } of book.receipts)
    highest.set(sender, Math.max(highest.get(sender) ?? -1, number));
  const receiptedAt = new Map(book.receipts.map(({ sender, number, at }) => [`${sender}:${number}`, at]));

  /** Whether it was in a deleted log, at a place that no reader had reached: none has read a later message of its sender there. */
  const wentWithLog = ({ sender, number, at }: Receipt) =>
    book.logLosses.some(
      ({ to }, index) =>
        at < to + onTheWayMs &&
        furthest.slice(0, index + 1).every((one) => (one.get(`relayed/${sender}`) ?? -1) < number),
    );
  const lasts = new Map<string, Map<Loss, readonly boolean[]>>();
  /** For each number of a sender, whether no later message that certainly was in that queue was processed. One pass for all of them. */
  const lastsBefore = (loss: Loss, group: Group, sender: string): readonly boolean[] => {
    const who = `${group}/${sender}`;
    const ofSender = lasts.get(who) ?? new Map<Loss, readonly boolean[]>();
    lasts.set(who, ofSender);
    const before = ofSender.get(loss);
    if (before !== undefined) return before;
    const count = (highest.get(sender) ?? -1) + 1;
    const isLast = new Array<boolean>(count).fill(false);
    for (let number = count - 1; number >= 0; number--) {
      const laterAt = receiptedAt.get(`${sender}:${number + 1}`);
      if (laterAt === undefined || laterAt >= loss.from) isLast[number] = true;
      else isLast[number] = !known.has(keyText(group, sender, number + 1)) && isLast[number + 1] === true;
    }
    ofSender.set(loss, isLast);
    return isLast;
  };
  /** Whether it was in a deleted queue, and no later message that certainly was in that queue was processed. */
  const wentWithQueue = ({ sender, number, at }: Receipt, group: Group, losses: readonly Loss[]) =>
    losses.some((loss) => at < loss.to + onTheWayMs && lastsBefore(loss, group, sender)[number]);

  for (const receipt of book.receipts) {
    const { sender, number, at } = receipt;
    const told = `${sender}:${number}, receipt at ${Math.round(at)} ms`;
    if (!known.has(keyText("relayed", sender, number))) {
      if (wentWithLog(receipt)) deleted++;
      else findings.receiptNotInLog(sender, told);
    }
    for (const group of groups) {
      if (known.has(keyText(group, sender, number))) continue;
      const isDead = group === "first" && isBad(number);
      const isGone =
        wentWithQueue(receipt, group, book.groupLosses[group]) ||
        // Its answer may have been in the log that no reader has read to its end.
        book.logLosses.some(({ to }) => at < to + onTheWayMs) ||
        (isDead && book.deadLosses.some(({ to }) => at < to + onTheWayMs)) ||
        isUnaware(book, group, receipt);
      if (isGone) deleted++;
      else {
        const last = furthest.map((one) => one.get(`${group}/${sender}`) ?? "none").join(", ");
        findings.receiptNotProcessed(sender, `${group}: ${told}; the furthest that it has answered: ${last}`);
      }
    }
  }
  return deleted;
}

/** A manager that has just started may not know a group whose queue it would have to miss: docs/reliability.md. */
function isUnaware(book: Book, group: Group, { sender, at }: Receipt): boolean {
  const times = book.unaware[book.managerOf(sender)]?.[group] ?? [];
  return [...book.groupLosses[group], ...book.bindingLosses].some((loss) =>
    times.some(
      ({ from, to }) =>
        loss.to > from - undeclaredMs &&
        loss.from < to &&
        at > Math.max(from, loss.from) &&
        at < to + onTheWayMs,
    ),
  );
}

function furthestOf(keys: ReadonlySet<string>): Map<string, number> {
  const furthest = new Map<string, number>();
  for (const key of keys) {
    const [of = "", number] = key.split(":");
    furthest.set(of, Math.max(furthest.get(of) ?? -1, Number(number)));
  }
  return furthest;
}
