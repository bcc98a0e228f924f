import { draftFrom, draftKinds } from "../session/draft.ts";
import type { Session, Written } from "../session/session.ts";
import { topicProblem } from "../session/topic.ts";
import { elementOf, setText } from "./element.ts";

const problems: Readonly<Record<Written, string>> = {
  taken: "",
  full: "Too many messages wait for the connection. Send this one when it is back.",
  pattern: "This page listens to many topics. Enter one of them, without * and #.",
};

/** The field for new messages. Enter sends. A message that is not taken stays in the field. */
export class Composer {
  readonly #session: Session;
  readonly #wrote: () => void;
  readonly #form = elementOf("composer", HTMLFormElement);
  readonly #field = elementOf("message", HTMLTextAreaElement);
  readonly #problem = elementOf("message-problem", HTMLElement);
  readonly #to = elementOf("to", HTMLInputElement);
  readonly #toBox = elementOf("to-box", HTMLElement);
  readonly #kind = elementOf("kind", HTMLSelectElement);
  readonly #headers = elementOf("headers", HTMLTextAreaElement);

  constructor(session: Session, wrote: () => void) {
    this.#session = session;
    this.#wrote = wrote;
    this.#form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.#submit();
    });
    this.#field.addEventListener("input", () => this.#fit());
    this.#field.addEventListener("keydown", (event) => {
      // In Japanese, Chinese and Korean input Enter also chooses a word, which must not send anything.
      if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
      event.preventDefault();
      this.#submit();
    });
  }

  focus(): void {
    this.#field.focus();
  }

  /** The page is on another topic. On a pattern, the person has to enter a topic for each message. */
  topicChanged(): void {
    setText(this.#problem, "");
    this.#toBox.hidden = !this.#session.isOnPattern;
  }

  #submit(): void {
    const text = this.#field.value;
    this.#field.focus(); // the on-screen keyboard stays up
    if (text === "") return;
    setText(this.#problem, this.#send(text));
    if (this.#problem.textContent !== "") return;
    this.#field.value = "";
    this.#fit();
    this.#wrote();
  }

  /** @returns why it cannot be sent; empty if it was sent */
  #send(text: string): string {
    const kind = draftKinds.find((each) => each === this.#kind.value) ?? "text";
    const draft = draftFrom(text, kind, this.#headers.value);
    if (typeof draft === "string") return draft;
    if (!this.#session.isOnPattern) return problems[this.#session.write(draft)];
    const to = this.#to.value;
    if (to === "") return problems.pattern;
    return topicProblem(to) ?? problems[this.#session.write(draft, to)];
  }

  /** Makes the field as high as its text, up to the limit in the style sheet. */
  #fit(): void {
    this.#field.style.height = "auto";
    const bordersPx = this.#field.offsetHeight - this.#field.clientHeight;
    this.#field.style.height = `${this.#field.scrollHeight + bordersPx}px`;
  }
}
