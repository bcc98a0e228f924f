import type { Session } from "../session/session.ts";
import { tokenFrom } from "../session/token.ts";
import { elementOf, setText } from "./element.ts";

/** The field for a token, while the manager asks for one. */
export class TokenField {
  readonly #session: Session;
  readonly #take: (token: string) => void;
  readonly #form = elementOf("token-form", HTMLFormElement);
  readonly #field = elementOf("token", HTMLInputElement);
  readonly #problem = elementOf("token-problem", HTMLElement);

  constructor(session: Session, take: (token: string) => void) {
    this.#session = session;
    this.#take = take;
    this.#form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.#submit();
    });
  }

  draw(): void {
    if (this.#session.lacksToken) this.#form.hidden = false;
    else if (this.#session.state.is === "connected") this.#form.hidden = true;
  }

  #submit(): void {
    const token = tokenFrom(this.#field.value);
    setText(this.#problem, token === undefined ? "Paste a token: three parts with dots between them." : "");
    if (token === undefined) return;
    this.#take(token);
    this.#field.value = "";
    this.#session.identify();
  }
}
