/** How long it waits before it connects again, in milliseconds. */
const againAfterMs = 100;
/** How long a receipt may take before it sends the same again elsewhere, in milliseconds. */
const receiptMsMax = 10_000;

/**
 * A STOMP client that sends the numbers from 0 on to a topic, each when the one before has its receipt. When its connection ends
 * it goes to the next manager and sends the number without a receipt again, under the same idempotency key: so each is
 * published once.
 */
export class Counter implements Disposable {
  /** Numbers that have a receipt: the next one is the one that is on its way. */
  confirmed = 0;
  readonly #ports: readonly number[];
  readonly #topic: string;
  readonly #everyMs: number;
  #turn = 0;
  #socket: WebSocket | undefined;
  #timer: NodeJS.Timeout | undefined;
  #isClosed = false;

  constructor(ports: readonly number[], topic: string, everyMs: number) {
    this.#ports = ports;
    this.#topic = topic;
    this.#everyMs = everyMs;
    this.#connect();
  }

  /** Sends no more. The number that is on its way may still arrive. */
  [Symbol.dispose](): void {
    this.#isClosed = true;
    clearTimeout(this.#timer);
    this.#socket?.close();
  }

  #connect(): void {
    const port = this.#ports[this.#turn++ % this.#ports.length]!;
    const socket = new WebSocket(`ws://127.0.0.1:${port}/ws/counter`, "v12.stomp");
    this.#socket = socket;
    socket.onopen = () => socket.send("CONNECT\naccept-version:1.2\n\n\0");
    socket.onmessage = ({ data }) => this.#take(String(data));
    socket.onclose = () => {
      clearTimeout(this.#timer);
      if (!this.#isClosed) this.#timer = setTimeout(() => this.#connect(), againAfterMs);
    };
  }

  #take(frame: string): void {
    if (this.#isClosed) return;
    if (frame.startsWith("CONNECTED")) this.#send();
    else if (frame.startsWith("RECEIPT")) {
      this.confirmed++;
      clearTimeout(this.#timer);
      this.#timer = setTimeout(() => this.#send(), this.#everyMs);
    } else if (frame.startsWith("ERROR")) this.#socket?.close();
  }

  #send(): void {
    const number = this.confirmed;
    this.#socket?.send(
      `SEND\ndestination:/topic/${this.#topic}\nreceipt:${number}\nidempotency-key:${this.#topic}-${number}\n\n${number}\0`,
    );
    this.#timer = setTimeout(() => this.#socket?.close(), receiptMsMax);
  }
}
