import { randomBytes } from "node:crypto";
import { Deque } from "../../collections/deque.ts";
import { isShortText, type Message } from "../../message.ts";
import type { AnyMetric } from "../../ops/metrics.ts";
import { correlationPrefix, errorHeader, type RequestError, repliesQueue } from "../../requests.ts";
import type { TimerWheel } from "../clients/timer-wheel.ts";
import { Slices, type Task } from "../durable/slices.ts";
import { RecentIds } from "./recent-ids.ts";

/** What a request and its answers have in common, as the client that asks names it. */
export interface Thread {
  /** Where the answers go: a text of the client's own. */
  readonly replyTo: string;
  /** Undefined where the client gave none. */
  readonly correlationId: string | undefined;
}

/** A connection that asks. */
export interface Asker {
  /** Sends it an answer, whose headers have the client's own correlation id. */
  answer(message: Message, thread: Thread): void;
}

/** Requests of one connection that wait for their expiration. */
const expiringMax = 1000;
/** What each of these takes in memory: its correlation id of up to 255 bytes, and what is kept to know it by. In bytes. */
const expiringBytes = 1024;
/** Requests whose client was told that they have expired, and whose late answers are dropped; then the oldest is forgotten. */
const expiredMax = 10_000;
/** What the correlation ids of requests have that have no expiration. Others have a number there. */
const lasting = "-";

/** A request cannot be asked, for a reason that is the client's: a sentence for it. */
export class RequestFault extends Error {
  override readonly name = "RequestFault";
}

/**
 * The questions of this manager's clients, and the way back of their answers. What is asked is not kept: the correlation id that travels
 * over AMQP says to which connection an answer goes, and what the client called it. It has a secret of the connection's, so
 * that nobody can answer what he was not asked. Only a request with an expiration is remembered, until that or an answer comes.
 */
export class Requests {
  /** How the correlation ids of this manager begin, after the prefix of all. */
  readonly #own = randomBytes(6).toString("base64url");
  readonly #wheel: TimerWheel;
  readonly #lines = new Map<string, Line>();
  readonly #expired = new RecentIds(expiredMax);
  /** Called with what the correlation ids of a connection's requests began with, when it has gone and had asked. */
  onLeft: (asker: string) => void = () => undefined;
  /** Those whose time is over. Clients may have made many end at the same moment: they are told in slices of the event loop's time. */
  readonly #over = new Deque<() => void>();
  readonly #slices = new Slices();
  readonly #telling: Task = { run: (untilMs) => this.#tell(untilMs) };
  #asked = 0;
  #answered = 0;
  #timedOut = 0;
  #unwanted = 0;

  constructor(wheel: TimerWheel) {
    this.#wheel = wheel;
  }

  get metrics(): readonly AnyMetric[] {
    const counter = (name: string, help: string, read: () => number) =>
      ({ name, help, read, type: "counter" }) as const;
    return [
      counter("warren_requests_total", "Messages that clients sent to /app.", () => this.#asked),
      counter(
        "warren_request_answers_total",
        "Answers to requests that went to their clients.",
        () => this.#answered,
      ),
      counter(
        "warren_requests_expired_total",
        "Requests that had no answer within their expiration.",
        () => this.#timedOut,
      ),
      counter(
        "warren_request_answers_unwanted_total",
        "Answers for this manager that went to nobody: the client had gone, the request had expired, or there was none.",
        () => this.#unwanted,
      ),
    ];
  }

  /** A connection's way to ask, until it is closed. */
  line(asker: Asker): Line {
    const secret = randomBytes(12).toString("base64url");
    const line = new Line(asker, `${correlationPrefix}${this.#own}:${secret}`, this.#wheel, (tell) => {
      this.#over.push(tell);
      this.#slices.ask(this.#telling);
    });
    line.onExpired = (id) => {
      this.#timedOut++;
      this.#expired.add(id);
    };
    line.onAsked = () => this.#asked++;
    line.onClosed = () => {
      this.#lines.delete(secret);
      this.onLeft(`${correlationPrefix}${this.#own}:${secret}`);
    };
    this.#lines.set(secret, line);
    return line;
  }

  #tell(untilMs: number): void {
    do this.#over.shift()?.();
    while (this.#over.length > 0 && performance.now() < untilMs);
    if (this.#over.length > 0) this.#slices.ask(this.#telling);
  }

  /** Whether a client of this manager has asked what has this correlation id. */
  isOwn(id: string): boolean {
    return id.startsWith(this.#own, correlationPrefix.length);
  }

  /** Hands an answer to the client that asked. False if it is of another manager's. */
  answer(message: Message, id: string): boolean {
    if (!this.isOwn(id)) return false;
    const [, secret, kind, length, rest] =
      /^[^:]*:[^:]*:([^:]{16}):(-|e\d+\.)(\d{1,3}):(.*)$/s.exec(id) ?? ([] as (string | undefined)[]);
    const line = secret === undefined ? undefined : this.#lines.get(secret);
    if (line === undefined || (kind !== lasting && this.#expired.has(id))) {
      this.#unwanted++;
      return true;
    }
    this.#answered++;
    line.answer(message, id, {
      replyTo: rest!.slice(0, Number(length)),
      correlationId: rest!.length === Number(length) ? undefined : rest!.slice(Number(length)),
    });
    return true;
  }
}

/** One connection's requests. */
export class Line {
  readonly #asker: Asker;
  readonly #prefix: string;
  readonly #wheel: TimerWheel;
  readonly #onOver: (tell: () => void) => void;
  #expiring: Map<string, Expiry> | undefined;
  #numbers = 0;
  onAsked: () => void = () => undefined;
  onExpired: (id: string) => void = () => undefined;
  onClosed: () => void = () => undefined;

  /** @param onOver takes what tells the client that a request's time is over */
  constructor(asker: Asker, prefix: string, wheel: TimerWheel, onOver: (tell: () => void) => void) {
    this.#asker = asker;
    this.#prefix = prefix;
    this.#wheel = wheel;
    this.#onOver = onOver;
  }

  /** What is kept of the requests that wait for their expiration. In bytes. */
  get keptBytes(): number {
    return (this.#expiring?.size ?? 0) * expiringBytes;
  }

  /**
   * The headers that a request travels with instead of its own.
   *
   * @throws RequestFault if it cannot be asked
   */
  headersOf(headers: Message["headers"], { replyTo, correlationId = "" }: Thread, topic: string) {
    const expiration = headers?.["expiration"];
    // What is said of one that has expired is not said of the next one of the same name.
    const kind = expiration === undefined ? lasting : `e${++this.#numbers}.`;
    const id = `${this.#prefix}:${kind}${replyTo.length}:${replyTo}${correlationId}`;
    if (!isShortText(id))
      throw new RequestFault(
        `reply-to and correlation-id are too long: they have at most ${255 - this.#prefix.length - 6} bytes together`,
      );
    this.onAsked();
    if (expiration !== undefined) this.#expire(id, { replyTo, correlationId }, topic, Number(expiration));
    return { ...headers, "reply-to": repliesQueue, "correlation-id": id };
  }

  answer(message: Message, id: string, thread: Thread): void {
    const expiry = this.#expiring?.get(id);
    if (expiry !== undefined) this.#forget(id, expiry);
    this.#asker.answer(withOwn(message, thread), thread);
  }

  /** The request with these headers is not sent on: `why` is a sentence for the client. */
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
      this.onExpired(id);
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

/** Comes due when a request has expired. */
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

/** With the client's own correlation id, and without what is Warren's. */
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
