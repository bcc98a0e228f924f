import { until } from "../support/wait.ts";

/** A client's rate is 100 messages a second. */
const everyMs = 20;
const perTick = 1;

/** A plain-text client that sends large messages as fast as they are read, to fill buffers. They are numbered like the load's. */
export class Filler implements Disposable {
  sent = 0;
  readonly #socket: WebSocket;
  readonly #text: string;
  readonly #timer: NodeJS.Timeout;

  private constructor(socket: WebSocket, bytes: number) {
    this.#socket = socket;
    this.#text = "x".repeat(bytes);
    this.#timer = setInterval(() => this.#tick(), everyMs);
  }

  /** @param bytes of each of its messages */
  static async open(url: string, topic: string, bytes: number): Promise<Filler> {
    const socket = new WebSocket(`${url}/ws?topic=${topic}`);
    await until(() => socket.readyState === WebSocket.OPEN, "the filler to connect");
    return new Filler(socket, bytes);
  }

  /** Sends nothing more. */
  stop(): void {
    clearInterval(this.#timer);
  }

  [Symbol.dispose](): void {
    this.stop();
    this.#socket.close();
  }

  #tick(): void {
    for (let count = 0; count < perTick && this.#socket.bufferedAmount < this.#text.length; count++)
      this.#socket.send(`filler:${this.sent++} ${this.#text}`);
  }
}
