import { type BackoffLimits, backoffMs } from "../../backoff.ts";
import type { LogReading, RecordExchange } from "../../broker/broker.ts";
import type { Envelope } from "../../envelope/envelope.ts";
import { fingerprintOf } from "../../envelope/fingerprint.ts";
import type { Position } from "../../log/position.ts";
import type { SharedLog } from "./shared-log.ts";

/** How many readings may run at a time: each is a channel and a consumer in RabbitMQ. */
const readingsMax = 2;
/** A reading that gets nothing for this time has asked for a place that a new log has not reached. It starts again. In milliseconds. */
const silenceMsMax = 15_000;

/** The questions about one place. */
interface Asked {
  /** Those that ask, each with the fingerprint that it expects. */
  readonly by: Map<object, { readonly fingerprint: string; readonly onChecked: OnChecked }>;
  end: (() => void) | undefined;
}

/** Gets whether it is the same log; undefined if this has to be found out again. */
type OnChecked = (isSame: boolean | undefined) => void;

/**
 * Checks in the log whether what a client saw at a place is there. This is for places that memory covers but for which it has no record,
 * such as that of a mark: a client that has got nothing yet from a manager that has just started is at such a place.
 */
export class PlaceChecks {
  readonly #log: Pick<SharedLog, "read">;
  readonly #retryBackoff: BackoffLimits;
  /** The questions by offset, the oldest one first. */
  readonly #asked = new Map<number, Asked>();
  /** The offset that each asker has asked about. */
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
    this.#resumeSoon();
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

  /** Starts at the end of the turn, so that a subscription that leaves at once costs no reading. */
  #resumeSoon(): void {
    this.#immediate ??= setImmediate(() => {
      this.#immediate = undefined;
      this.#resume();
    });
  }

  #resume(): void {
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
        // RabbitMQ may begin with records before the one that was asked for.
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
      this.#resumeSoon();
    };
  }

  /**
   * @param seen the fingerprint of what is there; `any` if there is no log besides what is in memory, which keeps no fingerprints of marks;
   *   undefined if it is not known
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

  /** Waits before it goes on. Those that ask meanwhile wait too. */
  #pause(): void {
    this.#failures++;
    this.#retryTimer ??= setTimeout(
      () => {
        this.#retryTimer = undefined;
        this.#resume();
      },
      backoffMs(this.#failures, this.#retryBackoff, Math.random()),
    );
  }
}
