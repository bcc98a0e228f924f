import type { Connection } from "./connection.ts";
import { headerBytesFor, opcodes, writeHeader } from "./frames.ts";
import type { Plan } from "./plan.ts";

/** What one publisher sends in one write at most. */
const batchBytesMax = 64 * 1024;

/** Messages sent before receiving gets its turn again. */
const messagesPerTurnMax = 512;

/** Bun's timers come up to this late. */
const timerSlackMs = 1.2;

/** How late an abort may be noticed. */
const sleepMsMax = 50;

/**
 * Sends the messages of the plan when they are due, whatever has come back: an open loop, because clients of a real system
 * do not wait for each other either. What a blocked connection could not send in time follows as soon as it can.
 */
export class Pacer {
  readonly #plan: Plan;
  readonly #publishers: readonly Connection[];
  /** How many of each publisher's messages went out, which is the number of its next one, too. */
  readonly #sent: Uint32Array;
  /** Frames of the same publisher one after another; only publisher and sequence number are still to be written. */
  readonly #batch: Uint8Array;
  readonly #batchFrames: number;
  readonly #headerBytes: number;
  /** Messages of the plan that had their turn. */
  #turned = 0;
  #startNanos = 0;
  /** Infinite before and after the run. */
  #nextDueNanos = Number.POSITIVE_INFINITY;

  constructor(plan: Plan, publishers: readonly Connection[], sent: Uint32Array) {
    this.#plan = plan;
    this.#publishers = publishers;
    this.#sent = sent;
    this.#headerBytes = headerBytesFor(plan.outgoing.sizeBytes);
    this.#batchFrames = Math.max(1, Math.floor(batchBytesMax / this.#frameBytes));
    this.#batch = new Uint8Array(this.#batchFrames * this.#frameBytes);
    for (let at = 0; at < this.#batch.length; at += this.#frameBytes) {
      const { outgoing } = plan;
      outgoing.prepare(this.#batch, writeHeader(this.#batch, at, opcodes.text, outgoing.sizeBytes));
    }
  }

  /** Sends from `startNanos` (of `Bun.nanoseconds()`) until the plan's time is over, `isOver()` or `signal` aborts. */
  async run(startNanos: number, isOver: () => boolean, signal: AbortSignal): Promise<void> {
    const endNanos = startNanos + this.#plan.totalMs * 1e6;
    this.#startNanos = startNanos;
    this.#nextDueNanos = startNanos;
    for (;;) {
      if (isOver() || signal.aborted) break;
      const nowNanos = Bun.nanoseconds();
      this.keepPace(nowNanos);
      if (nowNanos >= endNanos) break;
      await this.#pause((this.#nextDueNanos - nowNanos) / 1e6);
    }
    this.#nextDueNanos = Number.POSITIVE_INFINITY;
  }

  /**
   * Sends what is due by now. Called between the chunks that arrive, too: thousands of them may lie between two turns of
   * the event loop, and a message that waits until they are read would blame the server for the bench's own work.
   */
  keepPace(nowNanos: number): void {
    if (nowNanos < this.#nextDueNanos) return;
    const elapsedMicros = (nowNanos - this.#startNanos) / 1000;
    this.#sendDue(this.#plan.dueAfter(elapsedMicros));
    this.#nextDueNanos = this.#startNanos + this.#turned * this.#plan.microsPerMessage * 1000;
  }

  /**
   * Timers are too coarse for less than a millisecond or so, and a message sent late looks like a slow server: the last
   * bit of every wait, and so all of it at 1,000 messages/s and more, is spent polling the sockets.
   */
  #pause(idleMs: number): Promise<void> {
    return new Promise((resolve) => {
      if (idleMs > timerSlackMs) setTimeout(resolve, Math.min(sleepMsMax, Math.floor(idleMs - timerSlackMs)));
      else setImmediate(resolve);
    });
  }

  #sendDue(due: number): void {
    const turns = Math.min(due - this.#turned, messagesPerTurnMax);
    const turned = this.#turned + turns;
    const publishers = this.#publishers.length;
    for (let k = 0; k < Math.min(turns, publishers); k++)
      this.#sendOf((this.#turned + k) % publishers, turned);
    this.#turned = turned;
  }

  /** Sends what is due of one publisher when `turned` messages of the plan have had their turn. */
  #sendOf(publisher: number, turned: number): void {
    const connection = this.#publishers[publisher]!;
    if (!connection.isOpen || connection.isBlocked) return;
    const next = this.#sent[publisher]!;
    const count = Math.min(this.#plan.shareOf(publisher, turned) - next, this.#batchFrames);
    for (let i = 0; i < count; i++) {
      const body = i * this.#frameBytes + this.#headerBytes;
      this.#plan.outgoing.number(this.#batch, body, publisher, next + i);
    }
    this.#sent[publisher] = next + count;
    connection.send(this.#batch, 0, count * this.#frameBytes);
  }

  get #frameBytes(): number {
    return this.#headerBytes + this.#plan.outgoing.sizeBytes;
  }
}
