import { ReceiptSender } from "../faults/receipt-sender.ts";
import type { Receipt } from "./book.ts";

/** What may wait in a sender's socket, in bytes: one that is held back sends no more. */
const bufferedBytesMax = 256 * 1024;
const againAfterMs = 100;
const tickMs = 10;
const large = "x".repeat(8 * 1024);

export interface SenderKind {
  readonly name: string;
  readonly topic: string;
  readonly manager: string;
  /** Sends by STOMP, with receipts; otherwise large plain text. */
  readonly hasReceipts: boolean;
  readonly perSecond: number;
}

interface Sending extends SenderKind {
  readonly socket: ReceiptSender | PlainSender;
  readonly sentAt: number[];
  due: number;
}

/** Clients that send all the time, each to a topic. They number their messages from 0. */
export class Senders {
  readonly receipts: Receipt[] = [];
  readonly #sending: readonly Sending[];
  #timer: NodeJS.Timeout | undefined;

  constructor(kinds: readonly SenderKind[], urlOf: (manager: string) => string) {
    this.#sending = kinds.map((kind) => {
      // Processors keep the order of what comes from one client id, over all its connections.
      const url = () => `${urlOf(kind.manager)}/${kind.name}`;
      const socket = kind.hasReceipts
        ? new ReceiptSender(url, kind.topic, (text) => this.#receipt(text), ignore)
        : new PlainSender(() => `${url()}?topic=${kind.topic}`);
      return { ...kind, socket, sentAt: [], due: 0 };
    });
  }

  get opened(): Promise<unknown> {
    return Promise.all(this.#sending.map(({ socket }) => socket.opened));
  }

  get sent(): number {
    return this.#sending.reduce((sum, { sentAt }) => sum + sentAt.length, 0);
  }

  sentAt(sender: string, number: number): number {
    return this.#of(sender)?.sentAt[number] ?? Number.NEGATIVE_INFINITY;
  }

  topicOf(sender: string): string {
    return this.#of(sender)?.topic ?? "";
  }

  managerOf(sender: string): string {
    return this.#of(sender)?.manager ?? "";
  }

  start(): void {
    const startedAt = performance.now();
    this.#timer = setInterval(() => {
      const seconds = (performance.now() - startedAt) / 1000;
      for (const sending of this.#sending) {
        for (; sending.due < seconds * sending.perSecond; sending.due++) this.#send(sending);
      }
    }, tickMs);
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  /**
   * One more from each that gets receipts. True when each has the receipt: one whose connection was lost before that sends another one, since
   * the receipt went with it.
   */
  async lastOnes(): Promise<() => boolean> {
    const due = this.#sending.filter(({ hasReceipts }) => hasReceipts);
    const last = new Map<Sending, { readonly number: number; readonly way: string }>();
    const send = (sending: Sending): boolean => {
      const { way } = sending.socket;
      if (!this.#send(sending)) return false;
      last.set(sending, { number: sending.sentAt.length - 1, way });
      return true;
    };
    for (const sending of due) while (!send(sending)) await Bun.sleep(againAfterMs);
    const isDone = (sending: Sending): boolean => {
      const { number, way } = last.get(sending)!;
      if (this.#hasReceipt(sending.name, number)) return true;
      if (sending.socket.way !== way) send(sending);
      return false;
    };
    return () => due.map(isDone).every(Boolean);
  }

  close(): void {
    this.stop();
    for (const { socket } of this.#sending) socket.close();
  }

  #send(sending: Sending): boolean {
    const text = `${sending.name}:${sending.sentAt.length}`;
    if (!sending.socket.send(sending.hasReceipts ? text : `${text} ${large}`)) return false;
    sending.sentAt.push(performance.now());
    return true;
  }

  #receipt(text: string): void {
    const [sender = "", number] = text.split(":");
    this.receipts.push({ sender, number: Number(number), at: performance.now() });
  }

  #hasReceipt(sender: string, number: number): boolean {
    return this.receipts.findLast((one) => one.sender === sender && one.number === number) !== undefined;
  }

  #of(sender: string): Sending | undefined {
    return this.#sending.find(({ name }) => name === sender);
  }
}

/** A plain-text client that sends large messages. It connects again whenever it is closed. */
class PlainSender {
  readonly opened: Promise<void>;
  /** It has no receipts to be lost. */
  readonly way = "";
  readonly #opened = Promise.withResolvers<void>();
  readonly #url: () => string;
  #socket: WebSocket | undefined;
  #isClosed = false;

  constructor(url: () => string) {
    this.#url = url;
    this.opened = this.#opened.promise;
    this.#connect();
  }

  send(text: string): boolean {
    const socket = this.#socket;
    if (socket?.readyState !== WebSocket.OPEN || socket.bufferedAmount > bufferedBytesMax) return false;
    socket.send(text);
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
    socket.onopen = () => this.#opened.resolve();
    socket.onclose = () => setTimeout(() => this.#connect(), againAfterMs);
  }
}

function ignore(): void {
  // A sender gets its own messages, too; readers judge these.
}
