import type { Envelope } from "../../../envelope/envelope.ts";
import { markContentType } from "../../broker.ts";
import type { MarkWriter } from "./mark-writer.ts";

/** The least time between two marks. It doubles with each mark that follows at once, up to the maximum. In milliseconds. */
const gapMsMin = 50;
const gapMsMax = 1000;

/** After this many marks in a row that RabbitMQ took and the log did not show, the log counts as silent. */
const unansweredMax = 5;
/** How much a mark counts that RabbitMQ has not taken: either it stands still, which heartbeats notice, or it has lost the mark. */
const untaken = 0.25;

/**
 * Writes marks into the log, by which a follower learns how far the log reaches and that it follows it: over AMQP 0-9-1 a stream's end
 * cannot be asked for. A mark goes only into the stream, through an exchange of its own, so nobody else sees it.
 *
 * Clients cause marks by naming places that the log has not reached, for which they may need no right to publish. So at most one mark is on
 * its way. It answers all that asked before it was sent, and a client that keeps asking gets one a second. No mark is sent if nobody waits
 * for it any more, or while RabbitMQ takes no messages.
 */
export class Marks {
  readonly #writer: Pick<MarkWriter, "isFree" | "isTaken" | "write">;
  #isOpen = false;
  #sent: { readonly id: string; readonly timer: NodeJS.Timeout; readonly asked: Set<OnMarked> } | undefined;
  /** Asked for while another mark was on its way, which may lie before the place that they ask about. */
  #asked = new Set<OnMarked>();
  #unanswered = 0;
  #gapMs = gapMsMin;
  #sentMs = Number.NEGATIVE_INFINITY;
  /** Runs until enough time has passed since the last mark. */
  #pacing: NodeJS.Timeout | undefined;
  readonly #againAfterMs: number;
  #onSilence: () => void = () => undefined;

  /** @param againAfterMs how long a mark may be on its way before another one is sent */
  constructor(writer: Pick<MarkWriter, "isFree" | "isTaken" | "write">, againAfterMs: number) {
    this.#writer = writer;
    this.#againAfterMs = againAfterMs;
  }

  /** A session begins. @param onSilence called when the log does not show what is written to it */
  opened(onSilence: () => void): void {
    this.#isOpen = true;
    this.#onSilence = onSilence;
    this.#unanswered = 0;
    this.writable();
  }

  /** The writer can write again. */
  writable(): void {
    if (this.#sent === undefined && this.#asked.size > 0) this.#send();
  }

  closed(): void {
    this.#isOpen = false;
    clearTimeout(this.#pacing);
    this.#pacing = undefined;
    this.#takeBack();
  }

  /**
   * Calls back with the offset of a mark that is sent after this call.
   *
   * @returns cancels the request: if no mark was sent for it yet, none is
   */
  ask(onMarked: OnMarked): () => void {
    this.#asked.add(onMarked);
    if (this.#sent === undefined) this.#send();
    return () => {
      this.#asked.delete(onMarked);
      this.#sent?.asked.delete(onMarked);
    };
  }

  /** Whether RabbitMQ has confirmed a mark of this session that the log has not shown. */
  get isAwaited(): boolean {
    return this.#isOpen && this.#sent !== undefined && this.#writer.isTaken;
  }

  /** Whether the envelope is a mark, of this follower or another one. */
  take(offset: number, envelope: Envelope): boolean {
    const { contentType, messageId } = envelope;
    // Any record shows that the log is not silent: a mark may have many before it.
    this.#unanswered = 0;
    if (contentType !== markContentType) return false;
    const sent = this.#sent;
    if (sent === undefined || messageId !== sent.id) return true;
    clearInterval(sent.timer);
    this.#sent = undefined;
    if (this.#asked.size > 0) this.#send();
    for (const onMarked of sent.asked) onMarked(offset, envelope);
    return true;
  }

  #send(): void {
    if (!this.#isOpen || !this.#writer.isFree || this.#pacing !== undefined) return;
    const sinceMs = performance.now() - this.#sentMs;
    if (sinceMs < this.#gapMs) {
      this.#pacing = setTimeout(() => {
        this.#pacing = undefined;
        this.writable();
      }, this.#gapMs - sinceMs);
      return;
    }
    this.#gapMs = sinceMs < 2 * this.#gapMs ? Math.min(gapMsMax, 2 * this.#gapMs) : gapMsMin;
    this.#sentMs = performance.now();
    const id = `mark-${crypto.randomUUID()}`;
    // The mark may be lost, for instance just after a restart. Then it is sent again, but not while RabbitMQ takes no messages.
    const timer = setInterval(() => {
      if (!this.#writer.isFree) return;
      const { isTaken } = this.#writer;
      this.#unanswered += isTaken ? 1 : untaken;
      if (this.#unanswered >= unansweredMax) this.#onSilence();
      else if (isTaken) this.#writer.write(id);
    }, this.#againAfterMs);
    this.#sent = { id, timer, asked: this.#asked };
    this.#asked = new Set();
    this.#writer.write(id);
  }

  #takeBack(): void {
    if (this.#sent === undefined) return;
    clearInterval(this.#sent.timer);
    this.#asked = new Set([...this.#sent.asked, ...this.#asked]);
    this.#sent = undefined;
  }
}

type OnMarked = (offset: number, mark: Envelope) => void;
