import { Inbox } from "../../../src/bench/inbox.ts";
import type { StompPlan } from "./plan.ts";

const newline = 0x0a;
const messageMark = 0x4d; // "M"
const receiptMark = 0x5245; // "RE"

/** Finds the generator's messages in MESSAGE frames, and counts the receipts. A publisher's own copy counts as foreign. */
export class StompInbox extends Inbox {
  receiptCount = 0;
  /** By this length the generator knows its messages. */
  readonly #sizeBytes: number;

  constructor(plan: StompPlan, sent: Uint32Array) {
    super(plan, sent);
    this.#sizeBytes = plan.sizeBytes;
  }

  override take(receiver: number, bytes: Uint8Array, at: number, length: number): void {
    if (bytes[at] === messageMark) {
      const end = at + length;
      let body = at + 1;
      while (body < end && !(bytes[body] === newline && bytes[body - 1] === newline)) body++;
      super.take(receiver, bytes, body + 1, this.#sizeBytes);
    } else if (((bytes[at]! << 8) | bytes[at + 1]!) === receiptMark) this.receiptCount++;
  }
}
