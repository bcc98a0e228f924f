import type { Channel, ChannelModel } from "amqplib";
import { groupNameFault } from "../../../group-name.ts";
import type { Declarations } from "./declarations.ts";

/** The fanout exchange and the stream with the list of groups, since AMQP cannot list queues. */
export const groupLedger = "wsmanager.groups";
/** The size of the stream. Managers write each group's record again before the stream grows long enough to lose it. */
const ledgerBytesMax = 64 * 1024 ** 2;
/** How many records may be unacknowledged. */
const prefetch = 500;
const markType = "mark";
/** Reading is given up if the ledger sends nothing for this long, in milliseconds. */
const silentMsMax = 10_000;
/** If a mark reached no queue, it is written again after this time, in milliseconds. */
const unboundMs = 100;

/** What the ledger says about a group. Records before one that says that it was removed do not count. */
export interface GroupRecord {
  /** Its name. */
  readonly group: string;
  /** When one of its processors was last known to run, in milliseconds since 1970. */
  readonly seenMs: number;
  /** Whether its queues were deleted on purpose. */
  readonly isRemoved: boolean;
  /** When this was written, in milliseconds since 1970. */
  readonly writtenMs: number;
}

/** Declares the stream of groups, if it is missing. */
export async function declareGroupLedger(declaring: Declarations): Promise<void> {
  await declaring.fanout(groupLedger);
  await declaring.queue(groupLedger, {
    "x-queue-type": "stream",
    "x-max-length-bytes": ledgerBytesMax,
    "x-stream-max-segment-size-bytes": ledgerBytesMax / 16,
  });
  await declaring.bindQueue(groupLedger, groupLedger);
}

/** Writes a record. It is lost if the ledger does not exist. */
export function writeGroup(channel: Channel, record: Omit<GroupRecord, "writtenMs">, nowMs: number): void {
  channel.publish(groupLedger, "", Buffer.from(bodyOf({ ...record, writtenMs: nowMs })), {
    persistent: true,
    contentType: "application/json",
  });
}

/** A record's text in the stream. */
export function bodyOf({ group, seenMs, isRemoved, writtenMs }: GroupRecord): string {
  return JSON.stringify({ group, seen: seenMs, at: writtenMs, ...(isRemoved ? { removed: true } : {}) });
}

/** Parses a record; undefined if it is none, since any program may publish there. */
export function recordIn(body: Uint8Array): GroupRecord | undefined {
  let said: { readonly [name: string]: unknown } | null;
  try {
    said = JSON.parse(Buffer.from(body).toString());
  } catch {
    return undefined;
  }
  const { group, seen, at, removed } = said ?? {};
  if (typeof group !== "string" || groupNameFault(group) !== undefined) return undefined;
  if (!isMoment(seen) || !isMoment(at)) return undefined;
  return { group, seenMs: seen, isRemoved: removed === true, writtenMs: at };
}

function isMoment(value: unknown): value is number {
  return typeof value === "number" && value >= 0 && value <= 8.64e15;
}

/**
 * Reads the ledger from its beginning, and then new records, on a channel that the caller watches.
 *
 * @param onEnd called when everything was read that was in it at the start
 * @param onGone called when the ledger was deleted
 */
export async function followGroups(
  channel: Channel,
  onRecord: (record: GroupRecord) => void,
  onEnd: () => void,
  onGone: () => void,
): Promise<void> {
  const nonce = crypto.randomUUID();
  await channel.prefetch(prefetch);
  await channel.consume(
    groupLedger,
    (delivery) => {
      if (delivery === null) return onGone();
      channel.ack(delivery);
      const { type, messageId } = delivery.properties;
      if (type === markType) return messageId === nonce ? onEnd() : undefined;
      const record = recordIn(delivery.content);
      if (record !== undefined) onRecord(record);
    },
    { arguments: { "x-stream-offset": "first" } },
  );
  // A mark is written, since there is no other way to find the end.
  const writeMark = () =>
    void channel.publish(groupLedger, "", Buffer.alloc(0), {
      type: markType,
      messageId: nonce,
      mandatory: true,
    });
  let again: NodeJS.Timeout | undefined;
  channel.on("close", () => clearTimeout(again));
  // Another process may just have declared the ledger and not bound it yet. Then the mark reaches nothing.
  channel.on("return", ({ properties }) => {
    if (properties.messageId === nonce) again = setTimeout(writeMark, unboundMs);
  });
  writeMark();
}

/**
 * The current record of each group: that it was removed, or when it was last seen.
 *
 * @throws Error if there is no ledger (404), or if it sends nothing before its end
 */
export async function readGroups(connection: ChannelModel): Promise<ReadonlyMap<string, GroupRecord>> {
  const channel = await connection.createChannel();
  const records = new Map<string, GroupRecord>();
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  // It may reject before anybody waits for it.
  promise.catch(() => undefined);
  channel.on("error", reject);
  channel.on("close", () => reject(new Error("the channel was closed")));
  const silence = setTimeout(() => reject(new Error(`${groupLedger} is silent`)), silentMsMax);
  const take = (record: GroupRecord) => {
    silence.refresh();
    const before = records.get(record.group);
    // Managers write independently of one another, so the latest time counts.
    const isOlder = !record.isRemoved && before?.isRemoved === false && before.seenMs > record.seenMs;
    if (!isOlder) records.set(record.group, record);
  };
  try {
    await Promise.race([
      promise,
      followGroups(channel, take, resolve, () => reject(new Error(`${groupLedger} has gone`))),
    ]);
    await promise;
  } finally {
    clearTimeout(silence);
  }
  await channel.close();
  return records;
}
