import { Deque } from "../collections/deque.ts";
import { TagWindow } from "../collections/tag-window.ts";
import { envelopeCostBytes } from "../costs.ts";
import type { Envelope } from "../envelope/envelope.ts";
import type { Consumer } from "./broker.ts";

/** How many messages are delivered in one turn of the event loop: each is opened, and its handling begins, in that turn. */
const deliveredMax = 256;

interface Session {
  readonly consumer: Consumer;
  readonly unacked: TagWindow<Envelope>;
  /** How many more deliveries than those open at the time were last granted, and how many may be open now. */
  granted: number;
  openMax: number;
  isStopped: boolean;
}

/** The queue of a group in the embedded broker. Its consumers take turns. */
export class GroupQueue {
  readonly #envelopes = new Deque<Envelope>();
  readonly #sessions: Session[] = [];
  readonly #onWeightChanged: () => void;
  #turn = 0;
  #isOpen = false;
  #isPumping = false;

  /** How many bytes wait, not counting those that consumers hold, which the prefetch bounds. */
  bytes = 0;

  constructor(onWeightChanged: () => void) {
    this.#onWeightChanged = onWeightChanged;
  }

  get length(): number {
    return this.#envelopes.length;
  }

  /** Whether nothing waits and everything is acknowledged. */
  get isIdle(): boolean {
    return this.#envelopes.length === 0 && this.#sessions.every(({ unacked }) => unacked.open === 0);
  }

  add(consumer: Consumer, prefetch: number): void {
    const unacked = new TagWindow<Envelope>();
    this.#sessions.push({ consumer, unacked, granted: prefetch, openMax: prefetch, isStopped: false });
  }

  open(): void {
    this.#isOpen = true;
    for (const session of this.#sessions) {
      session.consumer.opened({
        ack: (tag, multiple) => {
          session.unacked.settle(tag, multiple);
          session.openMax = Math.min(session.openMax, session.unacked.open + session.granted);
          this.#schedulePump();
        },
        take: (count) => {
          session.granted = count;
          session.openMax = session.unacked.open + count;
          this.#schedulePump();
        },
        stop: () => {
          session.isStopped = true;
        },
      });
    }
  }

  close(): void {
    this.#isOpen = false;
    for (const { consumer } of this.#sessions) consumer.closed();
  }

  push(envelope: Envelope): void {
    this.#envelopes.push(envelope);
    this.bytes += envelopeCostBytes(envelope);
    this.#schedulePump();
  }

  dropOldest(): void {
    const oldest = this.#envelopes.shift();
    if (oldest !== undefined) this.bytes -= envelopeCostBytes(oldest);
  }

  #schedulePump(): void {
    if (this.#isPumping || !this.#isOpen) return;
    this.#isPumping = true;
    setImmediate(() => {
      this.#isPumping = false;
      this.#pump();
    });
  }

  #pump(): void {
    for (let left = deliveredMax; this.#isOpen && this.#envelopes.length > 0; left--) {
      const session = this.#nextFree();
      if (session === undefined) break;
      if (left === 0) {
        this.#schedulePump();
        break;
      }
      const envelope = this.#envelopes.shift()!;
      this.bytes -= envelopeCostBytes(envelope);
      session.consumer.deliver(session.unacked.add(envelope), envelope, 0);
    }
    this.#onWeightChanged();
  }

  #nextFree(): Session | undefined {
    for (let tries = 0; tries < this.#sessions.length; tries++) {
      const session = this.#sessions[this.#turn++ % this.#sessions.length]!;
      if (!session.isStopped && session.unacked.open < session.openMax) return session;
    }
    return undefined;
  }
}
