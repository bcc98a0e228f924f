/**
 * A place in the log: just after the message with this index, in the record with this offset. Everything up to and including that message
 * is done with. Most records have one message; a pack has many.
 */
export interface Position {
  /** The record's offset. */
  readonly offset: number;
  /** −1: before the record's first message. Infinity: after its last one. */
  readonly index: number;
  /** The record's fingerprint (`fingerprintOf`), as the client knows it. Another log has another record at this place. */
  readonly fingerprint?: string | undefined;
}

/** A position that ends with this begins after the message, not with it. */
const next = "~";

/**
 * A message's position as clients see it. They give it back unchanged and need not know what it means.
 *
 * @param fingerprint the record's; without it the position is valid in any log
 */
export function positionText(
  offset: number,
  index: number,
  messageCount: number,
  fingerprint?: string,
): string {
  const place = messageCount === 1 ? `${offset}` : `${offset}.${index}`;
  return fingerprint === undefined ? place : `${place}-${fingerprint}`;
}

/** The position from which everything after this one is delivered, and nothing else. */
export function positionAfter(position: string): string {
  return `${position}${next}`;
}

/** Whether a message lies after a position. */
export function isAfter(position: Position, offset: number, index: number): boolean {
  return offset > position.offset || (offset === position.offset && index > position.index);
}

/** Where a durable subscription begins. */
export type Start =
  | "first"
  | "next"
  /** Begins with the newest message of each topic. */
  | "last"
  /** Begins with this many of the newest messages of all topics. */
  | { readonly last: number }
  | { readonly timestamp: number }
  | Position;

/** The most that a subscription may ask for with `last=N`. */
export const lastMax = 10_000;

/**
 * Parses the header `x-stream-offset` of a subscription: `first`, `next`, `last`, `last=N`, a position, or `timestamp=SECONDS`. Undefined
 * if it is none of these.
 */
export function startAt(text: string): Start | undefined {
  if (text === "first" || text === "next" || text === "last") return text;
  const [, last] = /^last=(\d{1,6})$/.exec(text) ?? [];
  if (last !== undefined)
    return Number(last) >= 1 && Number(last) <= lastMax ? { last: Number(last) } : undefined;
  const [, seconds] = /^timestamp=(\d{1,12})$/.exec(text) ?? [];
  if (seconds !== undefined) return { timestamp: Number(seconds) };
  const place = placeIn(text);
  if (place === undefined) return undefined;
  return place.isNext ? after(place) : { ...after(place), index: (place.index ?? 0) - 1 };
}

/** Understands the header `x-stream-after`: the position of the message seen last. Undefined if it is none. */
export function startAfter(text: string): Position | undefined {
  const place = placeIn(text);
  return place && after(place);
}

interface Place {
  readonly offset: number;
  readonly index: number | undefined;
  readonly fingerprint: string | undefined;
  readonly isNext: boolean;
}

function after({ offset, index = Number.POSITIVE_INFINITY, fingerprint }: Place): Position {
  return fingerprint === undefined ? { offset, index } : { offset, index, fingerprint };
}

function placeIn(text: string): Place | undefined {
  const parts = /^(\d{1,16})(?:\.(\d{1,9}))?(?:-([0-9a-z]{1,6}))?(~)?$/.exec(text);
  const [, offset, index, fingerprint, isNext] = parts ?? [];
  if (offset === undefined || !Number.isSafeInteger(Number(offset))) return undefined;
  return {
    offset: Number(offset),
    index: index === undefined ? undefined : Number(index),
    fingerprint,
    isNext: isNext === next,
  };
}
