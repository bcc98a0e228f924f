import { beginnings } from "../session/beginning.ts";
import type { Session } from "../session/session.ts";
import { topicOfPage, topicProblem } from "../session/topic.ts";
import { elementOf, setText } from "./element.ts";

/** The field for the topic. The address bar follows it, so that a copied address leads to the same topic. */
export class TopicField {
  readonly #session: Session;
  readonly #joined: () => void;
  readonly #form = elementOf("topic-form", HTMLFormElement);
  readonly #field = elementOf("topic", HTMLInputElement);
  readonly #join = elementOf("topic-join", HTMLButtonElement);
  readonly #problem = elementOf("topic-problem", HTMLElement);
  readonly #from = elementOf("from", HTMLSelectElement);
  readonly #secondPage = elementOf("second-page", HTMLAnchorElement);

  constructor(session: Session, joined: () => void) {
    this.#session = session;
    this.#joined = joined;
    this.#field.value = topicOfPage(location.href);
    this.#form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.#submit();
    });
    this.#field.addEventListener("input", () => this.#check());
    this.#field.addEventListener("keydown", (event) => {
      if (event.key !== "Escape") return;
      this.#field.value = session.topic;
      this.#check();
    });
    this.#from.addEventListener("change", () => this.#begin());
    this.#check();
    this.#showTopic();
  }

  /** Reads the topic from another place in the log, and continues with new messages. */
  #begin(): void {
    const beginning = beginnings.find((each) => each === this.#from.value) ?? "next";
    this.#from.value = "next";
    if (beginning !== "next") this.#session.join(this.#session.topic, beginning);
  }

  /** Joins a topic that was chosen elsewhere on the page. */
  go(topic: string): void {
    this.#field.value = topic;
    this.#submit();
  }

  #submit(): void {
    if (!this.#check()) return;
    this.#session.join(this.#field.value);
    history.replaceState(null, "", this.#session.page);
    this.#check();
    this.#showTopic();
    this.#joined();
  }

  #check(): boolean {
    const problem = topicProblem(this.#field.value);
    this.#join.hidden = this.#field.value === this.#session.topic;
    this.#field.ariaInvalid = problem === undefined ? null : "true";
    setText(this.#problem, problem ?? "");
    return problem === undefined;
  }

  #showTopic(): void {
    this.#secondPage.href = this.#session.page;
    document.title = this.#session.topic === "" ? "Warren" : `${this.#session.topic} · Warren`;
  }
}
