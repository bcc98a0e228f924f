import { backoffMs } from "./backoff.ts";
import {
  type Closing,
  diagnosisOf,
  firstAttemptAfter,
  type HttpAnswer,
  isWithoutUpgrade,
} from "./closing.ts";
import type { Link, LinkEvents, LinkMessage } from "./link.ts";

/** A handshake that takes longer goes nowhere: browsers themselves would wait for minutes. */
export const connectTimeoutMs = 10_000;

/** A connection that lasted this long was a good one, and the next loss starts the backoff afresh. */
export const steadyAfterMs = 5_000;

/** How the connection is. */
export type ConnectionState =
  | { readonly is: "connecting" }
  | { readonly is: "connected" }
  | { readonly is: "waiting"; readonly untilMs: number; readonly closing: Closing };

/** What tests replace: the links, the time and the dice. */
export interface Surroundings {
  /** Opens a link over WebSocket. */
  open(url: string, events: LinkEvents): Link;
  /** Opens a link that needs no WebSocket. */
  openWithoutWebSocket(url: string, events: LinkEvents): Link;
  /** An ordinary request to the same place. Undefined if nothing answers. */
  ask(url: string): Promise<HttpAnswer | undefined>;
  /** The time, in milliseconds since 1970. */
  now(): number;
  /** Calls `run` after this time, unless what it returns is called before. */
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

/** Is told what becomes of the connection. */
export interface ConnectionEvents {
  /** It is in another state. */
  changed(state: ConnectionState): void;
  /** The manager takes frames. It is `connected` when the one that hears this has said `establish()`. */
  opened(link: Link, clientId: string | undefined): void;
  /** The manager has told the client id only after that. */
  identified(clientId: string): void;
  /** A MESSAGE frame has come. */
  message(message: LinkMessage): void;
  /** A RECEIPT frame has come. `after` is where in the log a durable subscription begins. */
  receipt(id: string, after: string | undefined): void;
  /** An ERROR came, and the end will follow. True if the next connection will not meet it again. */
  refused(refusal: Refusal): boolean;
  /** A connection, or an attempt at one, ended without this page wanting it. */
  closed(closing: Closing, wasConnected: boolean): void;
}

/** A link that comes back by itself, until the page goes away. */
export class Connection {
  #url: string;
  readonly #surroundings: Surroundings;
  readonly #events: ConnectionEvents;
  #state: ConnectionState = { is: "connecting" };
  #link: Link | undefined;
  #refusal: { readonly message: string; readonly isOvercome: boolean } | undefined;
  #attempt = 0;
  /** Whether the last WebSocket failed although the manager answers. */
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

  /** Whether it goes by HTTP, since WebSocket does not come through. */
  get isWithoutWebSocket(): boolean {
    return this.#isWithoutWebSocket;
  }

  /** Connects now, whatever was planned: at the start, on the person's wish, when the network is back. */
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

  /** Connects now, unless it is connected or about to be. */
  hasten(): void {
    if (this.#state.is === "waiting") this.connect();
  }

  /** Everything that a connection needs to be of use is there. */
  establish(): void {
    if (this.#state.is === "connected") return;
    this.#cancelTimer();
    this.#isDoubted = false;
    this.#establishedAtMs = this.#surroundings.now();
    this.#become({ is: "connected" });
  }

  /** Something new is wanted of the manager: what it refused before no longer counts. */
  startAfresh(): void {
    this.#attempt = 0;
    this.hasten();
  }

  #refused(refusal: Refusal): void {
    const link = this.#link;
    const isOvercome = this.#events.refused(refusal);
    // A listener that knew what to do may have connected again already.
    if (this.#link !== link) return;
    this.#refusal = { message: refusal.message, isOvercome };
    // The manager closes the connection after an ERROR. If that gets lost, this page closes it.
    this.#giveUpAfterTimeout();
  }

  #closed(code: number, reason: string): void {
    const wasConnected = this.#state.is === "connected";
    const refusal = this.#refusal;
    const closing: Closing = { code, reason, refusal: refusal?.message, opened: wasConnected };
    const now = this.#surroundings.now();
    const wasWithoutWebSocket = this.#isWithoutWebSocket;
    this.#abandon();
    // What did not work without it may work with it by now.
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
   * A browser does not say why a WebSocket did not come about, but an ordinary request has an answer. If it is the manager's, what
   * is in between passes HTTP on, and the page goes by that.
   */
  async #diagnose(closing: Closing): Promise<void> {
    const answer = await this.#surroundings.ask(this.#url);
    const state = this.#state;
    if (state.is !== "waiting" || state.closing !== closing) return;
    if (isWithoutUpgrade(answer)) {
      // After the first failure the manager may have started between the two questions. A WebSocket that fails once more does not come through.
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
