import { keyOf, type MessageKey, Sightings, Silence } from "./ledger.ts";
import { ReceiptSender } from "./receipt-sender.ts";
import { Sendings, wayOf } from "./sendings.ts";

export interface LoadOptions {
  readonly clients: number;
  /** Over all clients. */
  readonly messagesPerSecond: number;
  /** The ports of the clients' manager, and of the listeners' manager. Called for each connect. */
  readonly here: (topic: string) => string;
  readonly there: (topic: string) => string;
  /** Whether to publish over STOMP, with a receipt for each message. Otherwise clients use plain text. */
  readonly hasReceipts: boolean;
}

const answerPrefix = "processed message: ";
/** How often messages are sent. */
const tickMs = 10;

/**
 * Clients that publish, each on a topic of its own, and two that listen to each: a neighbour on the same manager and one
 * on another. All connect again when they are closed.
 */
export class Load {
  readonly #options: LoadOptions;
  readonly #sockets: (Steady | ReceiptSender)[] = [];
  readonly #publishers: { readonly name: string; readonly socket: Steady | ReceiptSender; sent: number }[] =
    [];
  #timer: NodeJS.Timeout | undefined;
  #isPaused = false;
  #silence = new Silence(performance.now());
  #mark: { readonly at: number; resumedMs: number | undefined } | undefined;

  /** The messages that the sender's manager accepted, which it relays at once. */
  readonly accepted = new Sightings();
  /** The messages that clients of the other manager got. */
  readonly relayed = new Sightings();
  /** The answers, at the other manager. */
  readonly answered = new Sightings();
  /** The answers, at the sender. */
  readonly returned = new Sightings();
  readonly sendings = new Sendings();
  /** How often listeners lost their connections: what live ones missed meanwhile is nobody's fault. */
  reconnects = 0;
  /** The messages for which a receipt came since `countReceipts`. */
  receipted = new Sightings();

  constructor(options: LoadOptions) {
    this.#options = options;
    for (let index = 0; index < options.clients; index++) this.#addClient(`c${index}`);
  }

  get sent(): number {
    return this.#publishers.reduce((sum, { sent }) => sum + sent, 0);
  }

  get longestOutageMs(): number {
    return this.#silence.longestMs;
  }

  get hasMark(): boolean {
    return this.#mark !== undefined;
  }

  /** The time from `mark` to the next answer that a client got; undefined if none came. */
  get resumedMs(): number | undefined {
    return this.#mark?.resumedMs;
  }

  *sentKeys(): Generator<MessageKey> {
    for (const { name, sent } of this.#publishers) {
      for (let number = 0; number < sent; number++) yield { client: name, number };
    }
  }

  async opened(): Promise<void> {
    await Promise.all(this.#sockets.map(({ opened }) => opened));
  }

  start(): void {
    const startedAt = performance.now();
    let due = 0;
    let turn = 0;
    this.#timer = setInterval(() => {
      const target = ((performance.now() - startedAt) * this.#options.messagesPerSecond) / 1000;
      for (; due < target; due++) {
        const publisher = this.#publishers[turn++ % this.#publishers.length]!;
        if (this.#isPaused) continue;
        if (!publisher.socket.send(`${publisher.name}:${publisher.sent}`)) continue;
        publisher.sent++;
        this.sendings.sent(publisher.name, publisher.socket.way);
      }
    }, tickMs);
  }

  pause(): void {
    this.#isPaused = true;
  }

  resume(): void {
    this.#isPaused = false;
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  /** Messages that get a receipt from now on must not be lost. */
  countReceipts(): void {
    this.receipted = new Sightings();
  }

  /** Silences count from now on. */
  measure(): void {
    this.#silence = new Silence(performance.now());
  }

  /** From now on delivery should resume. */
  mark(): void {
    this.#mark = { at: performance.now(), resumedMs: undefined };
  }

  close(): void {
    this.stop();
    for (const socket of this.#sockets) socket.close();
  }

  #addClient(name: string): void {
    const { here, there, hasReceipts } = this.#options;
    const topic = `load.${name}`;
    const url = () => here(topic);
    const onText = (text: string) => this.#atSender(text);
    const onReceipt = (text: string) => {
      note(this.receipted, text);
      const key = keyOf(text);
      if (key !== undefined) this.sendings.receipted(key);
    };
    const publisher = hasReceipts
      ? new ReceiptSender(url, topic, onReceipt, onText)
      : new Steady(url, onText);
    const neighbour = new Steady(
      () => here(topic),
      (text) => {
        if (!text.startsWith(answerPrefix)) note(this.accepted, text);
      },
    );
    const distant = new Steady(
      () => there(topic),
      (text) => note(text.startsWith(answerPrefix) ? this.answered : this.relayed, text),
      () => this.reconnects++,
    );
    this.#sockets.push(publisher, neighbour, distant);
    this.#publishers.push({ name, socket: publisher, sent: 0 });
  }

  /** A client got an answer. */
  sawAnswer(): void {
    const now = performance.now();
    this.#silence.event(now);
    if (this.#mark !== undefined) this.#mark.resumedMs ??= now - this.#mark.at;
  }

  #atSender(text: string): void {
    if (!text.startsWith(answerPrefix)) return;
    this.sawAnswer();
    note(this.returned, text);
  }
}

function note(sightings: Sightings, text: string): void {
  const key = keyOf(text);
  if (key !== undefined) sightings.note(key.client, key.number);
}

/** A WebSocket that connects again, soon, whenever it is closed. */
class Steady {
  readonly opened: Promise<void>;
  readonly #url: () => string;
  readonly #onText: (text: string) => void;
  readonly #onClosed: () => void;
  readonly #open = Promise.withResolvers<void>();
  #socket: WebSocket | undefined;
  #connections = 0;
  #isClosed = false;

  constructor(url: () => string, onText: (text: string) => void, onClosed: () => void = () => undefined) {
    this.#url = url;
    this.#onText = onText;
    this.#onClosed = onClosed;
    this.opened = this.#open.promise;
    this.#connect();
  }

  /** The connection by which it sends, and the manager's port. */
  get way(): string {
    return wayOf(this.#socket, this.#connections);
  }

  send(text: string): boolean {
    if (this.#socket?.readyState !== WebSocket.OPEN) return false;
    this.#socket.send(text);
    return true;
  }

  close(): void {
    this.#isClosed = true;
    this.#socket?.close();
  }

  #connect(): void {
    if (this.#isClosed) return;
    const socket = new WebSocket(this.#url());
    this.#socket = socket;
    this.#connections++;
    socket.onopen = () => this.#open.resolve();
    socket.onmessage = ({ data }) => this.#onText(String(data));
    socket.onclose = () => {
      this.#onClosed();
      setTimeout(() => this.#connect(), 50 + 100 * Math.random());
    };
  }
}
