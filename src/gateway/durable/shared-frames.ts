import type { Body, Message } from "../../message.ts";
import { direct, type Encoding } from "../fan-out/encoding.ts";
import type { DurableSubscription } from "./subscription.ts";

/** The frames of one message for its subscriptions, each made once. */
export class SharedFrames {
  readonly #message: Message;
  readonly #position: string;
  /** Nearly always there is only one encoding. */
  #encoding: Encoding | undefined;
  #encoded: Body | undefined;
  #others: Map<Encoding, Body> | undefined;
  #head: string | undefined;
  #tail: Body | undefined;
  #frame: Body | undefined;

  constructor(message: Message, position: string) {
    this.#message = message;
    this.#position = position;
  }

  /** Most clients use the same few subscription ids, and many of these come one after another, so the last frame is kept. */
  frameFor({ head, encoding }: DurableSubscription, tail: Body): Body {
    if (head === this.#head && tail === this.#tail) return this.#frame!;
    this.#head = head;
    this.#tail = tail;
    this.#frame = encoding.join(head, tail);
    return this.#frame;
  }

  tailFor({ pattern, encoding }: DurableSubscription): Body {
    // A message for one client is hardly ever needed twice.
    if (pattern === direct)
      return encoding.tailOf(this.#message, this.#message.id, { position: this.#position, isForOne: true });
    if (encoding === this.#encoding) return this.#encoded!;
    let tail = this.#others?.get(encoding);
    if (tail !== undefined) return tail;
    tail = encoding.tailOf(this.#message, this.#message.id, { position: this.#position });
    if (this.#encoding === undefined) {
      this.#encoding = encoding;
      this.#encoded = tail;
    } else {
      this.#others ??= new Map();
      this.#others.set(encoding, tail);
    }
    return tail;
  }
}
