import { keyOf } from "../faults/ledger.ts";

/** More than the messages of any record. */
const placesInRecord = 65_536;

/** Who published a message: its sender, or a group that answered it. */
export type Kind = "relayed" | Group;
export const groups = ["first", "second"] as const;
export type Group = (typeof groups)[number];

/** A message, parsed from its body: `s3:17` is the 17th of sender 3, `first/s3:17` the first group's answer to it. */
export interface Said {
  readonly kind: Kind;
  readonly sender: string;
  readonly number: number;
  /** Kind, sender and number: the same text for the same message, however often it is published. */
  readonly key: string;
}

/** What was said, once for all who heard it: a text that was cut from a message keeps all of it in memory. */
const heard = new Map<string, Said>();

export function saidIn(body: string): Said | undefined {
  const head = body.slice(0, 64);
  const key = keyOf(head);
  if (key === undefined) return undefined;
  const kind = groups.find((group) => head.startsWith(`${group}/`)) ?? "relayed";
  const text = keyText(kind, key.client, key.number);
  const before = heard.get(text);
  if (before !== undefined) return before;
  const said: Said = { kind, sender: ownText(key.client), number: key.number, key: ownText(text) };
  heard.set(said.key, said);
  return said;
}

/** A text in memory of its own. */
export function ownText(text: string): string {
  return Buffer.from(text).toString();
}

export function keyText(kind: Kind, sender: string, number: number): string {
  return `${kind}/${sender}:${number}`;
}

/** A handler of the first group fails on these. */
export function isBad(number: number): boolean {
  return number % 97 === 50;
}

/** A message that a reader got. */
export interface Seen {
  /** When, by `performance.now()`. */
  readonly at: number;
  /** Which of the reader's connections it came over, from 0. */
  readonly connection: number;
  readonly said: Said;
  /** AMQP's message id; empty over plain text. */
  readonly id: string;
  /** Its position in the log as a rising number; undefined for a live subscription. */
  readonly place: number | undefined;
  /** Whether it came with `x-stream-gap`. */
  readonly isAfterGap: boolean;
}

/** A message in the log. */
export interface Recorded {
  readonly said: Said;
  /** AMQP's message id. */
  readonly id: string;
  /** Its position in the log as a rising number. */
  readonly place: number;
}

/** Everything that happened to one reader. */
export interface View {
  readonly name: string;
  readonly isDurable: boolean;
  /** Whether it began with the first message of the log. */
  readonly isFromFirst: boolean;
  readonly wants: (topic: string) => boolean;
  readonly seen: readonly Seen[];
  /** When each connection was made, or for durable subscriptions, when it was subscribed. */
  readonly connectedAt: readonly number[];
  /** The manager of each connection. */
  readonly connectedTo: readonly string[];
  /** Whether the last connection was open until the end. */
  readonly isOpen: boolean;
  /** Events that must never happen: ERROR frames, invalid frames. */
  readonly faults: readonly string[];
}

export interface Receipt {
  readonly sender: string;
  readonly number: number;
  readonly at: number;
}

/** What was done to the system. */
export interface Loss {
  /** Between these two times, something that was kept was deleted. */
  readonly from: number;
  readonly to: number;
}

/** A manager that started at `from` did not know a group before `to`. In milliseconds. */
export interface Unaware {
  readonly from: number;
  to: number;
}

/** All that is known about a run when it is over. */
export interface Book {
  readonly topicOf: (sender: string) => string;
  readonly managerOf: (sender: string) => string;
  /** When a message was written to the socket. */
  readonly sentAt: (sender: string, number: number) => number;
  readonly receipts: readonly Receipt[];
  readonly views: readonly View[];
  /** All that is in the last log, as RabbitMQ has it: repeats too, which no durable reader gets. */
  readonly lastLog: readonly Recorded[];
  /** `GROUP/SENDER:NUMBER` of what was in the dead letters at the end. */
  readonly dead: ReadonlySet<string>;
  readonly logLosses: readonly Loss[];
  readonly groupLosses: Readonly<Record<Group, readonly Loss[]>>;
  readonly deadLosses: readonly Loss[];
  /** Deletions that a manager can only mend if it knows the groups. */
  readonly bindingLosses: readonly Loss[];
  /** When a processor or its connection was lost. */
  readonly processorLosses: readonly Loss[];
  /** When each manager did not know a group. */
  readonly unaware: Readonly<Record<string, Readonly<Record<Group, readonly Readonly<Unaware>[]>>>>;
}

/** The rising number of a message's position. */
export function placeAt(offset: number, index: number): number {
  return offset * placesInRecord + index;
}

/** Parses a position, which clients must not do. */
export function placeOf(position: string): number | undefined {
  const [, offset, index] = /^(\d+)(?:\.(\d+))?-\w+$/.exec(position) ?? [];
  return offset === undefined ? undefined : placeAt(Number(offset), Number(index ?? 0));
}

export function placeText(place: number): string {
  return `${Math.floor(place / placesInRecord)}.${place % placesInRecord}`;
}
