import type { Body } from "../../message.ts";
import type { ClientSocket } from "../clients/client.ts";
import type { Audience, Audiences } from "./audiences.ts";
import type { Encoding } from "./encoding.ts";

/** What a message takes that waits, besides its frame: its topic, and its place in a map. In bytes. */
const overheadBytes = 128;

/** What a conflated subscription is made with. */
export interface ConflatedRequest {
  readonly audiences: Audiences;
  readonly socket: ClientSocket;
  /** A topic, or a pattern. */
  readonly pattern: string;
  readonly encoding: Encoding;
  /** What the client calls it. */
  readonly subscriptionId: string;
  /** What may wait for the client in its socket, in bytes. */
  readonly room: number;
  /** Counts what was sent to it. In bytes; of text in characters. */
  sent(bytes: number): void;
  /** Counts what is kept for it. In bytes; of text in characters. */
  kept(bytes: number): void;
  /** Counts the messages that were sent to it. */
  delivered(count: number): void;
}

/**
 * A live subscription of a client that may read slowly: it is one of its audience, as any other, until too much waits for the
 * client. From then on it is an audience of its own, of whose messages the newest of each topic is kept, until the client has
 * read enough to be sent them, in the order in which they came.
 */
export class Conflated {
  readonly kind = "conflated";
  readonly subscriptionId: string;
  readonly pattern: string;
  readonly #request: ConflatedRequest;
  #audience: Audience;
  /** The newest frame of each topic, the oldest first; undefined while the client keeps up. */
  #waiting: Map<string, Body> | undefined;
  #keptBytes = 0;
  #isFallingBehind = false;
  #isDraining = false;
  #hasEnded = false;

  constructor(request: ConflatedRequest) {
    this.#request = request;
    this.subscriptionId = request.subscriptionId;
    this.pattern = request.pattern;
    this.#audience = this.#join();
  }

  /** What waits here, in bytes. */
  get keptBytes(): number {
    return this.#keptBytes;
  }

  /** Too much waits for the client. A message may be on its way to its audience just now: it leaves after that. */
  fallBehind(): void {
    if (this.#waiting !== undefined || this.#isFallingBehind) return;
    this.#isFallingBehind = true;
    queueMicrotask(() => {
      this.#isFallingBehind = false;
      if (this.#hasEnded) return;
      const { audiences, socket, pattern, encoding, subscriptionId } = this.#request;
      this.#leave(socket.readyState === WebSocket.OPEN);
      this.#waiting = new Map();
      this.#audience = audiences.joinAlone(pattern, encoding, subscriptionId, (topic, frame) =>
        this.#keep(topic, frame),
      );
      // It may have read everything since.
      if (socket.getBufferedAmount() === 0) this.drained();
    });
  }

  /** The client has read something of what waited in its socket. */
  drained(): void {
    const waiting = this.#waiting;
    if (waiting === undefined) return;
    const { socket, room, sent, delivered } = this.#request;
    for (const [topic, frame] of waiting) {
      if (socket.getBufferedAmount() > room) return;
      waiting.delete(topic);
      this.#keptBytes -= costBytes(frame);
      socket.send(frame);
      sent(frame.length);
      delivered(1);
    }
    this.#request.audiences.leave(this.#audience);
    this.#waiting = undefined;
    this.#audience = this.#join();
  }

  /** @param isConnected Bun has forgotten the subscriptions of a socket that is closed */
  end(isConnected: boolean): void {
    this.#hasEnded = true;
    this.#leave(isConnected);
    this.#waiting = undefined;
    this.#keptBytes = 0;
  }

  /** A message may be on its way to its audience just now: what waits goes after that. */
  #drainSoon(): void {
    if (this.#isDraining) return;
    this.#isDraining = true;
    queueMicrotask(() => {
      this.#isDraining = false;
      if (!this.#hasEnded) this.drained();
    });
  }

  #join(): Audience {
    const { audiences, socket, pattern, encoding, subscriptionId } = this.#request;
    const audience = audiences.join(pattern, encoding, subscriptionId);
    socket.subscribe(audience.key);
    return audience;
  }

  #leave(isConnected: boolean): void {
    if (isConnected && this.#waiting === undefined) this.#request.socket.unsubscribe(this.#audience.key);
    this.#request.audiences.leave(this.#audience);
  }

  #keep(topic: string, frame: Body): void {
    const waiting = this.#waiting!;
    const before = waiting.get(topic);
    if (before !== undefined) {
      this.#keptBytes -= costBytes(before);
      waiting.delete(topic);
    }
    waiting.set(topic, frame);
    this.#keptBytes += costBytes(frame);
    this.#request.kept(frame.length);
    // Bun does not always tell that what waited has gone.
    if (this.#request.socket.getBufferedAmount() === 0) this.#drainSoon();
  }
}

function costBytes(frame: Body): number {
  return overheadBytes + (typeof frame === "string" ? 2 * frame.length : frame.byteLength);
}
