import type { Plan } from "./plan.ts";
import { Tally } from "./tally.ts";

/** What the built-in handler, and the original's, put before the text that they answer to. */
const processedMark = new TextEncoder().encode("processed message: ");

/**
 * Where every received message ends: sorts it into relayed and processed, accounts for it and measures its latency.
 * Millions a second pass here, so nothing in it allocates.
 */
export class Inbox {
  readonly relayed: Tally;
  /** What the server said it has; undefined if it is not asked. */
  readonly receipts: Tally | undefined;
  /** Messages that are none of this run's, damaged ones, and copies that a publisher got of its own message unprocessed. */
  foreign = 0;
  /** Messages of every kind. */
  received = 0;
  readonly #plan: Plan;
  readonly #sent: Uint32Array;
  readonly #warmupMicros: number;
  /** Made by the first answer, because without a processor it would be memory for nothing. */
  #processed: Tally | undefined;
  #startNanos = 0;
  #nowMicros = 0;

  /** `sent` is how many messages each publisher has sent so far; what claims to be a later one is foreign. */
  constructor(plan: Plan, sent: Uint32Array) {
    this.#plan = plan;
    this.#sent = sent;
    this.#warmupMicros = plan.warmupMs * 1000;
    this.relayed = new Tally(plan.connections, plan.publishers);
    this.receipts = plan.hasReceipts ? new Tally(1, plan.publishers) : undefined;
  }

  /** Undefined if no processor has answered. */
  get processed(): Tally | undefined {
    return this.#processed;
  }

  /** Begins the run: latencies count from the schedule that starts now. */
  start(nowNanos: number): void {
    this.#startNanos = nowNanos;
  }

  /** Bytes have arrived. The clock is read once for all messages in them, because a reading costs more than a message. */
  arrive(nowNanos: number): void {
    this.#nowMicros = (nowNanos - this.#startNanos) / 1000;
  }

  /** Takes the message of `length` bytes at `at`. It may not be kept: the bytes are only lent. */
  take(receiver: number, bytes: Uint8Array, at: number, length: number): void {
    this.received++;
    const size = this.#plan.sizeBytes;
    if (length === size) this.#count(undefined, receiver, bytes, at);
    else if (length === size + processedMark.length && startsWith(bytes, at, processedMark)) {
      this.#processed ??= new Tally(this.#plan.connections, this.#plan.publishers);
      this.#count(this.#processed, receiver, bytes, at + processedMark.length);
    } else this.foreign++;
  }

  /** Takes the receipt for a publisher's message. */
  takeReceipt(publisher: number, sequence: number): void {
    this.received++;
    if (this.receipts === undefined || !(sequence < (this.#sent[publisher] ?? 0))) this.foreign++;
    else this.#record(this.receipts, 0, publisher, sequence);
  }

  #count(processed: Tally | undefined, receiver: number, bytes: Uint8Array, at: number): void {
    const { layout, publishers } = this.#plan;
    const isOurs = layout.read(bytes, at);
    const { publisher, sequence } = layout;
    const isExpected =
      isOurs &&
      publisher < publishers &&
      sequence < this.#sent[publisher]! &&
      (processed !== undefined || receiver !== publisher || this.#plan.publishersHearThemselves);
    if (!isExpected) {
      this.foreign++;
      return;
    }
    this.#record(processed ?? this.relayed, receiver, publisher, sequence);
  }

  #record(tally: Tally, receiver: number, publisher: number, sequence: number): void {
    const { publishers, microsPerMessage } = this.#plan;
    tally.count(receiver, publisher, sequence);
    // Latency begins when the message was due, not when it was sent at last: a stall of the sender is the system's
    // doing too, and leaving it out would hide the very moments that matter ("coordinated omission").
    const dueMicros = (sequence * publishers + publisher) * microsPerMessage;
    if (dueMicros >= this.#warmupMicros) tally.latency.record(this.#nowMicros - dueMicros);
  }
}

function startsWith(bytes: Uint8Array, at: number, mark: Uint8Array): boolean {
  for (let i = 0; i < mark.length; i++) {
    if (bytes[at + i] !== mark[i]) return false;
  }
  return true;
}
