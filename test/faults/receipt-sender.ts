import { wayOf } from "./sendings.ts";

/** How long it waits before it connects again, in milliseconds. */
const againAfterMs = 50;

/** A STOMP client that sends to one topic and asks for a receipt for each message. It connects again whenever it is closed. */
export class ReceiptSender {
  readonly opened: Promise<void>;
  readonly #url: () => string;
  readonly #destination: string;
  readonly #onReceipt: (text: string) => void;
  readonly #onText: (text: string) => void;
  readonly #open = Promise.withResolvers<void>();
  #socket: WebSocket | undefined;
  #isConnected = false;
  #connections = 0;
  #isClosed = false;

  constructor(
    url: () => string,
    topic: string,
    onReceipt: (text: string) => void,
    onText: (text: string) => void,
  ) {
    this.#url = url;
    this.#destination = `/topic/${topic}`;
    this.#onReceipt = onReceipt;
    this.#onText = onText;
    this.opened = this.#open.promise;
    this.#connect();
  }

  /** The connection by which it sends, and the manager's port. */
  get way(): string {
    return wayOf(this.#socket, this.#connections);
  }

  /** Whether it could be sent at this moment. */
  send(text: string): boolean {
    if (!this.#isConnected) return false;
    this.#socket?.send(
      `SEND\ndestination:${this.#destination}\nreceipt:${text.replace(":", "\\c")}\n\n${text}\0`,
    );
    return true;
  }

  close(): void {
    this.#isClosed = true;
    this.#socket?.close();
  }

  #connect(): void {
    if (this.#isClosed) return;
    const socket = new WebSocket(this.#url(), "v12.stomp");
    this.#socket = socket;
    this.#connections++;
    socket.onopen = () => {
      socket.send("CONNECT\naccept-version:1.2\n\n\0");
      socket.send(`SUBSCRIBE\nid:1\ndestination:${this.#destination}\n\n\0`);
    };
    socket.onmessage = ({ data }) => this.#take(String(data));
    socket.onclose = () => {
      this.#isConnected = false;
      setTimeout(() => this.#connect(), againAfterMs);
    };
  }

  #take(frame: string): void {
    const [head = "", body = ""] = frame.split("\n\n", 2);
    if (head.startsWith("CONNECTED")) {
      this.#isConnected = true;
      this.#open.resolve();
    } else if (head.startsWith("RECEIPT")) {
      const receipt = /^receipt-id:(.*)$/m.exec(head)?.[1] ?? "";
      this.#onReceipt(receipt.replace("\\c", ":"));
    } else if (head.startsWith("MESSAGE")) this.#onText(body.replace(/\0.*$/s, ""));
  }
}
