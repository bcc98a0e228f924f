import { until, within } from "./wait.ts";

export interface ClientOptions {
  readonly protocols?: readonly string[];
  readonly headers?: Record<string, string>;
  /** The CA certificates for `wss://`, in PEM. */
  readonly ca?: string;
  readonly timeoutMs?: number;
}

export type Received = string | Uint8Array;

export interface Closed {
  readonly code: number;
  readonly reason: string;
}

/** Opens a WebSocket. Resolves when it is open, throws when it is refused. */
export async function connect(url: string, options: ClientOptions = {}): Promise<Client> {
  const init = {
    protocols: [...(options.protocols ?? [])],
    headers: options.headers ?? {},
    tls: { ca: options.ca },
  };
  // Bun's WebSocket takes headers and what TLS needs too, which the DOM's types know nothing of.
  const socket = new WebSocket(url, init as unknown as string[]);
  const client = new Client(socket);
  await within(client.opened, `a WebSocket to ${url} to open`, options.timeoutMs);
  return client;
}

/** A WebSocket client that records its messages. */
export class Client implements AsyncDisposable {
  /** All messages, in order. */
  readonly received: Received[] = [];
  readonly opened: Promise<void>;
  readonly closed: Promise<Closed>;

  readonly #socket: WebSocket;
  #taken = 0;

  constructor(socket: WebSocket) {
    this.#socket = socket;
    socket.binaryType = "arraybuffer";
    const { promise: opened, resolve: open, reject: refuse } = Promise.withResolvers<void>();
    const { promise: closed, resolve: close } = Promise.withResolvers<Closed>();
    this.opened = opened;
    this.closed = closed;
    socket.onopen = () => open();
    socket.onmessage = ({ data }) => {
      this.received.push(typeof data === "string" ? data : new Uint8Array(data as ArrayBuffer));
    };
    socket.onclose = ({ code, reason }) => {
      refuse(new Error(`the WebSocket to ${socket.url} was closed before it opened: ${code} ${reason}`));
      close({ code, reason });
    };
  }

  get protocol(): string {
    return this.#socket.protocol;
  }

  send(message: string | Uint8Array<ArrayBuffer>): void {
    this.#socket.send(message);
  }

  /** The next message that matches, after those that earlier calls returned or skipped. */
  async next(
    fits: (message: Received) => boolean = () => true,
    what = "a message",
    timeoutMs = 10_000,
  ): Promise<Received> {
    const start = this.#taken;
    const find = () => {
      const found = this.received.findIndex((message, index) => index >= start && fits(message));
      return found >= 0 ? { found } : undefined;
    };
    try {
      const { found } = await until(find, `the client received ${what}`, timeoutMs);
      this.#taken = found + 1;
      return this.received[found]!;
    } catch (cause) {
      const rest = this.received.slice(start).map((message) => JSON.stringify(message).slice(0, 200));
      throw new Error(`no ${what} within ${timeoutMs} ms. Received instead: [${rest.join(", ")}]`, { cause });
    }
  }

  /** Closes the connection, with the closing handshake. */
  async close(code = 1000, reason = ""): Promise<Closed> {
    this.#socket.close(code, reason);
    return await within(this.closed, "the WebSocket to close");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}
