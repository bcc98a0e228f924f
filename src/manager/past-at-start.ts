import type { Broker, LogReading, RecordExchange } from "../broker/broker.ts";
import { contentsWith, type Envelope, type Head } from "../envelope/envelope.ts";
import { hasKey, mayHaveKeys, onceIdIn } from "../envelope/once-id.ts";
import { packedContentType } from "../envelope/packing.ts";
import type { Once } from "../gateway/fan-out/once.ts";
import { openForClients } from "../log/opening.ts";
import { LogRecord, type Opener } from "../log/record.ts";
import type { Repeats } from "../log/repeats.ts";
import type { Logger } from "../ops/logger.ts";

/** Records that are sent ahead. */
const aheadMax = 512;
/** The past goes back at least this far, in milliseconds: longer than a lost connection takes to be noticed and what it had to be published again. */
const pastMsMin = 120_000;
/** Clocks of managers may differ by this, in seconds. */
const leewaySeconds = 5;
/** Before the log is read again after its reading was lost, in milliseconds. */
const retryMsUnlessGiven = 500;
/** A reading that gets nothing for this long has come to the log's end, or will get nowhere. In milliseconds. */
const silenceMsMax = 15_000;
/** Live clients wait this long for it at most. In milliseconds. */
const liveWaitMsMax = 10_000;
/** It is ready after this long in any case: the log may have begun anew, and then has no such place. In milliseconds. */
const readingMsMax = 60_000;

/**
 * What a manager has to know of the time before it was started: the idempotency keys that other managers took, and the ids of what
 * may come once more. Both are in the last part of the log, which is read once when this manager begins to follow the log. Until
 * then it is not ready, no durable subscription is served, and what comes for live ones waits.
 */
export class PastAtStart {
  readonly #broker: Pick<Broker, "read" | "hasLog">;
  readonly #once: Once;
  readonly #repeats: Pick<Repeats, "pastFollows" | "markPast" | "pastEnded">;
  readonly #recordBytesMax: number;
  readonly #logger: Logger;
  readonly #retryMs: number;
  #state: "waiting" | "reading" | "known";
  #reading: LogReading | undefined;
  #timer: NodeJS.Timeout | undefined;
  #endsAtMs = 0;
  /** The offsets of the first and the last record that were read. */
  #from: number | undefined;
  #last = -1;

  #waiting: NodeJS.Timeout | undefined;

  /** Called when live clients should wait for it no longer. */
  onLate: () => void = () => undefined;

  /** Called once, when the past is known. */
  onKnown: () => void = () => undefined;

  /**
   * @param recordBytesMax a larger record is not for clients
   * @param retryMs how long it waits before the log is read again after its reading was lost
   */
  constructor(
    broker: Pick<Broker, "read" | "hasLog">,
    once: Once,
    repeats: Pick<Repeats, "pastFollows" | "markPast" | "pastEnded">,
    recordBytesMax: number,
    logger: Logger,
    retryMs = retryMsUnlessGiven,
  ) {
    this.#broker = broker;
    this.#once = once;
    this.#repeats = repeats;
    this.#recordBytesMax = recordBytesMax;
    this.#logger = logger;
    this.#retryMs = retryMs;
    this.#state = broker.hasLog ? "waiting" : "known";
    if (broker.hasLog) repeats.pastFollows();
  }

  /** Whether it is being read. */
  get isReading(): boolean {
    return this.#state === "reading";
  }

  /** Whether all is known that there is to know. */
  get isKnown(): boolean {
    return this.#state === "known";
  }

  /** From this offset on the manager follows the log. All but the first are passed over. */
  reached(offset: number): void {
    if (this.#state !== "waiting") return;
    this.#state = "reading";
    this.#endsAtMs = performance.now() + readingMsMax;
    this.#waiting = setTimeout(() => this.onLate(), liveWaitMsMax);
    this.#read(offset);
  }

  /** The log has begun anew: this manager reads all of it. */
  anotherLog(): void {
    if (this.#state === "reading") this.#done(undefined);
  }

  close(): void {
    this.onKnown = () => undefined;
    if (this.#state !== "known") this.#done(undefined);
  }

  #read(until: number): void {
    const pastMs = Math.max(this.#once.windowMs, pastMsMin);
    const timestamp = Math.floor((Date.now() - pastMs) / 1000) - leewaySeconds;
    this.#timer = setTimeout(() => this.#giveUp("nothing came"), silenceMsMax);
    const reading = this.#broker.read(
      { timestamp },
      {
        aheadMax,
        record: (offset, exchange, envelope) => {
          if (this.#reading !== reading) return;
          if (offset >= until || performance.now() > this.#endsAtMs) {
            if (offset >= until) this.#done(this.#from ?? offset);
            else this.#giveUp("that takes too long");
            return;
          }
          // One that follows on a reading that was lost begins with what that one has read.
          if (offset > this.#last) this.#learn(offset, exchange, envelope);
          this.#timer?.refresh();
          reading.handled(1);
        },
        ended: (why) => {
          if (this.#reading !== reading) return;
          if (why === "nothing kept") this.#done(this.#from);
          else this.#again(until);
        },
      },
    );
    this.#reading = reading;
  }

  #again(until: number): void {
    this.#stop();
    if (performance.now() > this.#endsAtMs) {
      this.#giveUp("its reading is lost again and again");
      return;
    }
    this.#timer = setTimeout(() => this.#read(until), this.#retryMs);
  }

  /** A client that repeats a message of those before is not found out then, and a durable subscription may get one twice. */
  #giveUp(why: string): void {
    this.#logger.warn("not all of the message log's last part was read at the start", { reason: why });
    this.#done(undefined);
  }

  #learn(offset: number, exchange: RecordExchange, envelope: Envelope): void {
    this.#from ??= offset;
    this.#last = offset;
    const record = new LogRecord(offset, exchange, envelope, this.#open);
    this.#repeats.markPast(record, envelope);
    const { contentType, messageId, body } = envelope;
    const isPack = contentType === packedContentType;
    if (isPack ? !mayHaveKeys(body) : messageId === undefined || !hasKey(messageId)) return;
    for (const head of record.heads) this.#learnKey(head);
  }

  readonly #learnKey = ({ id, clientId }: Pick<Head, "id" | "clientId">): void => {
    const seconds = onceIdIn(id)?.seconds;
    if (seconds !== undefined) this.#once.learn(id, clientId, seconds * 1000);
  };

  /** A pack that cannot be read has no keys. Its follower warns of it. Requests, which clients do not get, have keys, too. */
  readonly #open: Opener = (record, envelope) => {
    try {
      return openForClients(record, envelope, this.#recordBytesMax, this.#learnKey);
    } catch {
      return contentsWith([]);
    }
  };

  #done(from: number | undefined): void {
    this.#state = "known";
    clearTimeout(this.#waiting);
    this.#stop();
    this.#repeats.pastEnded(from);
    this.onKnown();
  }

  #stop(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#reading?.stop();
    this.#reading = undefined;
  }
}
