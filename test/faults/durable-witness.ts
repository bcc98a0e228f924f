import { isAfter, startAfter } from "../../src/log/position.ts";
import { keyOf, Sightings } from "./ledger.ts";

const answerPrefix = "processed message: ";
/** How long it stays with one manager, in milliseconds. */
const stayMs = { least: 500, most: 3000 } as const;
const againAfterMs = 100;

/**
 * A client with a durable subscription to everything. It changes managers regularly, and whenever it is closed, and continues after its last
 * message. It must get everything that live listeners get, in the log's order, whatever happens to its managers and their connections to
 * RabbitMQ.
 */
export class DurableWitness {
  readonly relayed = new Sightings();
  readonly answered = new Sightings();
  /** Events that must not happen: positions that do not rise, ERROR frames. */
  readonly faults: string[] = [];
  /** How often it was told of a gap. */
  gaps = 0;
  /** How many subscriptions were confirmed. */
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

  /** Resolves when it is subscribed, so that it misses nothing from then on. */
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
      // Late messages of an abandoned connection come again on the next one.
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
    // It stays until it has made progress. Otherwise it would read the same part of a long log again and again.
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

/** Parses a position, which clients must not do. */
function isLaterThan(position: string, earlier: string): boolean {
  const { offset, index } = startAfter(position)!;
  return isAfter(startAfter(earlier)!, offset, index);
}
