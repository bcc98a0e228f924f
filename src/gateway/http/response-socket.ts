import type { Body } from "../../message.ts";
import type { Client, ClientSocket } from "../clients/client.ts";
import type { SocketEvents } from "../clients/socket-events.ts";
import type { Receiver } from "../fan-out/crowd.ts";
import type { Multicast } from "../fan-out/multicast.ts";

/** The code if the client, or the network, ended the connection without a close. */
export const endedByClient = 1005;
const lost = 1006;

/**
 * Makes an HTTP response usable as a client's connection. It is only written to: nothing is read from it, so pausing does nothing. What
 * `multicast` has for its keys is written in order with what is sent to it directly.
 */
export abstract class ResponseSocket implements ClientSocket, Receiver {
  data: Client;
  readonly #addressOf: () => string;
  readyState: number = WebSocket.CONNECTING;
  readonly #multicast: Multicast;
  protected readonly events: SocketEvents;
  readonly #keys = new Set<string>();
  /** What was sent while it is corked; undefined otherwise. */
  #corked: string[] | undefined;

  /** @param addressOf the peer's address: to find it out costs as much as some other parts of a short request, and hardly anybody asks */
  constructor(data: Client, addressOf: () => string, multicast: Multicast, events: SocketEvents) {
    this.data = data;
    this.#addressOf = addressOf;
    this.#multicast = multicast;
    this.events = events;
  }

  /** Writes to the response, in UTF-8. */
  protected abstract write(what: string | Uint8Array): void;
  /** Ends the response, like a close frame ends a WebSocket. */
  protected abstract finish(code: number, reason: string): void;
  /** Ends it without a word. */
  protected abstract abort(): void;
  abstract getBufferedAmount(): number;
  abstract ping(): void;

  protected open(): void {
    this.readyState = WebSocket.OPEN;
    this.events.opened(this);
  }

  get remoteAddress(): string {
    return this.#addressOf();
  }

  get subscriptions(): string[] {
    return [...this.#keys];
  }

  subscribe(key: string): void {
    if (this.readyState !== WebSocket.OPEN) return;
    this.#keys.add(key);
    this.#multicast.subscribe(key, this);
  }

  unsubscribe(key: string): void {
    this.#multicast.unsubscribe(key, this);
    this.#keys.delete(key);
  }

  publish(key: string, body: Body): void {
    this.#multicast.publish(key, body);
  }

  receive(bytes: Uint8Array): void {
    if (this.readyState === WebSocket.OPEN) this.write(bytes);
  }

  /** Takes only text: without WebSocket there are no binary frames. */
  send(body: Body): void {
    if (this.readyState !== WebSocket.OPEN) return;
    for (const key of this.#keys) this.#multicast.writeTo(key, this);
    if (this.#corked === undefined) this.write(body);
    else this.#corked.push(body as string);
  }

  cork(send: () => void): void {
    const outer = this.#corked;
    // Within another cork, it is written when this one ends: what is written is counted, and may be held back.
    this.#writeCorked();
    this.#corked = [];
    try {
      send();
      this.#writeCorked();
    } finally {
      this.#corked = outer;
    }
  }

  #writeCorked(): void {
    const text = this.#corked?.splice(0).join("") ?? "";
    if (text !== "" && this.readyState === WebSocket.OPEN) this.write(text);
  }

  pause(): void {
    // Nothing is read.
  }

  resume(): void {
    // Nothing was read before either.
  }

  close(code: number = endedByClient, reason = ""): void {
    if (this.readyState !== WebSocket.OPEN) return;
    // What was sent before has to be written before.
    this.#writeCorked();
    for (const key of this.#keys) this.#multicast.writeTo(key, this);
    // Writing may show that the client has gone.
    if (this.readyState === WebSocket.OPEN) this.#end(code, () => this.finish(code, reason));
  }

  terminate(): void {
    this.#end(lost, () => this.abort());
  }

  /** The response has ended. */
  protected ended(code: number): void {
    this.#end(code, () => undefined);
  }

  #end(code: number, how: () => void): void {
    if (this.readyState === WebSocket.CLOSED) return;
    const wasOpen = this.readyState === WebSocket.OPEN;
    this.readyState = WebSocket.CLOSED;
    how();
    for (const key of this.#keys) this.#multicast.unsubscribe(key, this);
    this.#keys.clear();
    // Call back only after the caller that ends it is done, as with a WebSocket.
    if (wasOpen) queueMicrotask(() => this.events.closed(this, code));
  }
}
