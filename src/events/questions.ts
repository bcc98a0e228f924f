import { objectIn } from "./json.ts";

/** How long to wait for the answers of all managers, in milliseconds. */
const waitMsMax = 2000;
/** How many questions may wait at a time. */
const questionsMax = 1000;

/** The answers of managers, and those that have not answered. */
export interface Answers {
  /** One of each manager that answered. */
  readonly answers: readonly AnswerOfManager[];
  /** Managers that did not answer in time. */
  readonly missing: readonly string[];
}

/** What one manager answers. */
export interface AnswerOfManager {
  /** The manager that answers. */
  readonly manager: string;
  /** Depends on the question. */
  readonly [field: string]: unknown;
}

interface Question {
  readonly waitsFor: Set<string>;
  readonly answers: AnswerOfManager[];
  readonly timer: NodeJS.Timeout;
  readonly resolve: (answers: Answers) => void;
}

/** Questions to all managers, each of which answers for itself. */
export class Questions {
  readonly #open = new Map<string, Question>();

  /** @param send publishes the question with the given id; undefined: managers cannot be reached */
  ask(managers: readonly string[], send: ((id: string) => void) | undefined): Promise<Answers> {
    if (send === undefined || this.#open.size >= questionsMax)
      return Promise.resolve({ answers: [], missing: managers });
    const id = crypto.randomUUID();
    const { promise, resolve } = Promise.withResolvers<Answers>();
    const timer = setTimeout(() => this.#end(id), waitMsMax);
    this.#open.set(id, { waitsFor: new Set(managers), answers: [], timer, resolve });
    send(id);
    return promise;
  }

  answered(id: string, body: Uint8Array): void {
    const question = this.#open.get(id);
    const answer = question && objectIn(body);
    const manager = answer?.["manager"];
    if (question === undefined || typeof manager !== "string" || !question.waitsFor.delete(manager)) return;
    question.answers.push({ ...answer, manager });
    if (question.waitsFor.size === 0) this.#end(id);
  }

  close(): void {
    for (const id of [...this.#open.keys()]) this.#end(id);
  }

  #end(id: string): void {
    const question = this.#open.get(id);
    if (question === undefined) return;
    this.#open.delete(id);
    clearTimeout(question.timer);
    question.resolve({ answers: question.answers, missing: [...question.waitsFor] });
  }
}
