import type { ClientSocket } from "../../../../src/gateway/clients/client.ts";

/** One message as a client has read it. */
export interface Got {
  readonly subscriptionId: string;
  readonly text: string;
  readonly position: string;
  readonly isAfterGap: boolean;
}

/**
 * A client behind a network that takes a little at a time. As in Bun, what is published waits until the end of the turn, or until something
 * is sent to the same client, and only then counts as waiting.
 */
export class SlowClient {
  readonly keys = new Set<string>();
  readonly #frames: string[] = [];
  #published: string[] = [];
  /** What was written, and what of it the network has taken, in characters. */
  #written = 0;
  #taken = 0;
  /** How much the network will have taken when it stops. */
  #mayTake = 0;
  readonly #onCrowded: () => void;

  /** @param onCrowded something was published, and not all of it was taken */
  constructor(onCrowded: () => void) {
    this.#onCrowded = onCrowded;
  }

  readonly socket = {
    send: (frame: string) => {
      this.#flush();
      this.#write(frame);
    },
    cork: (write: () => void) => write(),
    getBufferedAmount: () => this.waiting,
    subscribe: (key: string) => void this.keys.add(key),
    unsubscribe: (key: string) => void this.keys.delete(key),
  } as unknown as ClientSocket;

  get waiting(): number {
    return this.#written - this.#taken;
  }

  publish(frame: string): void {
    this.#published.push(frame);
    setImmediate(() => {
      this.#flush();
      if (this.waiting > 0) this.#onCrowded();
    });
  }

  /** The network takes so much more. Returns whether that was the last that waited. */
  takes(count: number): boolean {
    const { waiting } = this;
    this.#mayTake = this.#taken + count;
    this.#take();
    return waiting > 0 && this.waiting === 0;
  }

  /** Whether it has read everything that was sent and published to it. */
  get hasReadAll(): boolean {
    this.#flush();
    return this.waiting === 0;
  }

  /** What it has read in full. */
  get read(): readonly Got[] {
    const got: Got[] = [];
    let end = 0;
    for (const frame of this.#frames) {
      end += frame.length;
      if (end > this.#taken) break;
      got.push(parsed(frame));
    }
    return got;
  }

  #flush(): void {
    for (const frame of this.#published.splice(0)) this.#write(frame);
  }

  #write(frame: string): void {
    this.#frames.push(frame);
    this.#written += frame.length;
    this.#take();
  }

  #take(): void {
    this.#taken = Math.min(this.#written, Math.max(this.#taken, this.#mayTake));
  }
}

const textIn = /\n\n(\d+)/;
const subscriptionIn = /\nsubscription:(.*)\n/;
const positionIn = /\nx-stream-offset:(.*)\n/;
const gapIn = /\nx-stream-gap:true\n/;

function parsed(frame: string): Got {
  // The body may be very long.
  const start = frame.slice(0, frame.indexOf("\n\n") + 20);
  return {
    subscriptionId: subscriptionIn.exec(start)![1]!,
    text: textIn.exec(start)![1]!,
    position: positionIn.exec(start)![1]!,
    isAfterGap: gapIn.test(start),
  };
}
