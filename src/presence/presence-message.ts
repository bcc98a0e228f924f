/**
 * The messages between managers about presence, as `{ "presence": PresenceMessage }`, to all managers or to one. A manager whose clients
 * watch topics (a *watcher*) has a list of them, with a version that rises by one with each change. The managers with members (each is an
 * *publisher*) number their messages to each watcher. So both sides notice what they missed.
 */
export type PresenceMessage =
  /** To all: the sender watches these topics too, or no longer. Without topics, it only tells the version. */
  | { readonly from: string; readonly version: number; readonly watch?: Topics; readonly unwatch?: Topics }
  /** The whole list of topics, in parts: to all, or to a publisher that asked for it. */
  | {
      readonly from: string;
      readonly version: number;
      readonly all: Topics;
      readonly part: number;
      readonly parts: number;
    }
  /** To a watcher, or to all: send your whole list. */
  | { readonly from: string; readonly again: true }
  /** To a publisher: send everything again. */
  | { readonly from: string; readonly resend: true }
  /** To a watcher: members. Without any, it tells the number of the last message. */
  | { readonly from: string; readonly number: number; readonly news?: readonly News[] };

/** Names of topics. */
export type Topics = readonly string[];

/** Changes among a publisher's members of a topic. With `part`, it is a part of all its members. */
export interface News {
  /** The topic that it is about. */
  readonly topic: string;
  /** Which part this is. */
  readonly part?: number;
  /** How many parts there are. */
  readonly parts?: number;
  /** The ids of those that came. */
  readonly joined: readonly string[];
  /** The ids of those that went. */
  readonly left: readonly string[];
}

/** About the size of a message between managers. In bytes; text counts in characters. */
export const messageMaxBytes = 128 * 1024;

/** Parses a message. @returns undefined for what no manager would send */
export function presenceMessageIn(presence: unknown): PresenceMessage | undefined {
  if (typeof presence !== "object" || presence === null) return undefined;
  const { from, version, number, again, resend, watch, unwatch, all, part, parts, news } = presence as Record<
    string,
    unknown
  >;
  if (typeof from !== "string") return undefined;
  if (again === true || resend === true) return presence as PresenceMessage;
  if (number !== undefined)
    return isCount(number) && (news === undefined || (Array.isArray(news) && news.every(isNews)))
      ? (presence as PresenceMessage)
      : undefined;
  if (!isCount(version)) return undefined;
  if (all !== undefined)
    return areTexts(all) && isCount(part) && isCount(parts) ? (presence as PresenceMessage) : undefined;
  const isChange = [watch, unwatch].every((topics) => topics === undefined || areTexts(topics));
  return isChange ? (presence as PresenceMessage) : undefined;
}

function isNews(value: unknown): boolean {
  if (typeof value !== "object" || value === null) return false;
  const { topic, part, parts, joined, left } = value as Record<string, unknown>;
  const isWhole = part === undefined && parts === undefined;
  return (
    isText(topic) && areTexts(joined) && areTexts(left) && (isWhole || (isCount(part) && isCount(parts)))
  );
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

/** Topics and client ids have no more than 255 bytes. */
function isText(value: unknown): value is string {
  return typeof value === "string" && value.length <= 255;
}

function areTexts(value: unknown): value is string[] {
  return Array.isArray(value) && value.every(isText);
}
