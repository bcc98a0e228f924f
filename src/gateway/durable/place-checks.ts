import { type BackoffLimits, backoffMs } from "../../backoff.ts";
import type { LogReading, RecordExchange } from "../../broker/broker.ts";
import type { Envelope } from "../../envelope/envelope.ts";
import { fingerprintOf } from "../../envelope/fingerprint.ts";
import type { Position } from "../../log/position.ts";
import type { SharedLog } from "./shared-log.ts";

/** Readings at the same time: each is a channel and a consumer in RabbitMQ. */
const readingsMax = 2;
/** One that gets nothing for this time asks for a place that a new log has not reached: it is asked for anew. In milliseconds. */
const silenceMsMax = 15_000;

/** What is asked about one place. */
interface Asked {
  /** Those that ask, each with what it has to hear. */
  readonly by: Map<object, { readonly fingerprint: string; readonly onChecked: OnChecked }>;
  end: (() => void) | undefined;
}

/** Whether it is the same log; undefined if this has to be found out anew. */
type OnChecked = (isSame: boolean | undefined) => void;

/**
 * Looks in the log whether what a client saw at a place is there: for places that lie among what is in memory, but have no record in it, such
 * as that of a mark, which is where a client is that has got nothing yet from a manager that has just started.
 */
export class PlaceChecks {
  readonly #log: Pick<SharedLog, "read">;
  readonly #retryBackoff: BackoffLimits;
  /** What was asked of each offset, the oldest question first. */
  readonly #asked = new Map<number, Asked>();
  /** What each of those that ask has asked about, by its offset. */
  readonly #offsets = new Map<object, number>();
  #readings = 0;
  #failures = 0;
  #immediate: NodeJS.Immediate | undefined;
  #retryTimer: NodeJS.Timeout | undefined;

  constructor(log: Pick<SharedLog, "read">, retryBackoff: BackoffLimits) {
    this.#log = log;
    this.#retryBackoff = retryBackoff;
  }

  /** @param onChecked called once, later, unless `forget` is called with the same `who` */
  check(who: object, { offset }: Position, fingerprint: string, onChecked: OnChecked): void {
    let asked = this.#asked.get(offset);
    if (asked === undefined) {
      asked = { by: new Map(), end: undefined };
      this.#asked.set(offset, asked);
    }
    asked.by.set(who, { fingerprint, onChecked });
    this.#offsets.set(who, offset);
    this.#goOnSoon();
  }

  forget(who: object): void {
    const offset = this.#offsets.get(who);
    const asked = offset === undefined ? undefined : this.#asked.get(offset);
    if (asked === undefined) return;
    this.#offsets.delete(who);
    asked.by.delete(who);
    if (asked.by.size > 0) return;
    this.#asked.delete(offset!);
    asked.end?.();
  }

  close(): void {
    clearImmediate(this.#immediate);
    clearTimeout(this.#retryTimer);
    this.#immediate = undefined;
    this.#retryTimer = undefined;
    for (const { end } of this.#asked.values()) end?.();
    this.#asked.clear();
    this.#offsets.clear();
  }

  /** Goes on at the end of the turn: a subscription that leaves at once has cost no reading. */
  #goOnSoon(): void {
    this.#immediate ??= setImmediate(() => {
      this.#immediate = undefined;
      this.#goOn();
    });
  }

  #goOn(): void {
    if (this.#retryTimer !== undefined) return;
    for (const [offset, asked] of this.#asked) {
      if (this.#readings >= readingsMax) return;
      if (asked.end === undefined) this.#read(offset, asked);
    }
  }

  #read(offset: number, asked: Asked): void {
    const timer = setTimeout(() => this.#found(offset, asked, undefined), silenceMsMax);
    const reading: LogReading = this.#log.read(offset, {
      aheadMax: 1,
      record: (at: number, _exchange: RecordExchange, envelope: Envelope) => {
        // RabbitMQ may begin with what lies before the record that was asked for.
        if (at < offset) reading.handled(1);
        else this.#found(offset, asked, at === offset ? fingerprintOf(envelope) : "");
      },
      ended: (why) => this.#found(offset, asked, why === "nothing kept" ? "any" : undefined),
    });
    this.#readings++;
    asked.end = () => {
      asked.end = undefined;
      this.#readings--;
      clearTimeout(timer);
      reading.stop();
      this.#goOnSoon();
    };
  }

  /**
   * @param seen the fingerprint of what is there; `any` where there is no log but what is in memory, which keeps no fingerprints of what
   * is no record; undefined if nobody knows
   */
  #found(offset: number, asked: Asked, seen: string | undefined): void {
    asked.end?.();
    this.#asked.delete(offset);
    if (seen === undefined) this.#pause();
    else this.#failures = 0;
    for (const who of asked.by.keys()) this.#offsets.delete(who);
    for (const { fingerprint, onChecked } of asked.by.values())
      onChecked(seen === undefined ? undefined : seen === "any" || seen === fingerprint);
  }

  /** Those that ask anew meanwhile wait. */
  #pause(): void {
    this.#failures++;
    this.#retryTimer ??= setTimeout(
      () => {
        this.#retryTimer = undefined;
        this.#goOn();
      },
      backoffMs(this.#failures, this.#retryBackoff, Math.random()),
    );
  }
}
