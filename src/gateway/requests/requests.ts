import { randomBytes } from "node:crypto";
import { Deque } from "../../collections/deque.ts";
import { isLongerThan, type Message } from "../../message.ts";
import { Histogram } from "../../ops/histogram.ts";
import { LoopTime, type Task } from "../../ops/loop-time.ts";
import type { AnyMetric } from "../../ops/metrics.ts";
import { correlationPrefix } from "../../requests.ts";
import type { TimerWheel } from "../clients/timer-wheel.ts";
import { type Correlation, correlationIn } from "./correlation.ts";
import { type Asker, Line } from "./line.ts";

const tooLarge = "the answer has more bytes than may wait for a client";

/**
 * Requests of this manager's clients, and the way back of their answers. Requests are not remembered: the correlation id over AMQP tells to
 * which connection an answer goes, and what the client named it. It contains a secret of the connection, so that only a program that got
 * the request can answer it. Only a request with an expiration is remembered, until it expires or is answered.
 */
export class Requests {
  /** The prefix of this manager's correlation ids, after the common one. */
  readonly #own = randomBytes(6).toString("base64url");
  readonly #wheel: TimerWheel;
  readonly #lines = new Map<string, Line>();
  /** Called when a connection that has sent requests has gone, with the name in its correlation ids. */
  onLeft: (asker: string) => void = () => undefined;
  /** Expired requests whose clients are still to be told. Clients may make many expire at the same moment, so they are told in turns. */
  readonly #over = new Deque<() => void>();
  readonly #loop: LoopTime;
  readonly #answerBytesMax: number;
  readonly #telling: Task = { run: (untilMs) => this.#tell(untilMs) };
  readonly #seconds = new Histogram({
    name: "warren_request_seconds",
    help: "From when a client asked until the first answer, of each group that answers, was handed to it.",
  });
  #asked = 0;
  #answered = 0;
  #timedOut = 0;
  #unwanted = 0;

  /** @param answerBytesMax a larger answer is replaced by an error: with it, the next message would have the client disconnected */
  constructor(wheel: TimerWheel, loop = new LoopTime(), answerBytesMax = Number.POSITIVE_INFINITY) {
    this.#wheel = wheel;
    this.#loop = loop;
    this.#answerBytesMax = answerBytesMax;
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
      this.#seconds.metric,
    ];
  }

  /** A connection's way to send requests, until it is closed. */
  line(asker: Asker): Line {
    const secret = randomBytes(12).toString("base64url");
    const line = new Line(asker, `${correlationPrefix}${this.#own}:${secret}`, this.#wheel, (tell) => {
      this.#over.push(tell);
      this.#loop.ask(this.#telling);
    });
    line.onExpired = () => this.#timedOut++;
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
    while (this.#over.length > 0 && this.#loop.now() < untilMs);
    if (this.#over.length > 0) this.#loop.ask(this.#telling);
  }

  /** Whether this correlation id is of a request of this manager's clients. */
  isOwn(id: string): boolean {
    return id.startsWith(this.#own, correlationPrefix.length);
  }

  /** Delivers an answer to the client that asked. Returns false if that is another manager's client. */
  answer(message: Message, id: string): boolean {
    if (!this.isOwn(id)) return false;
    const correlation = correlationIn(id);
    const line = correlation && this.#lines.get(correlation.secret);
    if (correlation === undefined || line === undefined || isOver(correlation, line, id)) {
      this.#unwanted++;
      return true;
    }
    this.#answered++;
    const { thread, askedMs } = correlation;
    // A program has the id in its hands, and may give back another time.
    if (isFirst(message)) this.#seconds.record(Math.max(0, performance.now() - askedMs) / 1000);
    if (isLongerThan(message.body, this.#answerBytesMax))
      line.refused({ "correlation-id": id }, thread, message.topic, "failed", tooLarge);
    else line.answer(message, id, thread);
    return true;
  }
}

/** Whether the request has expired, and its client was told so. */
function isOver({ hasExpiration }: Correlation, line: Line, id: string): boolean {
  return hasExpiration && line.hasExpired(id);
}

/** Whether it ends a client's waiting: handlers number their answers, and other programs have one. */
function isFirst({ id }: Message): boolean {
  const number = /\/(\d+)$/.exec(id)?.[1];
  return number === undefined || number === "1";
}
