/**
 * The states of a durable subscription, and from each of them those that may follow, with what brings it about.
 *
 * | a subscription is | while | kept by |
 * |---|---|---|
 * | locating | it is not known where its place is | `Locator`, or `History` for the newest messages |
 * | sweeping | its place is older than what is in memory | `Sweeps` |
 * | catching up | it reads what is in memory | `Walks` |
 * | parked | its client has to read first | `Durables` |
 * | at the end | it has all that there is, and what comes is published to it | `LogEnd` |
 * | ended | | nobody |
 *
 * `Durables` alone moves a subscription, and only along this table.
 */
export const moves = {
  locating: {
    sweeping: "its place is found, and older than what is in memory",
    "catching up":
      "its place is found in memory; or the log begins anew, and it had named a place in the old one",
    "at the end": "its place is the log's end",
    ended: "its client leaves",
  },
  sweeping: {
    locating:
      "its sweep was cut off, or has shown that its place is of another log; or the log begins anew, and its place may be of it",
    "catching up": "its sweep has come to what is in memory; or the log begins anew",
    "at the end": "its sweep has come to the log's end",
    parked: "its client reads too slowly",
    ended: "its client leaves",
  },
  "catching up": {
    locating: "what it was to read next is in memory no more",
    "catching up": "the log begins anew",
    "at the end": "it has read all that there is",
    parked: "its client reads too slowly",
    ended: "its client leaves",
  },
  "at the end": {
    "catching up":
      "some records are missing before what comes next, which it is told of; or what comes is too much to be published at once",
    parked: "its client reads too slowly",
    ended: "its client leaves",
  },
  parked: {
    locating: "its client has read, and its place may be in memory no more",
    "catching up": "its client has read, and its place is in memory",
    "at the end": "its client has read, and its place is the log's end",
    ended: "its client leaves",
  },
  ended: {},
} as const satisfies Record<string, Readonly<Record<string, string>>>;

/** Where a durable subscription is on its way. */
export type DurableState = keyof typeof moves;
