import type { Server } from "bun";
import { Share } from "../../envelope/share.ts";
import type { Client } from "../clients/client.ts";
import type { Timed, TimerWheel } from "../clients/timer-wheel.ts";
import type { Sender } from "../fan-out/ingress.ts";
import type { Spread } from "../fan-out/spread.ts";
import { neighbourhoodOf, TrustedProxies } from "../guards/address.ts";
import type { MessageRateOptions } from "../limits/message-rate.ts";
import { TokenBucket } from "../limits/token-bucket.ts";

/** How many senders are remembered. Each is forgotten after a second of silence. */
const sendersMax = 65_536;
const lookEveryMs = 1000;

/** What a sender's messages may take that are still being published by turns, before it has to wait. In bytes. */
const spreadingBytesMax = 1024 ** 2;

/** A sender of requests: a token's user, or an address. Its rate counts all of its requests together. */
export class HttpSender implements Sender {
  /** There is no connection that could be held back. */
  readonly socket = undefined;
  /** It gets everything that it subscribes to. */
  readonly excluded = undefined;
  share: Share | undefined = new Share();
  readonly #messages: TokenBucket | undefined;
  readonly #bytes: TokenBucket | undefined;
  #usedMs = 0;
  /** How many of its requests are not answered. */
  requests = 0;
  /** What its messages take that are still being published by turns, to very many audiences. In bytes. */
  #spreadingBytes = 0;

  /** The address, if the sender is one: a client without a token could use a new id for each message. */
  readonly keysOf: string | undefined;

  constructor(
    { maxMessagesPerSecond, maxBytesPerSecond }: MessageRateOptions,
    nowMs: number,
    keysOf: string | undefined,
  ) {
    this.keysOf = keysOf;
    if (maxMessagesPerSecond > 0) this.#messages = new TokenBucket(maxMessagesPerSecond, nowMs);
    if (maxBytesPerSecond > 0) this.#bytes = new TokenBucket(maxBytesPerSecond, nowMs);
  }

  /** How long until it may send a message, in milliseconds; zero: it may now, and the message is counted. */
  waitMs(nowMs: number): number {
    this.#usedMs = nowMs;
    const bytesMs = this.#bytes?.waitMs(nowMs) ?? 0;
    if (bytesMs > 0) return bytesMs;
    if (this.#messages === undefined || this.#messages.take(nowMs)) return 0;
    return this.#messages.waitMs(nowMs);
  }

  /** One of its messages is still being published. */
  spreads(spread: Spread): void {
    const { costBytes } = spread;
    this.#spreadingBytes += costBytes;
    spread.onDone = () => {
      this.#spreadingBytes -= costBytes;
    };
  }

  /** Whether it may send nothing more until some of its messages have reached the clients of their topics. */
  get spreadsTooMuch(): boolean {
    return this.#spreadingBytes >= spreadingBytesMax;
  }

  /** Whether nothing has to be remembered about it. */
  isForgettable(nowMs: number): boolean {
    const isIdle = this.requests === 0 && (this.share?.unsentBytes ?? 0) === 0 && this.#spreadingBytes === 0;
    return isIdle && nowMs - this.#usedMs > lookEveryMs && (this.#bytes?.waitMs(nowMs) ?? 0) === 0;
  }

  /** It has sent this much. */
  sent(bytes: number): void {
    this.#bytes?.owe(performance.now(), bytes);
  }
}

/** The senders of requests, for as long as something has to be remembered about them. */
export class Senders implements Timed {
  readonly #options: MessageRateOptions;
  readonly #wheel: TimerWheel;
  readonly #proxies: TrustedProxies;
  readonly #senders = new Map<string, HttpSender>();

  constructor(options: MessageRateOptions, trustProxy: readonly string[] | undefined, wheel: TimerWheel) {
    this.#options = options;
    this.#wheel = wheel;
    this.#proxies = new TrustedProxies(trustProxy ?? []);
  }

  get count(): number {
    return this.#senders.size;
  }

  /** What counts as one address, for a client without a token. */
  addressOf(request: Request, server: Server<Client>): string {
    const peer = server.requestIP(request)?.address ?? "";
    return neighbourhoodOf(this.#proxies.clientOf(peer, request.headers.get("x-forwarded-for")));
  }

  /** Returns the sender; undefined if there are too many. @param key the user after a colon, or the address */
  of(key: string): HttpSender | undefined {
    let sender = this.#senders.get(key);
    if (sender === undefined) {
      if (this.#senders.size >= sendersMax) return undefined;
      sender = new HttpSender(this.#options, performance.now(), key.startsWith(":") ? undefined : key);
      if (this.#senders.size === 0) this.#wheel.add(this, lookEveryMs);
      this.#senders.set(key, sender);
    }
    return sender;
  }

  /** Forgets senders that have their full rate again, and no request waiting. */
  due(): number {
    const nowMs = performance.now();
    for (const [key, sender] of this.#senders) if (sender.isForgettable(nowMs)) this.#senders.delete(key);
    if (this.#senders.size === 0) this.#wheel.remove(this);
    return lookEveryMs;
  }
}
