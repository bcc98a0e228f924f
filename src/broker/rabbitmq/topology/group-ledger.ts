import type { Channel, ChannelModel } from "amqplib";
import { groupNameFault } from "../../../group-name.ts";
import type { Declaring } from "./declaring.ts";

/** The fanout exchange, and the stream that it leads to, of which groups there are: AMQP lists no queues. */
export const groupLedger = "wsmanager.groups";
/** Managers write each group's record again before the stream is long enough to lose it. */
const ledgerBytesMax = 64 * 1024 ** 2;
/** Records on their way that were not acknowledged yet. */
const prefetch = 500;
const markType = "mark";
/** How long the ledger may send nothing before reading it is given up, in milliseconds. */
const silentMsMax = 10_000;
/** How long a mark that reached nothing waits before it is written again, in milliseconds. */
const unboundMs = 100;

/** What the ledger says of a group. After one that says that it was removed, those before it do not count. */
export interface GroupRecord {
  /** Its name. */
  readonly group: string;
  /** When a processor of it was last known to be there, in milliseconds since 1970. */
  readonly seenMs: number;
  /** Its queues were deleted on purpose. */
  readonly isRemoved: boolean;
  /** When this was written, in milliseconds since 1970. */
  readonly writtenMs: number;
}

/** Declares the stream of groups, if it is missing. */
export async function declareGroupLedger(declaring: Declaring): Promise<void> {
  await declaring.fanout(groupLedger);
  await declaring.queue(groupLedger, {
    "x-queue-type": "stream",
    "x-max-length-bytes": ledgerBytesMax,
    "x-stream-max-segment-size-bytes": ledgerBytesMax / 16,
  });
  await declaring.bindQueue(groupLedger, groupLedger);
}

/** Writes a record. It is lost where the ledger is not there. */
export function writeGroup(channel: Channel, record: Omit<GroupRecord, "writtenMs">, nowMs: number): void {
  channel.publish(groupLedger, "", Buffer.from(bodyOf({ ...record, writtenMs: nowMs })), {
    persistent: true,
    contentType: "application/json",
  });
}

/** A record as it stands in the stream. */
export function bodyOf({ group, seenMs, isRemoved, writtenMs }: GroupRecord): string {
  return JSON.stringify({ group, seen: seenMs, at: writtenMs, ...(isRemoved ? { removed: true } : {}) });
}

/** Undefined where it is none: any program may publish there. */
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
 * Reads the ledger from its beginning, and then what is added, on a channel that the caller watches.
 *
 * @param onEnd what was in it by now has been read
 * @param onGone the ledger was deleted
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
  // Its end is not known otherwise.
  const writeMark = () =>
    void channel.publish(groupLedger, "", Buffer.alloc(0), {
      type: markType,
      messageId: nonce,
      mandatory: true,
    });
  let again: NodeJS.Timeout | undefined;
  channel.on("close", () => clearTimeout(again));
  // Another process may have declared the ledger just now, and not bound it yet: the mark reaches nothing then.
  channel.on("return", ({ properties }) => {
    if (properties.messageId === nonce) again = setTimeout(writeMark, unboundMs);
  });
  writeMark();
}

/**
 * What the ledger says of each group now: that it was removed, or when it was last seen.
 *
 * @throws Error if there is no ledger (404), or it fell silent before its end
 */
export async function readGroups(connection: ChannelModel): Promise<ReadonlyMap<string, GroupRecord>> {
  const channel = await connection.createChannel();
  const records = new Map<string, GroupRecord>();
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  // It may be over before anybody waits for it.
  promise.catch(() => undefined);
  channel.on("error", reject);
  channel.on("close", () => reject(new Error("the channel was closed")));
  const silence = setTimeout(() => reject(new Error(`${groupLedger} is silent`)), silentMsMax);
  const take = (record: GroupRecord) => {
    silence.refresh();
    const before = records.get(record.group);
    // Managers write side by side: the latest sight counts.
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
