import type { Answered } from "./api.ts";

/**
 * What stands in place of a list that has nothing to show.
 *
 * @param what the plural of what the list is of
 * @param unknown how many were answered that this page does not know, so that there are some
 */
export function nothingOf(what: string, unknown: number): string {
  return unknown === 0 ? `No ${what}.` : `None of the ${what} can be shown.`;
}

/** Why something was not answered: what the manager says, or what it needs for that. */
export function whyNot(answered: Exclude<Answered, { is: "ok" }>, what: string): string {
  switch (answered.is) {
    case "refused":
      return answered.why;
    case "locked":
      return `Enter the admin token to see ${what}.`;
    case "absent":
      return `A manager without --admin-token-file does not list ${what}.`;
  }
}

/** What an answer says in one of its texts. An empty one is not the same as none. */
export function told(text: string | undefined, none = "none"): string {
  if (text === undefined) return none;
  return text === "" ? "(empty)" : text;
}

/** A number of an answer; undefined if it has none there. */
export function numberIn(value: unknown): number | undefined {
  return typeof value === "number" && Number.isFinite(value) ? value : undefined;
}
