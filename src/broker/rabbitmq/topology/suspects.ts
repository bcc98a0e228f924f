import { exchanges } from "./exchanges.ts";
import type { QueueDepth, QueueInspector } from "./queue-inspector.ts";
import { isIdle } from "./refusing-queue.ts";

/**
 * How long a look waits for a queue's answer, in milliseconds. A queue without most of its nodes gives none for half a minute, or until it has
 * them again.
 */
const answerMs = 1000;

/** What a queue was asked, on a channel of its own. */
interface Question {
  readonly answer: Promise<boolean>;
  isAnswered: boolean;
}

/**
 * Finds the queue that refuses messages. A queue is asked by a message to it alone. What it takes stays in it if nobody consumes it: it cannot
 * expire, since RabbitMQ would make a dead letter of it. So queues are asked as rarely as possible.
 */
export class Suspects {
  /** Queues that have taken a message since the last refusal. */
  readonly #taking = new Set<string>();
  /** How many messages the queues had that nobody has emptied since they took one: they are asked again when they have twice as many. */
  readonly #left = new Map<string, number>();
  /** The last question to each queue, until its answer was read. */
  readonly #questions = new Map<string, Question>();

  /** A message was refused, so a queue that has taken one before may be full by now. */
  refusedAgain(): void {
    this.#taking.clear();
    for (const [queue, { isAnswered }] of this.#questions) if (isAnswered) this.#questions.delete(queue);
  }

  /** RabbitMQ takes everything again, or the connection is lost. */
  clear(): void {
    this.#taking.clear();
    this.#left.clear();
    this.#questions.clear();
  }

  /**
   * Returns the queue that refuses messages; undefined if none is found. The queues with the most messages are asked first.
   *
   * @param isOver whether to ask no more
   */
  async find(
    depths: readonly QueueDepth[],
    inspector: QueueInspector,
    isOver: () => boolean,
  ): Promise<QueueDepth | undefined> {
    const suspects = depths.filter((depth) => this.#mayRefuse(depth));
    for (const depth of suspects.toSorted((one, other) => other.messages - one.messages)) {
      if (isOver()) return undefined;
      const refuses = await this.refuses(depth.queue, inspector);
      if (refuses === true) return depth;
      if (refuses === false && !isOver()) this.#took(depth);
    }
    return undefined;
  }

  /** Whether the queue refuses messages; undefined if it does not say. Then the next call waits for the same answer. */
  async refuses(queue: string, inspector: QueueInspector): Promise<boolean | undefined> {
    const question = this.#questions.get(queue) ?? this.#ask(queue, inspector);
    const timeout = Promise.withResolvers<undefined>();
    const timer = setTimeout(() => timeout.resolve(undefined), answerMs);
    try {
      const refuses = await Promise.race([question.answer, timeout.promise]);
      if (refuses !== undefined && this.#questions.get(queue) === question) this.#questions.delete(queue);
      return refuses;
    } finally {
      clearTimeout(timer);
    }
  }

  #ask(queue: string, inspector: QueueInspector): Question {
    const question = { answer: inspector.refuses(queue), isAnswered: false };
    const answered = () => {
      question.isAnswered = true;
    };
    // A failure is told to those that wait for the answer, and to nobody later.
    question.answer.then(answered, () => {
      if (this.#questions.get(queue) === question) this.#questions.delete(queue);
    });
    this.#questions.set(queue, question);
    return question;
  }

  /**
   * An empty queue is not full, whatever its cap, but may be down: only one that nobody consumes can be, so no others are asked. Nor are empty
   * dead letters, which an operator would see the question among.
   */
  #mayRefuse(depth: QueueDepth): boolean {
    const { queue, messages } = depth;
    if (this.#taking.has(queue)) return false;
    if (messages === 0 && (!isIdle(depth) || queue === exchanges.dead)) return false;
    const left = this.#left.get(queue);
    return left === undefined || messages > 2 * left + 1;
  }

  #took(depth: QueueDepth): void {
    const { queue, messages } = depth;
    this.#taking.add(queue);
    if (isIdle(depth) || this.#left.has(queue)) this.#left.set(queue, messages);
  }
}
