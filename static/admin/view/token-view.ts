import { elementOf, setText } from "../../view/element.ts";
import type { Api } from "../state/api.ts";
import { told } from "../state/nothing.ts";
import type { Watch } from "../state/watch.ts";

/** Asks for the admin token while it is needed, and shows this manager's state. */
export class TokenView {
  readonly #api: Api;
  readonly #watch: Watch;
  readonly #form = elementOf("token-form", HTMLFormElement);
  readonly #field = elementOf("token", HTMLInputElement);
  readonly #problem = elementOf("token-problem", HTMLElement);
  readonly #noApi = elementOf("no-api", HTMLElement);
  readonly #status = elementOf("status", HTMLElement);
  readonly #statusText = elementOf("status-text", HTMLElement);

  constructor(api: Api, watch: Watch, opened: () => void) {
    this.#api = api;
    this.#watch = watch;
    this.#form.addEventListener("submit", (event) => {
      event.preventDefault();
      const token = this.#field.value.trim();
      // A header cannot carry it, so it is no token.
      if (!/^[\x21-\x7e]+$/.test(token)) {
        setText(this.#problem, "Paste the content of the file of --admin-token-file.");
        return;
      }
      this.#api.token = token;
      this.#field.value = "";
      opened();
    });
  }

  draw(): void {
    const { readiness, isReached, api } = this.#watch;
    const isLocked = api === "locked";
    this.#form.hidden = !isLocked;
    this.#noApi.hidden = api !== "absent";
    const isWrong = isLocked && this.#api.token !== undefined;
    setText(this.#problem, isWrong ? "That is not this manager's token." : "");
    if (isWrong) this.#api.token = undefined;
    this.#status.dataset["is"] = readiness?.ready === true ? "ready" : "unready";
    const words = !isReached
      ? "The manager cannot be reached"
      : readiness?.ready === true
        ? "Ready"
        : readiness === undefined
          ? "The manager does not say whether it is ready"
          : `Not ready: ${told(readiness.why, "no reason given")}`;
    setText(this.#statusText, words);
  }
}
