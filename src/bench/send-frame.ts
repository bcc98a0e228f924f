import { frameText } from "../wire/stomp/frames.ts";
import { type Outgoing, type PayloadLayout, writeDigits } from "./payload.ts";

/** The mark that tells a receipt from that of the SUBSCRIBE. */
export const receiptMark = "r";

/** A message of the run in a SEND frame, of which only the numbers are still to be written. */
export class SendFrame implements Outgoing {
  readonly sizeBytes: number;
  readonly #head: Uint8Array;
  readonly #layout: PayloadLayout;
  /** Where the receipt's number is; undefined without receipts. */
  readonly #receiptAt: number | undefined;

  constructor(destination: string, layout: PayloadLayout, hasReceipts: boolean) {
    const digits = "0".repeat(layout.sequenceDigits);
    const receipt = hasReceipts ? ([["receipt", `${receiptMark}${digits}`]] as const) : [];
    const text = frameText("SEND", [["destination", destination], ...receipt], "", "1.2").slice(0, -1);
    this.#head = new TextEncoder().encode(text);
    this.#layout = layout;
    // The receipt is the last header, and two line ends come after it.
    this.#receiptAt = hasReceipts ? this.#head.length - 2 - digits.length : undefined;
    this.sizeBytes = this.#head.length + layout.sizeBytes + 1;
  }

  prepare(bytes: Uint8Array, at: number): void {
    bytes.set(this.#head, at);
    this.#layout.prepare(bytes, at + this.#head.length);
    bytes[at + this.sizeBytes - 1] = 0;
  }

  number(bytes: Uint8Array, at: number, publisher: number, sequence: number): void {
    this.#layout.number(bytes, at + this.#head.length, publisher, sequence);
    if (this.#receiptAt === undefined) return;
    const from = at + this.#receiptAt;
    writeDigits(bytes, from, from + this.#layout.sequenceDigits, sequence);
  }
}
