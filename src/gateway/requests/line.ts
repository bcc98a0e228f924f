import { isShortText, type Message } from "../../message.ts";
import { errorHeader, type RequestError, repliesQueue } from "../../requests.ts";
import type { TimerWheel } from "../clients/timer-wheel.ts";
import { idOf, lasting, type Thread } from "./correlation.ts";
import { RecentIds } from "./recent-ids.ts";

/** A connection that sends requests. */
export interface Asker {
  /** Sends it an answer, whose headers have the client's own correlation id. */
  answer(message: Message, thread: Thread): void;
}

/** How many requests of one connection may wait for their expiration. */
const expiringMax = 1000;
/** What each of these takes in memory: its correlation id of up to 255 bytes, and its entry. In bytes. */
const expiringBytes = 1024;
/** How many expired requests of one connection are remembered, to drop their late answers; then the oldest is forgotten. */
const expiredMax = 1000;
const expiredBytes = 512;
/** Thrown if a request cannot be sent, because of the client. The message is a sentence for the client. */
export class RequestFault extends Error {
  override readonly name = "RequestFault";
}

/** The requests of one connection. */
export class Line {
  readonly #asker: Asker;
  readonly #prefix: string;
  readonly #wheel: TimerWheel;
  readonly #onOver: (tell: () => void) => void;
  #expiring: Map<string, Expiry> | undefined;
  /** Each connection has its own, so that no client can make others' requests be forgotten. */
  #expired: RecentIds | undefined;
  #numbers = 0;
  onAsked: () => void = () => undefined;
  onExpired: () => void = () => undefined;
  onClosed: () => void = () => undefined;

  /** @param onOver takes a function that tells the client of an expired request */
  constructor(asker: Asker, prefix: string, wheel: TimerWheel, onOver: (tell: () => void) => void) {
    this.#asker = asker;
    this.#prefix = prefix;
    this.#wheel = wheel;
    this.#onOver = onOver;
  }

  /** What is kept of the requests that may expire, and of those that have expired. In bytes. */
  get keptBytes(): number {
    return (this.#expiring?.size ?? 0) * expiringBytes + (this.#expired?.size ?? 0) * expiredBytes;
  }

  /** Whether the client was told that the request with this correlation id has expired. */
  hasExpired(id: string): boolean {
    return this.#expired?.has(id) === true;
  }

  /**
   * The headers with which a request is published, in place of its own.
   *
   * @throws RequestFault if it cannot be sent
   */
  headersOf(headers: Message["headers"], thread: Thread, topic: string) {
    const expiration = headers?.["expiration"];
    // A number distinguishes it from an expired request with the same name.
    const kind = expiration === undefined ? lasting : `e${++this.#numbers}.`;
    const askedMs = performance.now();
    const id = idOf(this.#prefix, kind, askedMs, thread);
    if (!isShortText(id)) {
      // The length of the first is written with up to three digits.
      const ownBytes = idOf(this.#prefix, kind, askedMs, { replyTo: "", correlationId: "" }).length + 2;
      throw new RequestFault(
        `reply-to and correlation-id are too long: they have at most ${255 - ownBytes} bytes together`,
      );
    }
    this.onAsked();
    if (expiration !== undefined) this.#expire(id, thread, topic, Number(expiration));
    return { ...headers, "reply-to": repliesQueue, "correlation-id": id };
  }

  answer(message: Message, id: string, thread: Thread): void {
    const expiry = this.#expiring?.get(id);
    if (expiry !== undefined) this.#forget(id, expiry);
    this.#asker.answer(withOwn(message, thread), thread);
  }

  /** The request with these headers was not published, or its answer was not. @param why a sentence for the client */
  refused(
    headers: Message["headers"],
    thread: Thread,
    topic: string,
    error: RequestError,
    why: string,
  ): void {
    this.answer(errorAnswer(topic, error, why), headers!["correlation-id"]!, thread);
  }

  /** The connection has ended. */
  close(): void {
    this.onClosed();
    for (const expiry of this.#expiring?.values() ?? []) this.#wheel.remove(expiry);
    this.#expiring = undefined;
  }

  #expire(id: string, thread: Thread, topic: string, inMs: number): void {
    this.#expiring ??= new Map();
    if (this.#expiring.size >= expiringMax)
      throw new RequestFault(`more than ${expiringMax} requests with an expiration wait for their answers`);
    const tell = () => {
      // It was answered meanwhile, or the client has gone.
      if (this.#expiring?.get(id) !== expiry) return;
      this.#expiring.delete(id);
      this.#expired ??= new RecentIds(expiredMax);
      this.#expired.add(id);
      this.onExpired();
      this.#asker.answer(withOwn(errorAnswer(topic, "expired", "no answer came in time"), thread), thread);
    };
    const expiry = new Expiry(performance.now() + inMs, () => {
      this.#wheel.remove(expiry);
      this.#onOver(tell);
    });
    this.#expiring.set(id, expiry);
    this.#wheel.add(expiry, inMs);
  }

  #forget(id: string, expiry: Expiry): void {
    this.#wheel.remove(expiry);
    this.#expiring?.delete(id);
  }
}

/** Becomes due when a request expires. */
class Expiry {
  readonly #atMs: number;
  readonly #then: () => void;

  constructor(atMs: number, then: () => void) {
    this.#atMs = atMs;
    this.#then = then;
  }

  due(): number {
    const leftMs = this.#atMs - performance.now();
    if (leftMs > 0) return leftMs;
    this.#then();
    return 0;
  }
}

/** The message with the client's own correlation id, and without the headers that are Warren's. */
function withOwn(message: Message, { correlationId }: Thread): Message {
  const { "reply-to": _, "correlation-id": __, ...headers } = message.headers ?? {};
  return {
    ...message,
    clientId: undefined,
    headers:
      correlationId === undefined || correlationId === ""
        ? headers
        : { ...headers, "correlation-id": correlationId },
  };
}

function errorAnswer(topic: string, error: RequestError, body: string): Message {
  return {
    id: `${error}-${crypto.randomUUID()}`,
    body,
    topic,
    headers: { [errorHeader]: error },
    appId: undefined,
    timestamp: Math.floor(Date.now() / 1000),
  };
}
