import type { Body } from "../../message.ts";
import type { ClientSocket } from "../clients/client.ts";
import type { Audience } from "./audience.ts";
import type { Audiences } from "./audiences.ts";
import type { Encoding } from "./encoding.ts";

/** What a waiting message takes besides its frame: its topic, and its place in a map. In bytes. */
const overheadBytes = 128;

/** The parts of a conflated subscription. */
export interface ConflatedRequest {
  readonly audiences: Audiences;
  /** Publishes to an audience what waits for it, so that a client which changes its audience gets everything once. */
  settle(audience: Audience): void;
  readonly socket: ClientSocket;
  /** A topic, or a pattern. */
  readonly pattern: string;
  readonly encoding: Encoding;
  /** The client's id for it. */
  readonly subscriptionId: string;
  /** How much may wait in the client's socket, in bytes. */
  readonly room: number;
  /** Counts what was sent to the client. In bytes; text counts in characters. */
  sent(bytes: number): void;
  /** Counts what is kept for the client. In bytes; text counts in characters. */
  kept(bytes: number): void;
  /** Counts the messages that were sent to the client. */
  delivered(count: number): void;
}

/** The client keeps up: it belongs to the shared audience. */
const keepingUp = { is: "keeping up" } as const;
/** Too much waits for the client. A message may be on its way to the audience at this moment, so the client leaves it after this turn. */
const fallingBehind = { is: "falling behind" } as const;
/** The newest frame of each topic waits, oldest first. The subscription has an audience of its own. */
interface Behind {
  readonly is: "behind";
  readonly waiting: Map<string, Body>;
  /** Whether waiting frames will be sent after this turn. */
  drainsSoon: boolean;
}
const ended = { is: "ended" } as const;

/**
 * A live subscription of a client that may read slowly. It belongs to the shared audience until too much waits for the client. Then it gets
 * an audience of its own, of which only the newest message of each topic is kept. When the client has read enough, these are sent, in the
 * order in which they came.
 *
 * | state          | what a message does                 | what ends the state                               |
 * |----------------|-------------------------------------|---------------------------------------------------|
 * | keeping up     | Bun publishes it to the client      | too much waits for the client                     |
 * | falling behind | the same, to the end of this turn   | the turn ends                                     |
 * | behind         | it replaces the one before it       | the client has read, and was sent all that waited |
 * | ended          | nothing                             |                                                   |
 */
export class Conflated {
  readonly kind = "conflated";
  readonly subscriptionId: string;
  readonly pattern: string;
  readonly #request: ConflatedRequest;
  #audience: Audience;
  #state: typeof keepingUp | typeof fallingBehind | Behind | typeof ended = keepingUp;
  #keptBytes = 0;

  constructor(request: ConflatedRequest) {
    this.#request = request;
    this.subscriptionId = request.subscriptionId;
    this.pattern = request.pattern;
    this.#audience = this.#join();
  }

  /** How many bytes wait here. */
  get keptBytes(): number {
    return this.#keptBytes;
  }

  /** @param waitingBytes how much waits for the client; perhaps not too much for this subscription */
  fallBehind(waitingBytes: number): void {
    if (this.#state !== keepingUp || waitingBytes <= this.#request.room) return;
    this.#state = fallingBehind;
    queueMicrotask(() => {
      if (this.#state !== fallingBehind) return;
      const { audiences, socket, pattern, encoding, subscriptionId, settle } = this.#request;
      settle(this.#audience);
      this.#leave(socket.readyState === WebSocket.OPEN);
      this.#state = { is: "behind", waiting: new Map(), drainsSoon: false };
      this.#audience = audiences.joinAlone(pattern, encoding, subscriptionId, (topic, frame) =>
        this.#keep(topic, frame),
      );
      // The client may have read everything meanwhile.
      if (socket.getBufferedAmount() === 0) this.drained();
    });
  }

  /** The client has read something of what waited in its socket. */
  drained(): void {
    const behind = this.#state;
    if (behind.is !== "behind") return;
    const { socket, room, sent, delivered, settle } = this.#request;
    settle(this.#audience);
    for (const [topic, frame] of behind.waiting) {
      if (socket.getBufferedAmount() > room) return;
      behind.waiting.delete(topic);
      this.#keptBytes -= costBytes(frame);
      socket.send(frame);
      sent(frame.length);
      delivered(1);
      // Sending may have ended the connection.
      if (this.#state !== behind) return;
    }
    this.#request.audiences.leave(this.#audience);
    this.#state = keepingUp;
    this.#audience = this.#join();
  }

  /** @param isConnected false if the socket is closed: then Bun has forgotten its subscriptions */
  end(isConnected: boolean): void {
    if (this.#state !== ended) this.#leave(isConnected);
    this.#state = ended;
    this.#keptBytes = 0;
  }

  /** Sends what waits after this turn: a message may be on its way to the audience at this moment. */
  #drainSoon(behind: Behind): void {
    if (behind.drainsSoon) return;
    behind.drainsSoon = true;
    queueMicrotask(() => {
      behind.drainsSoon = false;
      if (this.#state === behind) this.drained();
    });
  }

  #join(): Audience {
    const { audiences, socket, pattern, encoding, subscriptionId, settle } = this.#request;
    const audience = audiences.join(pattern, encoding, subscriptionId);
    settle(audience);
    socket.subscribe(audience.key);
    return audience;
  }

  #leave(isConnected: boolean): void {
    if (isConnected && this.#state.is !== "behind") this.#request.socket.unsubscribe(this.#audience.key);
    this.#request.audiences.leave(this.#audience);
  }

  #keep(topic: string, frame: Body): void {
    const behind = this.#state;
    if (behind.is !== "behind") return;
    const { waiting } = behind;
    const before = waiting.get(topic);
    if (before !== undefined) {
      this.#keptBytes -= costBytes(before);
      waiting.delete(topic);
    }
    waiting.set(topic, frame);
    this.#keptBytes += costBytes(frame);
    this.#request.kept(frame.length);
    // Bun does not always call `drain` when everything has been sent.
    if (this.#request.socket.getBufferedAmount() === 0) this.#drainSoon(behind);
  }
}

function costBytes(frame: Body): number {
  return overheadBytes + (typeof frame === "string" ? 2 * frame.length : frame.byteLength);
}
