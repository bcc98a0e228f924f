import { randomBytes } from "node:crypto";
import { Deque } from "../../collections/deque.ts";
import { isLongerThan, type Message } from "../../message.ts";
import { LoopTime, type Task } from "../../ops/loop-time.ts";
import type { AnyMetric } from "../../ops/metrics.ts";
import { correlationPrefix } from "../../requests.ts";
import type { TimerWheel } from "../clients/timer-wheel.ts";
import { type Correlation, correlationIn } from "./correlation.ts";
import { type Asker, Line } from "./line.ts";

const tooLarge = "the answer has more bytes than may wait for a client";

/**
 * The questions of this manager's clients, and the way back of their answers. What is asked is not kept: the correlation id that travels
 * over AMQP says to which connection an answer goes, and what the client called it. It has a secret of the connection's, so
 * that nobody can answer a question without having got it. Only a request with an expiration is remembered, until that or an answer comes.
 */
export class Requests {
  /** How the correlation ids of this manager begin, after the prefix of all. */
  readonly #own = randomBytes(6).toString("base64url");
  readonly #wheel: TimerWheel;
  readonly #lines = new Map<string, Line>();
  /** Called with what the correlation ids of a connection's requests began with, when it has gone and had asked. */
  onLeft: (asker: string) => void = () => undefined;
  /** Those whose time is over. Clients may have made many end at the same moment: they are told by turns. */
  readonly #over = new Deque<() => void>();
  readonly #loop: LoopTime;
  readonly #answerBytesMax: number;
  readonly #telling: Task = { run: (untilMs) => this.#tell(untilMs) };
  #asked = 0;
  #answered = 0;
  #timedOut = 0;
  #unwanted = 0;

  /** @param answerBytesMax a larger answer would have its client disconnected by the next: it is told of an error instead */
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
    ];
  }

  /** A connection's way to ask, until it is closed. */
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

  /** Whether a client of this manager has asked what has this correlation id. */
  isOwn(id: string): boolean {
    return id.startsWith(this.#own, correlationPrefix.length);
  }

  /** Hands an answer to the client that asked. False if it is of another manager's. */
  answer(message: Message, id: string): boolean {
    if (!this.isOwn(id)) return false;
    const correlation = correlationIn(id);
    const line = correlation && this.#lines.get(correlation.secret);
    if (correlation === undefined || line === undefined || isOver(correlation, line, id)) {
      this.#unwanted++;
      return true;
    }
    this.#answered++;
    const { thread } = correlation;
    if (isLongerThan(message.body, this.#answerBytesMax))
      line.refused({ "correlation-id": id }, thread, message.topic, "failed", tooLarge);
    else line.answer(message, id, thread);
    return true;
  }
}

/** Whether its client was told that it has expired. */
function isOver({ hasExpiration }: Correlation, line: Line, id: string): boolean {
  return hasExpiration && line.hasExpired(id);
}
