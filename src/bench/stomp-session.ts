import { FrameScanner } from "./frame-scanner.ts";
import type { Inbox } from "./inbox.ts";
import { receiptMark } from "./send-frame.ts";
import type { Session } from "./session.ts";
import { type StompHello, subscribedReceipt } from "./stomp-hello.ts";

const positionHeader = Buffer.from("\nx-stream-offset:");
const lineEnd = 0x0a;

/** A STOMP client with one subscription. */
export class StompSession implements Session {
  readonly hello: Uint8Array;
  refusal: string | undefined;
  /** Where it is in the log: after the last message that it got, or where it began. */
  position: string | undefined;
  readonly #index: number;
  readonly #inbox: Inbox;
  readonly #followsPosition: boolean;
  readonly #scanner = new FrameScanner(this);
  #isSubscribed = false;
  /** The last MESSAGE of those that arrived together. */
  #last: Uint8Array | undefined;
  #lastAt = 0;
  #lastBody = 0;

  /**
   * @param followsPosition whether this client may have to go on after the last message that it got
   * @param after go on after that message of the log
   */
  constructor(index: number, inbox: Inbox, hello: StompHello, followsPosition: boolean, after?: string) {
    this.#index = index;
    this.#inbox = inbox;
    this.#followsPosition = followsPosition;
    this.position = after;
    this.hello = hello.bytes(after);
  }

  get isReady(): boolean {
    return this.#isSubscribed;
  }

  heard(bytes: Uint8Array, at: number, length: number): void {
    this.#scanner.scan(bytes, at, at + length);
  }

  message(bytes: Uint8Array, frame: number, body: number, length: number): void {
    this.#last = bytes;
    this.#lastAt = frame;
    this.#lastBody = body;
    this.#inbox.take(this.#index, bytes, body, length);
  }

  other(frame: string): void {
    const receipt = /^RECEIPT\r?\n(?:.*\r?\n)*?receipt-id:(.*?)\r?\n/.exec(frame)?.[1];
    if (receipt === subscribedReceipt) {
      this.#isSubscribed = true;
      this.position ??= /\nx-stream-after:(.*)/.exec(frame)?.[1];
    } else if (receipt?.startsWith(receiptMark))
      this.#inbox.takeReceipt(this.#index, Number(receipt.slice(receiptMark.length)));
    else if (frame.startsWith("ERROR")) this.refusal = wordsOf(frame);
  }

  /** Which message was the last one matters only if this client has to go on after it. */
  paused(): void {
    const bytes = this.#last;
    if (bytes === undefined) return;
    this.#last = undefined;
    if (!this.#followsPosition) return;
    const head = Buffer.from(bytes.buffer, bytes.byteOffset + this.#lastAt, this.#lastBody - this.#lastAt);
    const at = head.indexOf(positionHeader);
    if (at < 0) return;
    const from = at + positionHeader.length;
    this.position = head.toString("latin1", from, head.indexOf(lineEnd, from));
  }
}

function wordsOf(error: string): string {
  return /\nmessage:(.*)/.exec(error)?.[1] ?? "an ERROR without a message";
}
