import { backoffMs } from "./backoff.ts";
import {
  type Closing,
  diagnosisOf,
  firstAttemptAfter,
  type HttpAnswer,
  isWithoutUpgrade,
} from "./closing.ts";
import type { Link, LinkEvents, LinkMessage } from "./link.ts";

/** A handshake that takes longer has failed. Browsers themselves would wait for minutes. */
export const connectTimeoutMs = 10_000;

/** A connection that lasted this long was good: the backoff starts again from the beginning. */
export const steadyAfterMs = 5_000;

/** The state of the connection. */
export type ConnectionState =
  | { readonly is: "connecting" }
  | { readonly is: "connected" }
  | { readonly is: "waiting"; readonly untilMs: number; readonly closing: Closing };

/** What tests replace: links, time and chance. */
export interface Surroundings {
  /** Opens a link over WebSocket. */
  open(url: string, events: LinkEvents): Link;
  /** Opens a link over HTTP. */
  openWithoutWebSocket(url: string, events: LinkEvents): Link;
  /** Sends an ordinary HTTP request to the same address. Undefined if nothing answers. */
  ask(url: string): Promise<HttpAnswer | undefined>;
  /** The time, in milliseconds since 1970. */
  now(): number;
  /** Calls `run` after this time, unless the returned function is called before. */
  after(ms: number, run: () => void): () => void;
  /** A number from 0 to 1, as `Math.random` has it. */
  random(): number;
}

/** What an ERROR frame said. */
export interface Refusal {
  /** The ERROR frame's message. */
  readonly message: string;
  /** The receipt that the frame at fault asked for, if it asked for one. */
  readonly receipt: string | undefined;
}

/** Receives the connection's events. */
export interface ConnectionEvents {
  /** The state has changed. */
  changed(state: ConnectionState): void;
  /** The manager takes frames. The listener calls `establish()` to make the state `connected`. */
  opened(link: Link, clientId: string | undefined): void;
  /** The manager has told the client id, after the link was opened. */
  identified(clientId: string): void;
  /** A MESSAGE frame has come. */
  message(message: LinkMessage): void;
  /** A RECEIPT frame has come. `after` is where in the log a durable subscription begins. */
  receipt(id: string, after: string | undefined): void;
  /** An ERROR has come, and the end follows. Returns whether the next connection avoids the fault. */
  refused(refusal: Refusal): boolean;
  /** A connection, or an attempt to connect, has failed. */
  closed(closing: Closing, wasConnected: boolean): void;
}

/** Keeps a link open, and reconnects, until the page is closed. */
export class Connection {
  #url: string;
  readonly #surroundings: Surroundings;
  readonly #events: ConnectionEvents;
  #state: ConnectionState = { is: "connecting" };
  #link: Link | undefined;
  #refusal: { readonly message: string; readonly isOvercome: boolean } | undefined;
  #attempt = 0;
  /** Whether the last WebSocket failed although the manager answers over HTTP. */
  #isDoubted = false;
  #isWithoutWebSocket: boolean = false;
  #establishedAtMs = 0;
  #cancelTimer: () => void = () => undefined;

  constructor(url: string, surroundings: Surroundings, events: ConnectionEvents) {
    this.#url = url;
    this.#surroundings = surroundings;
    this.#events = events;
  }

  get state(): ConnectionState {
    return this.#state;
  }

  /** Whether it uses HTTP, since a proxy blocks WebSockets. */
  get isWithoutWebSocket(): boolean {
    return this.#isWithoutWebSocket;
  }

