import type { Client, ClientSocket } from "../../../src/gateway/clients/client.ts";

/** What Bun queues of small published messages for a client before it writes them. */
const queuedMax = 32;
const smallBytes = 16 * 1024;

/**
 * Bun's side of a connection, without a network: what is published is queued for a while and cannot be seen, what is written
 * waits until the client reads, and after the end nothing comes any more.
 */
export class SlowSocket {
  readonly frames: string[] = [];
  readonly keys = new Set<string>();
  data: Client;
  isClosed = false;
  /** The network takes whatever is written, so that nothing ever waits, and no drain is told. */
  isQuick = false;
  #queued: string[] = [];
  #written: string[] = [];
  #buffered = 0;
  #readBytes = 0;
  readonly #onClose: (socket: ClientSocket) => void;

  constructor(data: Client, onClose: (socket: ClientSocket) => void) {
    this.data = data;
    this.#onClose = onClose;
  }

  get asClient(): ClientSocket {
    return this as unknown as ClientSocket;
  }

  get subscriptions(): string[] {
    return [...this.keys];
  }

  subscribe(key: string): void {
    this.keys.add(key);
  }

  unsubscribe(key: string): void {
    this.keys.delete(key);
    if (this.keys.size === 0) this.flush();
  }

  published(key: string, frame: string): void {
    if (!this.keys.has(key)) return;
    if (frame.length >= smallBytes) {
      this.send(frame);
      return;
    }
    if (this.#queued.length === queuedMax) this.flush();
    this.#queued.push(frame);
  }

  send(frame: string): void {
    if (this.isClosed) return;
    this.flush();
    this.#write(frame);
  }

  cork(write: () => void): void {
    write();
  }

  getBufferedAmount(): number {
    return this.#buffered;
  }

  /** As Bun does at the end of a turn. */
  flush(): void {
    const queued = this.#queued;
    this.#queued = [];
    for (const frame of queued) this.#write(frame);
  }

  /** The client reads so much, which ends within a frame as likely as not. */
  read(bytes: number): void {
    if (this.isClosed || this.#buffered === 0) return;
    const taken = Math.min(bytes, this.#buffered);
    this.#buffered -= taken;
    this.#readBytes += taken;
    while (this.#written.length > 0 && this.#written[0]!.length <= this.#readBytes) {
      const frame = this.#written.shift()!;
      this.#readBytes -= frame.length;
      this.frames.push(frame);
    }
    this.data.drained();
  }

  terminate(): void {
    this.close();
  }

  close(): void {
    if (this.isClosed) return;
    this.isClosed = true;
    this.#queued = [];
    this.#written = [];
    this.#buffered = 0;
    this.keys.clear();
    this.#onClose(this.asClient);
    this.data.closed();
    this.data.left();
  }

  pause(): void {
    // What a client sends comes by itself here.
  }

  resume(): void {
    // What a client sends comes by itself here.
  }

  #write(frame: string): void {
    if (this.isQuick && this.#buffered === 0) {
      this.frames.push(frame);
      return;
    }
    this.#written.push(frame);
    this.#buffered += frame.length;
  }
}
