import { backoffMs } from "./backoff.ts";
import { type Closing, firstAttemptAfter } from "./closing.ts";

/** A handshake that takes longer goes nowhere: browsers themselves would wait for minutes. */
export const connectTimeoutMs = 10_000;

/** A connection that lasted this long was a good one, and the next loss starts the backoff afresh. */
export const steadyAfterMs = 5_000;

export type ConnectionState =
  | { readonly is: "connecting" }
  | { readonly is: "connected" }
  | { readonly is: "waiting"; readonly untilMs: number; readonly closing: Closing };

/** The part of a browser's WebSocket that is used here, so that tests can play the manager. */
export type Socket = Pick<WebSocket, "send" | "close" | "binaryType" | "onopen" | "onmessage" | "onclose">;

/** What tests replace: the sockets, the time and the dice. */
export interface Surroundings {
  open(url: string): Socket;
  now(): number;
  after(ms: number, run: () => void): () => void;
  random(): number;
}

export interface ConnectionEvents {
  changed(state: ConnectionState): void;
  /** An established connection, or an attempt at one, ended without this page wanting it. */
  closed(closing: Closing): void;
  text(text: string): void;
  binary(bytes: Uint8Array): void;
}

/** A WebSocket that comes back by itself, until the page goes away. */
export class Connection {
  #url: string;
  readonly #surroundings: Surroundings;
  readonly #events: ConnectionEvents;
  #state: ConnectionState = { is: "connecting" };
  #socket: Socket | undefined;
  #attempt = 0;
  #openedAtMs = 0;
  #cancelTimer: () => void = () => undefined;

  constructor(url: string, surroundings: Surroundings, events: ConnectionEvents) {
    this.#url = url;
    this.#surroundings = surroundings;
    this.#events = events;
  }

  get state(): ConnectionState {
    return this.#state;
  }

  /** Connects now, whatever was planned: at the start, on the person's wish, when the network is back. */
  connect(): void {
    this.#abandon();
    const socket = this.#surroundings.open(this.#url);
    this.#socket = socket;
    socket.binaryType = "arraybuffer";
    socket.onopen = () => this.#opened();
    socket.onmessage = ({ data }) => {
      if (typeof data === "string") this.#events.text(data);
      else this.#events.binary(new Uint8Array(data));
    };
    socket.onclose = ({ code, reason }) => this.#closed(code, reason);
    this.#cancelTimer = this.#surroundings.after(connectTimeoutMs, () => this.#closed(1006, ""));
    this.#become({ is: "connecting" });
  }

  /** The same, unless it is connected or about to be. */
  hasten(): void {
    if (this.#state.is === "waiting") this.connect();
  }

  moveTo(url: string): void {
    this.#url = url;
    this.#attempt = 0;
    this.connect();
  }

  /** Only while connected. */
  send(text: string): void {
    this.#socket?.send(text);
  }

  #opened(): void {
    this.#cancelTimer();
    this.#openedAtMs = this.#surroundings.now();
    this.#become({ is: "connected" });
  }

  #closed(code: number, reason: string): void {
    const opened = this.#state.is === "connected";
    const closing: Closing = { code, reason, opened };
    const now = this.#surroundings.now();
    this.#abandon();
    if (opened && now - this.#openedAtMs >= steadyAfterMs) this.#attempt = 0;
    this.#attempt = Math.max(this.#attempt, firstAttemptAfter(closing));
    const waitMs = backoffMs(this.#attempt, () => this.#surroundings.random());
    this.#attempt += 1;
    this.#cancelTimer = this.#surroundings.after(waitMs, () => this.connect());
    this.#events.closed(closing);
    this.#become({ is: "waiting", untilMs: now + waitMs, closing });
  }

  /** Lets go of the socket: whatever it still does concerns nobody. */
  #abandon(): void {
    this.#cancelTimer();
    const socket = this.#socket;
    if (socket === undefined) return;
    this.#socket = undefined;
    socket.onopen = socket.onmessage = socket.onclose = null;
    socket.close();
  }

  #become(state: ConnectionState): void {
    this.#state = state;
    this.#events.changed(state);
  }
}
