import type { ClientSocket } from "../../../../src/gateway/clients/client.ts";

/** A client's socket without a client: it remembers what it got, and reads or not as it is told. */
export class ScriptedClient {
  readonly frames: string[] = [];
  readonly keys = new Set<string>();
  #bufferedBytes = 0;
  /** What the network takes before something waits for the client. In characters. */
  #networkRoom = Number.POSITIVE_INFINITY;
  readonly #onKey: (key: string, isIn: boolean) => void;

  /** @param onKey hears of what it subscribes to */
  constructor(onKey: (key: string, isIn: boolean) => void = () => undefined) {
    this.#onKey = onKey;
  }

  readonly socket = {
    send: (frame: string) => {
      this.frames.push(frame);
      const taken = Math.min(this.#networkRoom, frame.length);
      this.#networkRoom -= taken;
      this.#bufferedBytes += frame.length - taken;
    },
    cork: (write: () => void) => write(),
    getBufferedAmount: () => this.#bufferedBytes,
    subscribe: (key: string) => {
      this.keys.add(key);
      this.#onKey(key, true);
    },
    unsubscribe: (key: string) => {
      this.keys.delete(key);
      this.#onKey(key, false);
    },
  } as unknown as ClientSocket;

  isReading(isReading: boolean): void {
    this.#bufferedBytes = isReading ? 0 : 10 ** 9;
  }

  get waitingBytes(): number {
    return this.#bufferedBytes;
  }

  /** The network takes so much more, in characters: first what waits. */
  networkTakes(room: number): void {
    const taken = Math.min(room, this.#bufferedBytes);
    this.#bufferedBytes -= taken;
    this.#networkRoom = room - taken;
  }

  /** What it got, as texts; they are numbered, so this tells their order too. */
  get texts(): string[] {
    return this.frames.map((frame) => /\n\n(.*)\0$/.exec(frame)![1]!);
  }
  get positions(): string[] {
    return this.frames.map((frame) => headerOf(frame, "x-stream-offset")!);
  }
  /** Where in the log they are, without what tells it from another log. */
  get places(): string[] {
    return this.positions.map((position) => position.split("-")[0]!);
  }
  /** Which of them were told to be behind a gap. */
  get gaps(): number[] {
    return this.frames.flatMap((frame, index) => (headerOf(frame, "x-stream-gap") === "true" ? [index] : []));
  }
}

function headerOf(frame: string, name: string): string | undefined {
  // Not in the body, which may be a megabyte.
  const head = frame.slice(0, frame.indexOf("\n\n") + 1);
  return new RegExp(`\n${name}:(.*)\n`).exec(head)?.[1];
}
