import { type IFrame, type IMessage, Client as StompClient, type StompConfig } from "@stomp/stompjs";
import { untilCount, within } from "./wait.ts";

export interface Message {
  readonly body: string;
  readonly binaryBody: Uint8Array;
  readonly headers: Readonly<Record<string, string>>;
}

/** Connects with @stomp/stompjs, as an application would. Resolves when CONNECTED has come. */
export async function connectStomp(url: string, config: StompConfig = {}): Promise<StompPeer> {
  const peer = new StompPeer(url, config);
  await within(peer.connected, `a STOMP session at ${url}`);
  return peer;
}

/** A stompjs client that remembers what it received, and has promises instead of callbacks. */
export class StompPeer implements AsyncDisposable {
  readonly client: StompClient;
  readonly connected: Promise<IFrame>;
  /** The ERROR frame. */
  readonly failed: Promise<IFrame>;
  /** The code with which the WebSocket was closed. */
  readonly closed: Promise<number>;
  #receipts = 0;

  constructor(url: string, config: StompConfig) {
    const connected = Promise.withResolvers<IFrame>();
    const failed = Promise.withResolvers<IFrame>();
    const closed = Promise.withResolvers<number>();
    this.connected = connected.promise;
    this.failed = failed.promise;
    this.closed = closed.promise;
    this.client = new StompClient({
      brokerURL: url,
      reconnectDelay: 0,
      onConnect: connected.resolve,
      onStompError: failed.resolve,
      onWebSocketClose: ({ code }: CloseEvent) => {
        connected.reject(new Error(`closed with ${code} before CONNECTED`));
        closed.resolve(code);
      },
      ...config,
    });
    this.client.activate();
  }

  /** Subscribes and resolves with where the messages will be, when the subscription is in force. */
  async subscribe(destination: string, headers: Record<string, string> = {}): Promise<Message[]> {
    const received: Message[] = [];
    const keep = ({ headers, body, binaryBody }: IMessage) =>
      void received.push({ headers: { ...headers }, body, binaryBody });
    await this.#withReceipt((receipt) => this.client.subscribe(destination, keep, { ...headers, receipt }));
    return received;
  }

  send(destination: string, body: string | Uint8Array, headers: Record<string, string> = {}): void {
    this.client.publish(
      typeof body === "string" ? { destination, body, headers } : { destination, binaryBody: body, headers },
    );
  }

  /** Resolves when the receipt has come. */
  sendSafely(
    destination: string,
    body: string | Uint8Array,
    headers: Record<string, string> = {},
  ): Promise<void> {
    return this.#withReceipt((receipt) => this.send(destination, body, { ...headers, receipt }));
  }

  receiptFor(act: (receipt: string) => unknown): Promise<void> {
    return this.#withReceipt(act);
  }

  async #withReceipt(act: (receipt: string) => unknown): Promise<void> {
    const receipt = `receipt-${++this.#receipts}`;
    const came = Promise.withResolvers<void>();
    this.client.watchForReceipt(receipt, () => came.resolve());
    act(receipt);
    await within(came.promise, `the ${receipt}`, 30_000);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.client.deactivate({ force: true });
  }
}

/** The bodies, once there are so many. */
export async function bodiesOf(received: readonly Message[], count: number): Promise<string[]> {
  await untilCount(() => received.length, count, "messages");
  return received.map(({ body }) => body);
}
