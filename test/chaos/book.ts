import { keyOf } from "../faults/ledger.ts";

/** Who says a message: its sender, or a group that answers it. */
export type Kind = "relayed" | Group;
export const groups = ["first", "second"] as const;
export type Group = (typeof groups)[number];

/** A message as a body says it: `s3:17` is the 17th of sender 3, `first/s3:17` the first group's answer to it. */
export interface Said {
  readonly kind: Kind;
  readonly sender: string;
  readonly number: number;
  /** Kind, sender and number: the same text for the same message, however often it is published. */
  readonly key: string;
}

export function saidIn(body: string): Said | undefined {
  const head = body.slice(0, 64);
  const key = keyOf(head);
  if (key === undefined) return undefined;
  const kind = groups.find((group) => head.startsWith(`${group}/`)) ?? "relayed";
  return { kind, sender: key.client, number: key.number, key: keyText(kind, key.client, key.number) };
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
  /** The place in the log of a durable subscription's message, as a number that rises; undefined for a live one's. */
  readonly place: number | undefined;
  /** It came with `x-stream-gap`. */
  readonly isAfterGap: boolean;
}

/** All that one reader got, and what else happened to it. */
export interface View {
  readonly name: string;
  readonly isDurable: boolean;
  /** It began with the first message of the log. */
  readonly isFromFirst: boolean;
  readonly wants: (topic: string) => boolean;
  readonly seen: readonly Seen[];
  /** When each connection was made; for durable subscriptions, when it was in force. */
  readonly connectedAt: readonly number[];
  /** The manager of each connection. */
  readonly connectedTo: readonly string[];
  /** The last connection was open to the end. */
  readonly isOpen: boolean;
  /** What must never happen: ERROR frames, frames that make no sense. */
  readonly faults: readonly string[];
}

export interface Receipt {
  readonly sender: string;
  readonly number: number;
  readonly at: number;
}

/** What was done to the system. */
export interface Loss {
  /** Between these two, something that was kept went. */
  readonly from: number;
  readonly to: number;
}

/** All that is known about a run when it is over. */
export interface Book {
  readonly topicOf: (sender: string) => string;
  readonly managerOf: (sender: string) => string;
  /** When a message was given to the socket. */
  readonly sentAt: (sender: string, number: number) => number;
  readonly receipts: readonly Receipt[];
  readonly views: readonly View[];
  /** `GROUP/SENDER:NUMBER` of what was in the dead letters at the end. */
  readonly dead: ReadonlySet<string>;
  readonly logLosses: readonly Loss[];
  readonly groupLosses: Readonly<Record<Group, readonly Loss[]>>;
  readonly deadLosses: readonly Loss[];
  /** Deletions after which a manager has to know the groups to bring them back. */
  readonly bindingLosses: readonly Loss[];
  /** When a processor or its connection was lost. */
  readonly processorLosses: readonly Loss[];
  /** When each life of a manager reached RabbitMQ for the first time: before, it knows of no group. */
  readonly managerStarts: Readonly<Record<string, readonly number[]>>;
}

/** Positions are texts of no meaning to clients; tests may know better. */
export function placeOf(position: string): number | undefined {
  const [, offset, index] = /^(\d+)(?:\.(\d+))?-\w+$/.exec(position) ?? [];
  return offset === undefined ? undefined : Number(offset) * 65_536 + Number(index ?? 0);
}

export function placeText(place: number): string {
  return `${Math.floor(place / 65_536)}.${place % 65_536}`;
}