  /** Connects now instead of waiting: at the start, when the person asks, or when the network is back. */
  connect(): void {
    this.#abandon();
    const events: LinkEvents = {
      connected: (clientId) => this.#events.opened(link, clientId),
      identified: (clientId) => this.#events.identified(clientId),
      message: (message) => this.#events.message(message),
      receipt: (id, after) => this.#events.receipt(id, after),
      error: (message, receipt) => this.#refused({ message, receipt }),
      closed: (code, reason) => this.#closed(code, reason),
    };
    const link = this.#isWithoutWebSocket
      ? this.#surroundings.openWithoutWebSocket(this.#url, events)
      : this.#surroundings.open(this.#url, events);
    this.#link = link;
    this.#giveUpAfterTimeout();
    this.#become({ is: "connecting" });
  }

  /** Connects to this URL from the next attempt on. */
  goTo(url: string): void {
    this.#url = url;
  }

  /** Connects now, unless it is connected or connecting. */
  hasten(): void {
    if (this.#state.is === "waiting") this.connect();
  }

  /** The listener has subscribed, so the connection is ready. */
  establish(): void {
    if (this.#state.is === "connected") return;
    this.#cancelTimer();
    this.#isDoubted = false;
    this.#establishedAtMs = this.#surroundings.now();
    this.#become({ is: "connected" });
  }

  /** The page has changed its request, so earlier refusals no longer count. */
  startAfresh(): void {
    this.#attempt = 0;
    this.hasten();
  }

  #refused(refusal: Refusal): void {
    const link = this.#link;
    const isOvercome = this.#events.refused(refusal);
    // The listener may have connected again already.
    if (this.#link !== link) return;
    this.#refusal = { message: refusal.message, isOvercome };
    // The manager closes the connection after an ERROR. This is for a close that gets lost.
    this.#giveUpAfterTimeout();
  }

  #closed(code: number, reason: string): void {
    const wasConnected = this.#state.is === "connected";
    const refusal = this.#refusal;
    const closing: Closing = { code, reason, refusal: refusal?.message, opened: wasConnected };
    const now = this.#surroundings.now();
    const wasWithoutWebSocket = this.#isWithoutWebSocket;
    this.#abandon();
    // The WebSocket may work by now.
    if (!wasConnected) this.#isWithoutWebSocket = false;
    if (wasConnected && now - this.#establishedAtMs >= steadyAfterMs) this.#attempt = 0;
    if (!refusal?.isOvercome) this.#attempt = Math.max(this.#attempt, firstAttemptAfter(closing));
    const waitMs = backoffMs(this.#attempt, () => this.#surroundings.random());
    this.#attempt += 1;
    this.#cancelTimer = this.#surroundings.after(waitMs, () => this.connect());
    this.#events.closed(closing, wasConnected);
    this.#become({ is: "waiting", untilMs: now + waitMs, closing });
    if (!wasConnected && !wasWithoutWebSocket && code === 1006 && refusal === undefined)
      void this.#diagnose(closing);
  }

  /**
   * Finds out why a WebSocket failed, which browsers do not tell, by an ordinary request. If the manager answers, a proxy in between passes
   * HTTP on, and the page uses that.
   */
  async #diagnose(closing: Closing): Promise<void> {
    const answer = await this.#surroundings.ask(this.#url);
    const state = this.#state;
    if (state.is !== "waiting" || state.closing !== closing) return;
    if (isWithoutUpgrade(answer)) {
      // After the first failure the manager may have started only after the WebSocket was tried. A second failure shows that it is blocked.
      this.#isWithoutWebSocket = this.#isDoubted;
      this.#isDoubted = true;
      this.connect();
    } else this.#become({ ...state, closing: { ...closing, diagnosis: diagnosisOf(answer) } });
  }

  #giveUpAfterTimeout(): void {
    this.#cancelTimer();
    this.#cancelTimer = this.#surroundings.after(connectTimeoutMs, () => this.#closed(1006, ""));
  }

  #abandon(): void {
    this.#cancelTimer();
    this.#refusal = undefined;
    const link = this.#link;
    this.#link = undefined;
    link?.close();
  }

  #become(state: ConnectionState): void {
    this.#state = state;
    this.#events.changed(state);
  }
}
