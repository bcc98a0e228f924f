import { type AnyMetric, LabelledCounter } from "../../ops/metrics.ts";
import { type CloseCode, closeCodes } from "../../wire/close-codes.ts";
import type { Seat } from "./seat.ts";

const other = "other";

/** Why connections ended, as far as the manager can tell. docs/operations.md explains each. */
const endingCauses = [
  "client",
  "lost",
  "slow",
  "memory",
  "vanished",
  "flood",
  "token",
  "invalid",
  "silent",
  "stopping",
  other,
] as const;
/** Why a connection ended, for metrics and logs. */
export type EndingCause = (typeof endingCauses)[number];

/** The causes that follow from the close code alone. Any other code means `other`. */
const causeOfCode: Readonly<Record<number, EndingCause>> = {
  1000: "client",
  1001: "client",
  1002: "invalid",
  1003: "invalid",
  1005: "client",
  1006: "lost",
  1007: "invalid",
  1009: "invalid",
  [closeCodes.unauthenticated.code]: "token",
  [closeCodes.forbidden.code]: "token",
  [closeCodes.noKeys.code]: "token",
  [closeCodes.silent.code]: "silent",
  [closeCodes.memoryFull.code]: "memory",
  [closeCodes.flood.code]: "flood",
};

/** Counts connections with why they ended, and bytes. */
export class Traffic {
  readonly #codes = new Set(Object.values<CloseCode>(closeCodes).map(({ code }) => `${code}`));
  readonly #byCode = new LabelledCounter(
    { name: "warren_closed_total", help: "Connections that ended, by close code.", label: "code" },
    [...this.#codes, other],
  );
  readonly #byCause = new LabelledCounter(
    {
      name: "warren_disconnects_total",
      help: "Connections that ended, by cause: `slow` read too slowly, `memory` had the most when all together had too much, `vanished` answered no ping, `lost` is the network or the client's end, `client` closed by itself.",
      label: "cause",
    },
    endingCauses,
  );
  #connected = 0;
  #closed = 0;
  /** What clients sent, including frames and headers; text counts in UTF-16 units. */
  receivedBytes = 0;
  /** What was written to single clients, in the same unit. */
  sentBytes = 0;
  /** Whether the manager is closing its clients itself. */
  isStopping = false;

  readonly #publishedBytes: () => number;

  /** @param publishedBytes what was sent to many at once, counting each copy */
  constructor(publishedBytes: () => number) {
    this.#publishedBytes = publishedBytes;
  }

  readonly metrics: readonly AnyMetric[] = [
    {
      name: "warren_connects_total",
      type: "counter",
      help: "Clients that connected.",
      read: () => this.#connected,
    },
    this.#byCause.metric,
    this.#byCode.metric,
    {
      name: "warren_received_bytes_total",
      type: "counter",
      help: "What clients sent, frames and headers included. Text counts by its UTF-16 units.",
      read: () => this.receivedBytes,
    },
    {
      name: "warren_sent_bytes_total",
      type: "counter",
      help: "What was sent to clients: one message to a thousand clients counts a thousand times. Text counts by its UTF-16 units.",
      read: () => this.sentBytes + this.#publishedBytes(),
    },
  ];

  /** How many clients came, and how many went, together. */
  get visitCount(): number {
    return this.#connected + this.#closed;
  }

  /** What was received from clients, and written to single ones. In bytes; text counts in UTF-16 units. */
  get movedBytes(): number {
    return this.receivedBytes + this.sentBytes;
  }

  /** What was sent to many at once, counting each copy. In bytes; text counts in UTF-16 units. */
  get fannedOutBytes(): number {
    return this.#publishedBytes();
  }

  opened(): void {
    this.#connected++;
  }

  /** Counts a connection that has ended, and returns why. A client may close with any code. */
  closed(code: number, { endedBy }: Pick<Seat, "endedBy">): EndingCause {
    this.#closed++;
    const name = `${code}`;
    this.#byCode.add(this.#codes.has(name) ? name : other);
    const isFarewell = this.isStopping && code === closeCodes.goingAway.code;
    const cause = endedBy ?? (isFarewell ? "stopping" : (causeOfCode[code] ?? other));
    this.#byCause.add(cause);
    return cause;
  }
}
