import type { Broker, LogReading } from "../broker/broker.ts";
import type { Envelope } from "../envelope/envelope.ts";
import { open } from "../envelope/envelope.ts";
import { hasKey, mayHaveKeys, onceIdIn } from "../envelope/once-id.ts";
import { packedContentType } from "../envelope/packing.ts";
import type { Once } from "../gateway/fan-out/once.ts";
import type { Logger } from "../ops/logger.ts";

/** Records that are sent ahead. */
const aheadMax = 128;
/** Clocks of managers may differ by this, in seconds. */
const leewaySeconds = 5;
/** Before the log is read again after its reading was lost, in milliseconds. */
const retryMs = 500;
/** A reading that gets nothing for this long has come to the log's end, or will get nowhere. In milliseconds. */
const silenceMsMax = 15_000;
/** It is ready after this long in any case: the log may have begun anew, and then has no such place. In milliseconds. */
const readingMsMax = 60_000;

/**
 * Idempotency keys that other managers took before this one was started: they are in the last part of the log, which is read once
 * when this manager begins to follow the log. Until then it is not ready.
 */
export class KeysAtStart {
  readonly #broker: Pick<Broker, "read" | "hasLog">;
  readonly #once: Once;
  readonly #logger: Logger;
  #state: "waiting" | "reading" | "done";
  #reading: LogReading | undefined;
  #timer: NodeJS.Timeout | undefined;
  #endsAtMs = 0;

  constructor(broker: Pick<Broker, "read" | "hasLog">, once: Once, logger: Logger) {
    this.#broker = broker;
    this.#once = once;
    this.#logger = logger;
    this.#state = broker.hasLog ? "waiting" : "done";
  }

  /** Whether it is reading them. */
  get isReading(): boolean {
    return this.#state === "reading";
  }

  /** The log has reached this offset, and from here on the manager follows it. All but the first are passed over. */
  reached(offset: number): void {
    if (this.#state !== "waiting") return;
    this.#state = "reading";
    this.#endsAtMs = performance.now() + readingMsMax;
    this.#read(offset);
  }

  close(): void {
    this.#done();
  }

  #read(until: number): void {
    const timestamp = Math.floor((Date.now() - this.#once.windowMs) / 1000) - leewaySeconds;
    this.#timer = setTimeout(() => this.#giveUp("nothing came"), silenceMsMax);
    const reading = this.#broker.read(
      { timestamp },
      {
        aheadMax,
        record: (offset, _exchange, envelope) => {
          if (this.#reading !== reading) return;
          if (offset >= until || performance.now() > this.#endsAtMs) {
            if (offset >= until) this.#done();
            else this.#giveUp("that takes too long");
            return;
          }
          this.#learn(envelope);
          this.#timer?.refresh();
          reading.handled(1);
        },
        ended: (why) => {
          if (this.#reading !== reading) return;
          if (why === "nothing kept") this.#done();
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
    this.#timer = setTimeout(() => this.#read(until), retryMs);
  }

  /** A client that repeats a message of those before is not found out then. */
  #giveUp(why: string): void {
    this.#logger.warn("not all idempotency keys were read from the message log", { reason: why });
    this.#done();
  }

  #learn(envelope: Envelope): void {
    const { contentType, messageId, body } = envelope;
    const isPack = contentType === packedContentType;
    if (isPack ? !mayHaveKeys(body) : messageId === undefined || !hasKey(messageId)) return;
    try {
      for (const { id, clientId } of open(envelope, "unnamed")) {
        const seconds = onceIdIn(id)?.seconds;
        if (seconds !== undefined) this.#once.learn(id, clientId, seconds * 1000);
      }
    } catch {
      // A pack that cannot be read has no keys. Its follower warns of it.
    }
  }

  #done(): void {
    this.#state = "done";
    this.#stop();
  }

  #stop(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#reading?.stop();
    this.#reading = undefined;
  }
}
