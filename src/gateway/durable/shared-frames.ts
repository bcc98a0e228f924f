import type { Message } from "../../message.ts";
import { direct } from "../../wire/stomp/destinations.ts";
import { messageTail, type Tail, withHead } from "../stomp/message-frame.ts";
import type { DurableSubscription } from "./subscription.ts";

/** The frames of one message, each made once. */
export class SharedFrames {
  readonly #message: Message;
  readonly #position: string;
  #v11: Tail | undefined;
  #v12: Tail | undefined;
  #head: string | undefined;
  #tail: Tail | undefined;
  #frame: Tail | undefined;

  constructor(message: Message, position: string) {
    this.#message = message;
    this.#position = position;
  }

  /** Most clients give their subscriptions the same few ids, and many of them come one after another. */
  frameFor({ head }: DurableSubscription, tail: Tail): Tail {
    if (head === this.#head && tail === this.#tail) return this.#frame!;
    this.#head = head;
    this.#tail = tail;
    this.#frame = withHead(head, tail);
    return this.#frame;
  }

  tailFor({ pattern, version }: DurableSubscription): Tail {
    const options = { position: this.#position };
    const { id } = this.#message;
    // What is for one client alone hardly anybody else is going to ask for.
    if (pattern === direct)
      return messageTail(this.#message, id, version, { ...options, destination: direct });
    if (version === "1.2") {
      this.#v12 ??= messageTail(this.#message, id, version, options);
      return this.#v12;
    }
    this.#v11 ??= messageTail(this.#message, id, version, options);
    return this.#v11;
  }
}
