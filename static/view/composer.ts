import type { Session, Written } from "../session/session.ts";
import { elementOf, setText } from "./element.ts";

const problems: Readonly<Record<Written, string>> = {
  taken: "",
  full: "Enough is waiting to be sent. This stays here until the connection is back.",
  pattern: "This page listens to many topics. Join one of them to send.",
};

/** The field to write in. Enter sends; what cannot be taken now stays in the field. */
export class Composer {
  readonly #session: Session;
  readonly #wrote: () => void;
  readonly #form = elementOf("composer", HTMLFormElement);
  readonly #field = elementOf("message", HTMLTextAreaElement);
  readonly #problem = elementOf("message-problem", HTMLElement);

  constructor(session: Session, wrote: () => void) {
    this.#session = session;
    this.#wrote = wrote;
    this.#form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.#submit();
    });
    this.#field.addEventListener("input", () => this.#fit());
    this.#field.addEventListener("keydown", (event) => {
      // Enter also picks a word in Japanese, Chinese and Korean input: not ours then.
      if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
      event.preventDefault();
      this.#submit();
    });
  }

  focus(): void {
    this.#field.focus();
  }

  /** The page is on another topic, and on a pattern there is nowhere to send to. */
  topicChanged(): void {
    setText(this.#problem, "");
    this.#field.placeholder = this.#session.isOnPattern
      ? "Listening only: join one topic to send"
      : "Message";
  }

  #submit(): void {
    const text = this.#field.value;
    this.#field.focus(); // the on-screen keyboard stays up
    if (text === "") return;
    const written = this.#session.write(text);
    setText(this.#problem, problems[written]);
    if (written !== "taken") return;
    this.#field.value = "";
    this.#fit();
    this.#wrote();
  }

  /** As high as its text, up to what the style sheet allows. */
  #fit(): void {
    this.#field.style.height = "auto";
    const bordersPx = this.#field.offsetHeight - this.#field.clientHeight;
    this.#field.style.height = `${this.#field.scrollHeight + bordersPx}px`;
  }
}
