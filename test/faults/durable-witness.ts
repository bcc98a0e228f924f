import { isAfter, startAfter } from "../../src/log/position.ts";
import { keyOf, Sightings } from "./ledger.ts";

const answerPrefix = "processed message: ";
/** How long it stays with one manager, in milliseconds. */
const stayMs = { least: 500, most: 3000 } as const;
const againAfterMs = 100;

/**
 * A client with a durable subscription to everything, that goes from one manager to the other all the time, and whenever it is
 * closed, and continues behind the message that it saw last. It sees what the live listeners see, in the log's order, whatever
 * happens to its managers and their way to RabbitMQ.
 */
export class DurableWitness {
  readonly relayed = new Sightings();
  readonly answered = new Sightings();
  /** What should not have come to pass: positions that do not rise, ERROR frames. */
  readonly faults: string[] = [];
  /** How often it was told that the log does not reach back to where it was. */
  gaps = 0;
  /** Subscriptions that were in force. */
  resumptions = 0;
  readonly #urls: readonly string[];
  readonly #subscribed = Promise.withResolvers<void>();
  #turn = 0;
  #last: string | undefined;
  #hasGotOn = false;
  #socket: WebSocket | undefined;
  #timer: NodeJS.Timeout | undefined;
  #isClosed = false;

  constructor(urls: readonly string[]) {
    this.#urls = urls;
    this.#connect();
  }

  /** Resolves when nothing can be missed any more. */
  get subscribed(): Promise<void> {
    return this.#subscribed.promise;
  }

  close(): void {
    this.#isClosed = true;
    clearTimeout(this.#timer);
    this.#socket?.close();
  }

  #connect(): void {
    const socket = new WebSocket(this.#urls[this.#turn++ % this.#urls.length]!, "v12.stomp");
    this.#socket = socket;
    socket.onopen = () => {
      const begin = this.#last === undefined ? "x-stream-offset:next" : `x-stream-after:${this.#last}`;
      socket.send("CONNECT\naccept-version:1.2\n\n\0");
      socket.send(`SUBSCRIBE\nid:1\ndestination:/topic/load.#\nreceipt:subscribed\n${begin}\n\n\0`);
    };
    socket.onmessage = ({ data }) => {
      // What an abandoned connection still has comes again on the next one.
      if (socket === this.#socket) this.#take(socket, String(data));
    };
    socket.onclose = () => {
      if (socket === this.#socket && !this.#isClosed) this.#move(againAfterMs);
    };
  }

  #take(socket: WebSocket, frame: string): void {
    const [head = "", body = ""] = frame.split("\n\n", 2);
    if (head.startsWith("RECEIPT")) {
      this.resumptions++;
      this.#hasGotOn = false;
      this.#subscribed.resolve();
      clearTimeout(this.#timer);
      this.#timer = setTimeout(
        () => this.#leave(socket),
        stayMs.least + Math.random() * (stayMs.most - stayMs.least),
      );
    } else if (head.startsWith("MESSAGE")) this.#note(head, body);
    else if (head.startsWith("ERROR")) this.faults.push(frame);
  }

  #note(head: string, body: string): void {
    const position = /^x-stream-offset:(.*)$/m.exec(head)?.[1] ?? "";
    const isGap = /^x-stream-gap:true$/m.test(head);
    if (isGap) {
      this.gaps++;
      for (const sightings of [this.relayed, this.answered]) sightings.anotherLog();
    } else if (this.#last !== undefined && !isLaterThan(position, this.#last))
      this.faults.push(`position ${position} came after ${this.#last}`);
    this.#last = position;
    this.#hasGotOn = true;
    const key = keyOf(body);
    if (key === undefined) return;
    (body.startsWith(answerPrefix) ? this.answered : this.relayed).note(key.client, key.number, position);
  }

  #leave(socket: WebSocket): void {
    if (socket !== this.#socket) return;
    // It stays until it has got on: else it would read the same part of a long log over and over, and never come to its end.
    if (!this.#hasGotOn) {
      this.#timer = setTimeout(() => this.#leave(socket), stayMs.least);
      return;
    }
    this.#move(0);
    socket.close();
  }

  #move(afterMs: number): void {
    this.#socket = undefined;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#connect(), afterMs);
  }
}

/** Positions are texts of no meaning to clients; tests may know better. */
function isLaterThan(position: string, earlier: string): boolean {
  const { offset, index } = startAfter(position)!;
  return isAfter(startAfter(earlier)!, offset, index);
}
