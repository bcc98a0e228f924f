/** A pump sends as long as less than this waits in its socket, in bytes. */
const bufferedBytesMax = 256 * 1024;
const burst = 200;

/** Bun's WebSocket has this method, which the DOM's types lack. */
type Terminable = WebSocket & { terminate(): void };

/** Clients that send as fast as they are read, each alone on a topic, so that only RabbitMQ gets the messages. */
export class Pumps implements AsyncDisposable {
  sent = 0;
  readonly #sockets: readonly WebSocket[];
  #timer: NodeJS.Timeout | undefined;

  private constructor(sockets: readonly WebSocket[], onAnswer: () => void) {
    this.#sockets = sockets;
    for (const socket of sockets) socket.onmessage = onAnswer;
    this.#timer = setInterval(() => this.#pump(), 5);
  }

  static async open(url: string, count: number, onAnswer: () => void): Promise<Pumps> {
    const sockets = Array.from({ length: count }, (_, index) => new WebSocket(`${url}?topic=pump.${index}`));
    await Promise.all(
      sockets.map((socket) => new Promise((open) => socket.addEventListener("open", open, { once: true }))),
    );
    return new Pumps(sockets, onAnswer);
  }

  /** Ends them at once, with everything that still waits in their sockets. */
  stop(): void {
    clearInterval(this.#timer);
    for (const socket of this.#sockets) (socket as Terminable).terminate();
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.stop();
    return Promise.resolve();
  }

  #pump(): void {
    for (const socket of this.#sockets) {
      for (let left = burst; left > 0 && socket.bufferedAmount < bufferedBytesMax; left--) {
        socket.send(text);
        this.sent++;
      }
    }
  }
}

/** The size of a message. Smaller ones would be more than RabbitMQ can take in the time of a test. */
const text = "x".repeat(4096);
