import { until } from "../support/wait.ts";

/** The time between two questions, in milliseconds. */
const everyMs = 25;
/** After this a question without any answer is answered with an error, in milliseconds. */
const expirationMs = 6000;
/** The answers that a generator yields to one question. */
const yields = 5;

/** Answers questions of an asker, some at once and some with a generator, and processes all other messages as the built-in handler does. */
export const answeringHandler = `export default async function* ({ text, isRequest }) {
  if (!isRequest) { yield "processed message: " + text; return; }
  const [, count] = text.split(" ");
  for (let number = 1; number <= Number(count); number++) {
    yield text + " " + number;
    await Bun.sleep(20);
  }
};`;

interface Question {
  readonly count: number;
  readonly answers: string[];
  readonly errors: string[];
}

/** A client that sends requests all the time, and checks that each is answered once, or with an error. */
export class Asker {
  readonly #socket: WebSocket;
  readonly #questions: Question[] = [];
  readonly #connected = Promise.withResolvers<void>();
  #timer: NodeJS.Timeout | undefined;
  isClosed = false;

  constructor(url: string) {
    const socket = new WebSocket(url, "v12.stomp");
    this.#socket = socket;
    socket.onopen = () => socket.send("CONNECT\naccept-version:1.2\n\n\0");
    socket.onmessage = ({ data }) => this.#take(String(data));
    socket.onclose = () => {
      this.isClosed = true;
      clearInterval(this.#timer);
      this.#connected.reject(new Error("an asker's connection has ended"));
    };
    this.#connected.promise.catch(() => undefined);
  }

  async start(): Promise<void> {
    await this.#connected.promise;
    this.#timer = setInterval(() => this.#ask(), everyMs);
    await until(() => this.#questions.some(isAnswered), "the first answer", 20_000);
  }

  /**
   * Stops asking, and waits until no request is open. Then it asks once more: a processor handles redelivered requests of this client before
   * that one, so every repeated answer has come by then. Returns the faults.
   */
  async settle(): Promise<readonly string[]> {
    clearInterval(this.#timer);
    if (this.isClosed) return ["an asker's connection has ended"];
    await this.#allSettled();
    this.#ask();
    await this.#allSettled();
    return this.#questions.flatMap((question, number) => {
      const { count, answers, errors } = question;
      const wanted = Array.from({ length: count }, (_, at) => `${number} ${count} ${at + 1}`);
      const isRight = errors.length === 0 && answers.join() === wanted.join();
      const isError = errors.length === 1 && answers.length === 0;
      return isRight || isError
        ? []
        : [
            `question ${number}: answers ${answers.join(", ") || "none"}; errors ${errors.join(", ") || "none"}`,
          ];
    });
  }

  /** Missing answers are found afterwards. */
  async #allSettled(): Promise<void> {
    await until(
      () => this.#questions.every(isSettled),
      "an answer or an error to each question",
      40_000,
    ).catch(() => undefined);
  }

  close(): void {
    clearInterval(this.#timer);
    this.#socket.close();
  }

  #ask(): void {
    const number = this.#questions.length;
    const count = number % 3 === 0 ? yields : 1;
    this.#questions.push({ count, answers: [], errors: [] });
    this.#socket.send(
      `SEND\ndestination:/app/ask\nreply-to:/temp-queue/a\ncorrelation-id:${number}\nexpiration:${expirationMs}\n\n${number} ${count}\0`,
    );
  }

  #take(frame: string): void {
    const [head = "", body = ""] = frame.split("\n\n", 2);
    if (head.startsWith("CONNECTED")) this.#connected.resolve();
    if (!head.startsWith("MESSAGE")) return;
    const question = this.#questions[Number(/^correlation-id:(\d+)$/m.exec(head)?.[1])];
    const error = /^error:(.*)$/m.exec(head)?.[1];
    if (error === undefined) question?.answers.push(body.slice(0, -1));
    else question?.errors.push(error);
  }
}

function isAnswered({ count, answers }: Question): boolean {
  return answers.length >= count;
}

function isSettled(question: Question): boolean {
  return isAnswered(question) || question.errors.length > 0;
}
