/**
 * What managers say to one another about presence, in a message `{ "presence": Said }`: to all of them, or into the inbox of one.
 * A manager whose clients watch topics (a *watcher*) has a list of them, with a version that rises by one with each change; those
 * that have the members (each manager is an *owner*) number what they say to each watcher, and so each side notices what it missed.
 */
export type Said =
  /** For all managers: the sender watches these, too, or no more; or nothing has changed, and the version says so. */
  | { readonly from: string; readonly version: number; readonly watch?: Topics; readonly unwatch?: Topics }
  /** The whole list, in parts: to all, or to an owner that asked for it. */
  | {
      readonly from: string;
      readonly version: number;
      readonly all: Topics;
      readonly part: number;
      readonly parts: number;
    }
  /** For a watcher, or all of them: say your whole list. */
  | { readonly from: string; readonly again: true }
  /** For an owner: say all again. */
  | { readonly from: string; readonly resend: true }
  /** For a watcher: members. Without any, it says which number was the last. */
  | { readonly from: string; readonly number: number; readonly news?: readonly News[] };

/** Names of topics. */
export type Topics = readonly string[];

/** What changes among an owner's members of a topic. With `part`, it is a part of all of them. */
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

/** One message between managers has about this much. In bytes; of text in characters. */
export const saidBytesMax = 128 * 1024;

/** @returns undefined for what no manager would say */
export function saidIn(presence: unknown): Said | undefined {
  if (typeof presence !== "object" || presence === null) return undefined;
  const { from, version, number, again, resend, watch, unwatch, all, part, parts, news } = presence as Record<
    string,
    unknown
  >;
  if (typeof from !== "string") return undefined;
  if (again === true || resend === true) return presence as Said;
  if (number !== undefined)
    return isCount(number) && (news === undefined || (Array.isArray(news) && news.every(isNews)))
      ? (presence as Said)
      : undefined;
  if (!isCount(version)) return undefined;
  if (all !== undefined)
    return areTexts(all) && isCount(part) && isCount(parts) ? (presence as Said) : undefined;
  const isChange = [watch, unwatch].every((topics) => topics === undefined || areTexts(topics));
  return isChange ? (presence as Said) : undefined;
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

/** What a list of names has around it, and a name. */
const newsOverheadChars = 64;
const nameOverheadChars = 3;

/** What it takes in a message, in characters. */
export function sizeOf({ topic, joined, left }: News): number {
  const namesSize = (names: readonly string[]) =>
    names.reduce((sum, name) => sum + name.length + nameOverheadChars, 0);
  return newsOverheadChars + topic.length + namesSize(joined) + namesSize(left);
}
